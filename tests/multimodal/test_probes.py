import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp

from moo.errors import ProblemError
from moo.multimodal.probes import linear_probe


def blobs(n, seed, spread):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    centres = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    return centres[labels] + spread * torch.randn(n, 2, generator=generator), labels


def test_what_is_separable_is_separated():
    train, labels = blobs(90, 0, 0.1)
    test, test_labels = blobs(60, 1, 0.1)
    assert linear_probe(train, labels, test, test_labels) == 1.0


def test_is_the_optimum_of_penalised_logistic_regression():
    train, labels = blobs(120, 0, 2.0)
    test, test_labels = blobs(300, 1, 2.0)
    x = ((train - train.mean(0)) / train.std(0, correction=0)).double().numpy()
    y = np.eye(3)[labels]

    def loss(flat):
        W, b = flat[:6].reshape(2, 3), flat[6:]
        logits = x @ W + b
        return (logsumexp(logits, axis=1) - (logits * y).sum(1)).mean() + 0.5e-3 * (W**2).sum()

    best = minimize(loss, np.zeros(9), method="BFGS").x
    z = ((test - train.mean(0)) / train.std(0, correction=0)).double().numpy()
    guess = (z @ best[:6].reshape(2, 3) + best[6:]).argmax(1)
    expected = (guess == test_labels.numpy()).mean()
    assert linear_probe(train, labels, test, test_labels) == pytest.approx(expected, abs=0.004)


def test_the_scale_and_place_of_embeddings_do_not_matter():
    train, labels = blobs(90, 0, 1.5)
    test, test_labels = blobs(90, 1, 1.5)
    moved = linear_probe(1e3 * train + 7.0, labels, 1e3 * test + 7.0, test_labels)
    assert moved == linear_probe(train, labels, test, test_labels)


def test_a_constant_column_is_harmless():
    train, labels = blobs(90, 0, 0.1)
    constant = torch.ones(90, 1)
    assert (
        linear_probe(torch.cat([train, constant], 1), labels, torch.cat([train, constant], 1), labels) == 1.0
    )


@pytest.mark.parametrize(
    ("train", "message"),
    [(torch.zeros(0, 2), "a probe of 0 training"), (torch.full((3, 2), torch.nan), "not all finite")],
)
def test_what_cannot_be_fitted_is_refused(train, message):
    labels = torch.zeros(len(train), dtype=torch.long)
    with pytest.raises(ProblemError, match=message):
        linear_probe(train, labels, torch.zeros(3, 2), torch.zeros(3, dtype=torch.long))
