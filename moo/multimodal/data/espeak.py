"""eSpeak NG in this process: text to sound, by the library that `espeakng-loader` ships."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from moo.errors import MissingExtraError, ProblemError

_SYNCHRONOUS, _DO_NOT_EXIT = 2, 0x8000  # espeak_AUDIO_OUTPUT, espeakINITIALIZE_DONT_EXIT
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4  # espeak_PARAMETER
_UTF8, _CHARACTER = 1, 1  # espeakCHARS_UTF8, POS_CHARACTER
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_ONE_AT_A_TIME = threading.Lock()  # the library has one state for the whole process


@dataclass(frozen=True)
class Prosody:
    """How a text is said.

    Attributes:
        voice: such as "en+f1".
        rate: words a minute, 80 to 450.
        volume: 0 to 200, 100 being usual.
        pitch, spread: base and range of the pitch, 0 to 99, 50 being usual.
    """

    voice: str
    rate: int = 175
    volume: int = 100
    pitch: int = 50
    spread: int = 50


class Speaker:
    """The library while it is loaded; made by `speaker`.

    Attributes:
        hertz: samples a second.
    """

    def __init__(self, library: Any, hertz: int) -> None:
        self.hertz = hertz
        self._library = library
        self._parts: list[np.ndarray] = []
        self._callback = _CALLBACK(self._take)  # kept alive as long as the library may call it
        library.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, prosody: Prosody) -> np.ndarray:
        """Samples (n,), float32, full scale 1; none for a text without anything to say.

        Raises:
            ProblemError: for a voice that is not there.
        """
        if self._library.espeak_SetVoiceByName(prosody.voice.encode()) != 0:
            raise ProblemError(f"eSpeak NG has no voice {prosody.voice!r}")
        settings = {_RATE: prosody.rate, _VOLUME: prosody.volume, _PITCH: prosody.pitch}
        for parameter, value in {**settings, _RANGE: prosody.spread}.items():
            self._library.espeak_SetParameter(parameter, value, 0)
        self._parts = []
        said = text.replace("\0", " ").encode("utf-8") + b"\0"
        self._library.espeak_Synth(said, len(said), 0, _CHARACTER, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        return np.concatenate([*self._parts, np.zeros(0, dtype=np.float32)])

    def _take(self, samples: Any, n: int, events: Any) -> int:
        if samples and n > 0:
            self._parts.append(np.ctypeslib.as_array(samples, shape=(n,)).astype(np.float32) / 32768.0)
        return 0


@contextmanager
def speaker() -> Iterator[Speaker]:
    """The library, loaded afresh: what was said before has no influence. Others wait meanwhile.

    Raises:
        MissingExtraError: without espeakng-loader.
        ProblemError: when the library does not start.
    """
    try:
        loader = import_module("espeakng_loader")
    except ImportError:
        raise MissingExtraError("espeakng-loader", "multimodal") from None
    with _ONE_AT_A_TIME:
        folder = str(Path(loader.get_data_path()).parent)
        try:
            library = ctypes.CDLL(loader.get_library_path())
        except OSError as error:
            raise ProblemError(f"eSpeak NG cannot be loaded: {error}") from None
        library.espeak_Synth.argtypes = [
            *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
            *(ctypes.c_void_p, ctypes.c_void_p),
        ]
        hertz = library.espeak_Initialize(_SYNCHRONOUS, 0, folder.encode(), _DO_NOT_EXIT)
        if hertz <= 0:
            raise ProblemError(f"eSpeak NG does not start with the data in {folder}")
        try:
            yield Speaker(library, hertz)
        finally:
            library.espeak_Terminate()
            _unload(library)


def _unload(library: Any) -> None:
    """Out of the process, with the variables that outlive `espeak_Terminate`."""
    import _ctypes

    getattr(_ctypes, "dlclose" if hasattr(_ctypes, "dlclose") else "FreeLibrary")(library._handle)
