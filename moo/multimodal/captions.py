"""Captions as sequences of sub-word tokens."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch

from moo.errors import OptionError, ProblemError
from moo.multimodal.encoders import positive

PAD, END, UNKNOWN = 0, 1, 2
"""Token 0 fills what follows the end, and stands before the first token; 1 ends; 2 is a character that no
training caption has."""
_SPECIAL = ("", "", "\N{REPLACEMENT CHARACTER}")
_BEGIN = "\N{LOWER ONE EIGHTH BLOCK}"  # marks where a word begins, as in SentencePiece
_FREQUENT = 5000  # words that pieces are learned from: the rest of a large data set hardly moves them


@dataclass(frozen=True)
class Vocabulary:
    """Pieces of words, from single characters up, by byte-pair encoding (Sennrich, Haddow and Birch 2016,
    algorithm 1): the pair of neighbours seen most often becomes a piece, again and again.

    Captions are lower-cased; a word is a run of letters and digits or one other sign, and a piece never
    crosses words. What has no piece of its own is spelt by smaller ones, so that a word unseen in training
    still has tokens; only a character unseen in training is `UNKNOWN`.

    Attributes:
        pieces: the text of each token, at its number; the first three are special.
        merges: pairs of pieces, in the order they were joined.
    """

    pieces: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]

    @classmethod
    def learned(cls, texts: Iterable[str], n_tokens: int = 256) -> Vocabulary:
        """The vocabulary of some texts, of at most ``n_tokens`` tokens; it has every character of theirs,
        however many.

        Raises:
            OptionError: for n_tokens that is no positive integer.
            ProblemError: when no text has a character.
        """
        positive("n_tokens", n_tokens)
        counts = Counter(word for text in texts for word in split_words(text))
        if not counts:
            raise ProblemError("the training captions are all empty: there is no vocabulary to learn")
        letters = sorted({letter for word in counts for letter in word})
        merges = tuple(_merges(counts, n_tokens - len(_SPECIAL) - len(letters)))
        joined = dict.fromkeys("".join(pair) for pair in merges)
        return cls((*_SPECIAL, *letters, *joined), merges)

    def __len__(self) -> int:
        return len(self.pieces)

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text, without an end; none for an empty one."""
        return [token for word in split_words(text) for token in self._of_word(word)]

    def encode(self, texts: Sequence[str], length: int) -> torch.Tensor:
        """Tokens (n, length), int64: each text's with `END`, then `PAD`. Of a text too long the first
        ``length`` tokens are kept, with no end, so that nobody learns to stop there.

        Raises:
            OptionError: for a length that is no positive integer.
        """
        rows = torch.full((len(texts), positive("length", length)), PAD)
        for row, text in zip(rows, texts, strict=True):
            kept = [*self.tokens(text), END][:length]
            row[: len(kept)] = torch.tensor(kept)
        return rows

    def decode(self, tokens: torch.Tensor) -> list[str]:
        """The texts, in lower case, of tokens (n, length), each up to its first `END`."""
        return [self._text(row) for row in tokens.tolist()]

    def known(self, text: str) -> bool:
        """Whether a text has a token that some training caption has."""
        return any(token != UNKNOWN for token in self.tokens(text) if self.pieces[token] != _BEGIN)

    def _text(self, row: list[int]) -> str:
        kept = row[: row.index(END)] if END in row else row
        joined = "".join(self.pieces[token] for token in kept)
        return " ".join(joined.replace(_BEGIN, " ").split())

    def _of_word(self, word: str) -> list[int]:
        if word not in self._spelt:
            parts = list(word)
            for pair in self._in_order(parts):
                parts = _joined(parts, pair)
            self._spelt[word] = [self._number.get(part, UNKNOWN) for part in parts]
        return self._spelt[word]

    def _in_order(self, parts: list[str]) -> Iterable[tuple[str, str]]:
        """The merges that can concern a word, in their order."""
        whole = "".join(parts)
        return [pair for pair in self.merges if pair[0] + pair[1] in whole]

    @cached_property
    def _number(self) -> dict[str, int]:
        return {piece: i for i, piece in enumerate(self.pieces) if i >= len(_SPECIAL)}

    @cached_property
    def _spelt(self) -> dict[str, list[int]]:
        """Tokens of the words seen so far: the same words come again and again."""
        return {}


def split_words(text: str) -> list[str]:
    """The words of a text in lower case, each with the sign of its beginning."""
    return [_BEGIN + word for word in re.findall(r"\w+|[^\w\s]", text.lower().replace(_BEGIN, " "))]


def shown(tokens: torch.Tensor) -> torch.Tensor:
    """Which tokens (n, length) count, bool: all up to and with `END`."""
    return tokens != PAD


def preceding(tokens: torch.Tensor) -> torch.Tensor:
    """The token before each of tokens (n, length), `PAD` before the first."""
    return torch.nn.functional.pad(tokens[:, :-1], (1, 0), value=PAD)


def fitting_length(vocabulary: Vocabulary, texts: Sequence[str], most: int) -> int:
    """The tokens of the longest text, its end included, or ``most`` if that is less.

    Raises:
        OptionError: for ``most`` that is no integer >= 2: one token and an end.
    """
    if positive("length", most) < 2:
        raise OptionError(f"length={most!r} is not accepted: give an integer >= 2, the end takes one")
    return min(most, 1 + max(len(vocabulary.tokens(text)) for text in texts))


# ------------------------------------------------------------------ byte pairs


def _merges(counts: Counter[str], most: int) -> Iterable[tuple[str, str]]:
    spelt = {word: list(word) for word, _ in counts.most_common(_FREQUENT)}
    for _ in range(most):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, parts in spelt.items():
            for pair in pairwise(parts):
                pairs[pair] += counts[word]
        if not pairs or max(pairs.values()) < 2:
            return
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        spelt = {word: _joined(parts, best) for word, parts in spelt.items()}
        yield best


def _joined(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """The parts with every occurrence of the pair joined, from the left."""
    result: list[str] = []
    for part in parts:
        if result and (result[-1], part) == pair:
            result[-1] += part
        else:
            result.append(part)
    return result
