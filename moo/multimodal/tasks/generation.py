"""Generation across modalities: say what an image shows, and draw what a caption says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch.nn import functional

from moo.arrays import Array
from moo.errors import MissingExtraError, OptionError, ProblemError
from moo.multimodal.captions import UNKNOWN, Vocabulary, fitting_length, shown
from moo.multimodal.data import DataSet, MultimodalData, Samples
from moo.multimodal.data.emoji import Emoji
from moo.multimodal.generators import CaptionImageModel, Generated, side_of
from moo.multimodal.losses import masked_mean
from moo.multimodal.tasks.base import Task, require_modalities

if TYPE_CHECKING:
    from moo.result import Result

_AT_ONCE = 256  # rows generated together


class Generation(Task):
    """Write the captions of images, and draw the images of captions, by way of one joint embedding.

    Objectives: "caption", the mean cross entropy in nats of a token (sub-word) given the image and the
    tokens before it, and "image", the mean squared error of the colours, in [0, 1], drawn from the tokens.
    Reported as well: "perplexity" (exp of the caption loss), "token accuracy", "PSNR" (dB, of the mean
    squared error), and "skill", by which a model is chosen: the mean of the two shares of loss that the
    model saves against constant answers, which are the training split's token frequencies and its mean
    image. BLEU and chrF of whole captions are by `scores`.

    Rows without an image or a caption are left out. Tokens are learned from the training captions alone.
    A caption is cut at ``length`` tokens. A new word is spelt by pieces; a new character is one "unknown"
    token, which the model may be given but is never asked for.

    Measured on Emoji with ``moo.solve(Generation(), moo.WeightedSum(n=5), budget=7500, seed=0)``, one seed,
    20 s on one thread. Training losses run from (2.33 nats, 0.040) at weights (0.97, 0.03) by way of (2.32,
    0.037), (2.35, 0.035) and (2.45, 0.034) to (3.21, 0.033) at (0.00003, 1): the losses conflict mildly.
    Nearly all of the image loss is had for 0.1 nats a token, and the last of it may only show captions
    that were hardly trained. On the test split the chosen model (the fourth) has perplexity 38.4, where
    token frequencies have 115 and a bigram model (smoothed on validation) 38.8; with images shuffled it
    has 54.9, so it does use them. Its captions have BLEU 2.9 and chrF 11.1; always the first training
    caption (all occur once) has 0.0 and 4.1, but the best for chrF of 103 training captions, chosen on the
    test split itself, has 13.7. (BLEU is noise at this length: the model worst in caption loss has 11.8.)
    PSNR is 13.97 dB, the mean training image's 13.40 dB. That is little: from 1,330 pairs it learns kinds,
    such as flags, persons and faces, hardly things.

    Args:
        data: a `MultimodalData` or `DataSet` with "image" and ``texts``, such as `moo.multimodal.Emoji`,
            the default.
        n_tokens: the largest vocabulary.
        length: the most tokens a caption has, its end included; at least 2.
        width, trunk, hidden: sizes of the model, see `moo.multimodal.generators.CaptionImageModel`.
        batch_size, bound, device: as in `moo.multimodal.ModelProblem`; a batch size beyond the training
            samples takes all of them.

    Raises:
        ProblemError: for data without images or texts, images that are not square, and a split in which
            no row has both; and as `ModelProblem`.
        OptionError: for sizes out of their range.
        MissingExtraError: when the packages of the default data are not installed.
    """

    task_name = "generation"
    chosen_by = "skill"

    def __init__(
        self,
        data: MultimodalData | DataSet | None = None,
        *,
        n_tokens: int = 256,
        length: int = 10,
        width: int = 16,
        trunk: int = 32,
        hidden: int = 64,
        batch_size: int | None = 64,
        bound: float | None = 0.25,
        device: str = "cpu",
    ) -> None:
        given = captioned(self._loaded(data))
        texts = [given.texts[i] for i in given.split["train"]]
        self.vocabulary = Vocabulary.learned(texts, n_tokens)
        self.length = fitting_length(self.vocabulary, texts, length)
        tokenised = _tokenised(given, self.vocabulary, self.length)
        constant = _constant_answers(tokenised.part("train"), len(self.vocabulary))
        model = partial(
            CaptionImageModel,
            len(self.vocabulary),
            side_of(given.samples.modalities["image"]),
            width=width,
            trunk=trunk,
            hidden=hidden,
            brightness=float(constant.image.mean()),
        )
        super().__init__(
            tokenised,
            model,
            {"caption": _caption_loss, "image": _image_loss},
            {
                "perplexity": _perplexity,
                "token accuracy": _token_accuracy,
                "PSNR": _psnr,
                "skill": partial(_skill, Generated(*(values.to(device) for values in constant))),
            },
            batch_size=batch_size,
            bound=bound,
            device=device,
        )

    @classmethod
    def default_data(cls) -> DataSet:
        return Emoji()

    def captions(self, x: Array, samples: Samples | str = "test", n: int | None = None) -> list[str]:
        """Greedy captions of the images of the first n samples, by the model in one row x (n_var,).

        Args:
            x: one row of X.
            samples: with a modality "image", or the name of a split.
            n: how many; None for all.

        Raises:
            ProblemError: for another shape of x or of images, an unknown split, or n beyond the samples.
        """
        model = self._model_of(x)
        images = self._some(samples, n, "image")
        if side_of(images) != model.size:
            raise ProblemError(
                f"the images are {side_of(images)} pixels a side, expected {model.size} as in training"
            )
        tokens = [model.greedy(part, self.length) for part in torch.split(images, _AT_ONCE)]
        return self.vocabulary.decode(torch.cat(tokens))

    def images(
        self, x: Array, samples: Samples | str | Sequence[str] = "test", n: int | None = None
    ) -> np.ndarray:
        """Images (n, size, size, 3), float32 in [0, 1], drawn of the first n captions, by the model in one
        row x (n_var,).

        Args:
            x: one row of X.
            samples: with a modality "tokens" of this task, the name of a split, or a list of captions.
            n: how many; None for all.

        Raises:
            ProblemError: for another shape of x, an unknown split, n beyond the samples, or a caption of
                one's own of which no character is known from training.
        """
        model = self._model_of(x)
        if isinstance(samples, Samples | str):
            tokens = self._some(samples, n, "tokens")
        else:
            tokens = self._encoded(samples)[: _count(n, len(samples), "captions")]
        with torch.no_grad():
            drawn = torch.cat([model.drawn(part) for part in torch.split(tokens, _AT_ONCE)])
        return np.asarray(drawn.permute(0, 2, 3, 1).cpu().numpy())

    def scores(self, x: Array, part: str = "test") -> dict[str, float]:
        """How the model in one row x (n_var,) does on a split.

        "BLEU" (Papineni et al. 2002) and "chrF" (Popovic 2015) from 0 to 100, by sacrebleu at its defaults
        but for lower case, of greedy captions against each row's own caption; "PSNR" in dB, of the mean
        squared error over the split.

        Raises:
            ProblemError: for another shape of x, or an unknown split.
            MissingExtraError: without sacrebleu.
        """
        samples = self.data.part(part)
        error = self.images(x, part) - samples.modalities["image"].permute(0, 2, 3, 1).cpu().numpy()
        return {
            **caption_scores(self.captions(x, part), self.written(part)),
            "PSNR": float(-10.0 * np.log10(np.square(error).mean())),
        }

    def written(self, part: str = "test", n: int | None = None) -> list[str]:
        """The captions of the first n rows of a split as they were written; None for all."""
        count = _count(n, len(self.data.part(part)), "samples")
        return [self.data.texts[i] for i in self.data.split[part][:count]]

    def samples_page(
        self, result: Result | np.ndarray, file: str | Path, *, part: str = "test", n: int = 24
    ) -> Path:
        """Write a self-contained HTML page of n samples of a split, spread over it: each picture, its caption
        and what three models make of them, the ends of the front and the chosen point.

        Args:
            result: of `moo.solve`, or its X (k, n_var).
            file: where to; a folder that is missing is made.
            part: "train", "validation" or "test".
            n: samples; fewer where the split has fewer.

        Raises:
            StorageError: when the file cannot be written.
        """
        from moo.multimodal.samples_page import write_page

        X = result if isinstance(result, np.ndarray) else result.X
        return write_page(self, X, Path(file), part=part, n=n)

    def write_samples(self, X: np.ndarray, folder: Path) -> list[Path]:
        return [self.samples_page(X, folder / "samples.html")]

    def _model_of(self, x: Array) -> CaptionImageModel:
        return cast(CaptionImageModel, self.module(x)).eval()

    def _some(self, samples: Samples | str, n: int | None, modality: str) -> torch.Tensor:
        chosen = self.data.part(samples) if isinstance(samples, str) else samples
        require_modalities(chosen, (modality,))
        count = _count(n, len(chosen), "samples")
        return chosen.modalities[modality][:count].to(self.device)

    def _encoded(self, texts: Sequence[str]) -> torch.Tensor:
        for text in texts:
            if not self.vocabulary.known(text):
                raise ProblemError(
                    f"caption {text!r} has no character that the training captions have: give one "
                    "of known words"
                )
        return self.vocabulary.encode(texts, self.length).to(self.device)


# ------------------------------------------------------------------ the data


def captioned(data: MultimodalData) -> MultimodalData:
    """The data with only such rows in its split as have an image and a caption.

    Raises:
        ProblemError: without images or texts, for images that are not square, or when no row is left in a
            part of the split.
    """
    require_modalities(data.samples, ("image",))
    side_of(data.samples.modalities["image"])
    if not data.texts:
        raise ProblemError(
            "the data has no texts, which captions are made of: give MultimodalData(texts=...)"
        )
    said = np.array([bool(text.strip()) for text in data.texts])
    both = said & data.samples.mask("image").cpu().numpy()
    split = {name: rows[both[rows]] for name, rows in data.split.items()}
    for name, rows in split.items():
        if not len(rows):
            raise ProblemError(f"the split {name!r} has no row with an image and a caption: expected some")
    return replace(data, split=split)


def _tokenised(data: MultimodalData, vocabulary: Vocabulary, length: int) -> MultimodalData:
    modalities = {
        "image": data.samples.modalities["image"],
        "tokens": vocabulary.encode(data.texts, length),
    }
    return replace(data, samples=Samples(modalities, data.samples.labels))


def _count(n: int | None, most: int, what: str) -> int:
    if n is None:
        return most
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= most:
        raise ProblemError(f"n={n!r} is not accepted: give 1 to the {most} {what} there are, or None for all")
    return n


# ------------------------------------------------------------------ losses and metrics


def _asked(samples: Samples) -> torch.Tensor:
    """Which tokens (n, length) a model is asked for: not what no training caption has."""
    tokens = samples.modalities["tokens"]
    return shown(tokens) & (tokens != UNKNOWN)


def _caption_loss(output: Generated, samples: Samples) -> torch.Tensor:
    tokens, asked = samples.modalities["tokens"], _asked(samples)
    each = functional.cross_entropy(output.caption.flatten(0, 1), tokens.flatten(), reduction="none")
    return masked_mean(each, asked.flatten())


def _image_loss(output: Generated, samples: Samples) -> torch.Tensor:
    return (output.image - samples.modalities["image"]).square().mean()


def _perplexity(output: Generated, samples: Samples) -> torch.Tensor:
    return _caption_loss(output, samples).exp()


def _token_accuracy(output: Generated, samples: Samples) -> torch.Tensor:
    hits = output.caption.argmax(dim=-1) == samples.modalities["tokens"]
    return masked_mean(hits.to(output.caption.dtype).flatten(), _asked(samples).flatten())


def _psnr(output: Generated, samples: Samples) -> torch.Tensor:
    return -10.0 * torch.log10(_image_loss(output, samples))


def _skill(constant: Generated, output: Generated, samples: Samples) -> torch.Tensor:
    """The mean of the shares of either loss that is saved against a constant answer."""
    rows, length = samples.modalities["tokens"].shape
    same = Generated(constant.caption.expand(rows, length, -1), constant.image)
    saved = [1.0 - loss(output, samples) / loss(same, samples) for loss in (_caption_loss, _image_loss)]
    return torch.stack(saved).mean()


def _constant_answers(train: Samples, n_tokens: int) -> Generated:
    """Log frequencies of the tokens (n_tokens,), each seen once more than it was, and the mean image."""
    tokens = train.modalities["tokens"]
    counts = 1.0 + torch.bincount(tokens[_asked(train)], minlength=n_tokens)
    return Generated((counts / counts.sum()).log(), train.modalities["image"].mean(0))


def caption_scores(captions: Sequence[str], written: Sequence[str]) -> dict[str, float]:
    """Corpus BLEU and chrF, from 0 to 100, of captions against one written caption each.

    Raises:
        OptionError: for different numbers of the two.
        MissingExtraError: without sacrebleu.
    """
    if len(captions) != len(written):
        raise OptionError(f"{len(captions)} captions cannot be scored against {len(written)}: give one each")
    try:
        import sacrebleu
    except ImportError:
        raise MissingExtraError("sacrebleu", "multimodal") from None
    said = [text.lower() for text in captions]
    truth: list[Any] = [[text.lower() for text in written]]
    return {
        "BLEU": float(sacrebleu.corpus_bleu(said, truth).score),
        "chrF": float(sacrebleu.corpus_chrf(said, truth).score),
    }
