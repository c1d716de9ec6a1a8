"""Training K models at once, each with a weight vector of its own, against one after another.

    python benchmarks/many_models.py --repeats 12

A step is the losses of one minibatch, the gradient of their weighted sum and an update by Adam. "At once"
is what moo does: `ModelProblem.compute(X, scalarize=...)` on the K models in the rows of X, and one fused
Adam on X, without what training does besides: counts, checks, bounds, a copy to go back to. "One after
another" is plain PyTorch: K modules, each with a fused Adam of its own. Both take turns; figures are medians
of CPU time on one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from statistics import median

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from moo.multimodal import ModelProblem, Samples
from moo.wanted import weighted_sum

KS = (16, 64)
N_CLASSES = 10


class Pair(nn.Module):
    """An encoder for images and one for texts, a head each and one for both."""

    def __init__(self, image: Callable[[], nn.Module], text: Callable[[], nn.Module], width: int) -> None:
        super().__init__()
        self.image, self.text = image(), text()
        self.heads = nn.ModuleList([nn.Linear(n, N_CLASSES) for n in (width, width, 2 * width)])

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> list[torch.Tensor]:
        embeddings = [self.image(image), self.text(text)]
        embeddings.append(torch.cat(embeddings, -1))
        return [head(embedding) for head, embedding in zip(self.heads, embeddings, strict=True)]


def mlp(*widths: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers)


def cnn(width: int) -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * 7 * 7, width), nn.ReLU()),
    )


PAIRS = {
    "MLP h=32": (partial(Pair, partial(mlp, 64, 32, 32), partial(mlp, 64, 32, 32), 32), (1, 8, 8), 64, 32),
    "MLP h=64": (partial(Pair, partial(mlp, 64, 64, 64), partial(mlp, 64, 64, 64), 64), (1, 8, 8), 64, 64),
    "MLP 784-128": (partial(Pair, partial(mlp, 784, 128), partial(mlp, 300, 128), 128), (1, 28, 28), 300, 64),
    "MLP 784-256": (
        partial(Pair, partial(mlp, 784, 256), partial(mlp, 512, 256), 256),
        (1, 28, 28),
        512,
        128,
    ),
    "CNN(8, 16)": (partial(Pair, partial(cnn, 32), partial(mlp, 512, 64, 32), 32), (1, 28, 28), 512, 64),
}
TARGETS = {"MLP h=32": {16: 4.0, 64: 7.0}}  # on the others: at least 1


def _loss(k: int, output: list[torch.Tensor], samples: Samples) -> torch.Tensor:
    return functional.cross_entropy(output[k], samples.labels)


def problem_of(name: str) -> ModelProblem:
    model, image, text, batch = PAIRS[name]
    generator = torch.Generator().manual_seed(0)
    modalities = {
        "image": torch.rand(batch, *image, generator=generator),
        "text": torch.rand(batch, text, generator=generator),
    }
    train = Samples(modalities, torch.randint(N_CLASSES, (batch,), generator=generator))
    losses = {loss: partial(_loss, k) for k, loss in enumerate(("image", "text", "both"))}
    return ModelProblem(model, losses, train=train, bound=None, title=name)


def at_once(problem: ModelProblem, X: np.ndarray, W: torch.Tensor) -> Callable[[], None]:
    rows = problem.to_tensor(X).requires_grad_()
    optimizer = torch.optim.Adam([rows], lr=1e-3, fused=True)

    def step() -> None:
        rows.grad = problem.compute(rows.detach(), scalarize=weighted_sum(W)).gradient
        optimizer.step()

    return step


def one_after_another(problem: ModelProblem, X: np.ndarray, W: torch.Tensor) -> Callable[[], None]:
    models = [problem.module(x) for x in X]
    optimizers = [torch.optim.Adam(model.parameters(), lr=1e-3, fused=True) for model in models]
    samples = problem.train

    def step() -> None:
        for model, optimizer, weights in zip(models, optimizers, W, strict=True):
            optimizer.zero_grad()
            output = model(**samples.modalities)
            losses = torch.stack([loss(output, samples) for loss in problem.losses.values()])
            (weights * losses).sum().backward()
            optimizer.step()

    return step


def measured(problem: ModelProblem, k: int, repeats: int) -> tuple[float, float]:
    """Milliseconds of CPU that a step of k models takes, at once and one after another."""
    rng = np.random.default_rng(0)
    X = problem.sample(k, rng)
    W = torch.from_numpy(rng.dirichlet(np.ones(3), k)).float()
    steps = [at_once(problem, X, W), one_after_another(problem, X, W)]
    spent: list[list[float]] = [[], []]
    for _ in range(repeats + 2):
        for step, times in zip(steps, spent, strict=True):
            before = time.process_time_ns()
            step()
            times.append((time.process_time_ns() - before) / 1e6)
    together, single = (median(times[2:]) for times in spent)
    return together, single


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=12, help="rounds")
    parser.add_argument("--only", nargs="*", default=[], help="models, by name")
    options = parser.parse_args()
    torch.set_num_threads(1)
    verdicts = []
    print(f"{'model':13}{'parameters':>11}{'batch':>6}{'K':>4}{'at once':>11}{'one by one':>12}{'ratio':>7}")
    for name in options.only or PAIRS:
        problem = problem_of(name)
        for k in KS:
            together, single = measured(problem, k, options.repeats)
            ratio, target = single / together, TARGETS.get(name, {}).get(k, 1.0)
            figures = f"{together:8.2f} ms{single:9.2f} ms{ratio:7.2f}"
            print(f"{name:13}{problem.n_var:11,}{len(problem.train):6}{k:4}{figures}", flush=True)
            verdict = "met" if ratio >= target else "missed"
            verdicts.append(
                f"{verdict}: {name}, K = {k}: at least {target:g} times as fast, {ratio:.2f} reached"
            )
    print("\n" + "\n".join(verdicts))


if __name__ == "__main__":
    main()
