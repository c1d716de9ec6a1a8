"""How much an encoder knows: the accuracy of a linear classifier on its frozen embeddings."""

from __future__ import annotations

import torch
from torch.nn import functional

from moo.errors import ProblemError

_PENALTY = 1e-3  # times half the squared weights, beside a mean loss in nats
_STEPS = 200


def linear_probe(
    train: torch.Tensor, labels: torch.Tensor, test: torch.Tensor, test_labels: torch.Tensor
) -> float:
    """Accuracy on test embeddings of multinomial logistic regression fitted to training ones (Alain and
    Bengio 2017). Columns are scaled to zero mean and unit spread over the training rows; the fit is convex
    and goes to its optimum by L-BFGS, so that nothing is drawn and nothing is tuned.

    Args:
        train, test: embeddings (n, width) and (k, width).
        labels, test_labels: class indices (n,) and (k,).

    Raises:
        ProblemError: without rows, or for embeddings that are not finite.
    """
    if not len(train) or not len(test):
        raise ProblemError(
            f"a probe of {len(train)} training and {len(test)} test rows: expected some of each"
        )
    if not (train.isfinite().all() and test.isfinite().all()):
        raise ProblemError("a probe's embeddings are not all finite")
    mean, spread = train.double().mean(0), train.double().std(0, correction=0)
    spread = torch.where(spread > 0, spread, 1.0)
    x, k = (train.double() - mean) / spread, int(torch.max(labels.max(), test_labels.max())) + 1
    W = torch.zeros(x.shape[1], k, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(k, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([W, b], max_iter=_STEPS, tolerance_grad=1e-6, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = functional.cross_entropy(x @ W + b, labels) + 0.5 * _PENALTY * W.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    guess = (((test.double() - mean) / spread) @ W.detach() + b.detach()).argmax(1)
    return float((guess == test_labels).double().mean())
