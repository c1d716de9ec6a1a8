"""Texts as bags of words."""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np


def words(caption: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", caption.lower()))


def tf_idf(texts: list[set[str]], train: np.ndarray, n_words: int) -> np.ndarray:
    """Rows (n, n_words), float32; words and their frequencies are those of the training rows alone."""
    counts = Counter(word for i in train for word in texts[i])
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[:n_words]
    column = {word: j for j, word in enumerate(frequent)}
    X = np.zeros((len(texts), n_words), dtype=np.float32)
    for i, words in enumerate(texts):
        for word in words & column.keys():
            X[i, column[word]] = 1.0 + math.log((1 + len(train)) / (1 + counts[word]))
    length = np.linalg.norm(X, axis=1, keepdims=True)
    return np.asarray(X / np.where(length > 0, length, 1.0), dtype=np.float32)
