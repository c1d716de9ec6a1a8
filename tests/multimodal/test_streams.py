"""Training on a stream: against plain PyTorch, on bad batches, from a checkpoint, in bounded memory."""

from __future__ import annotations

import re
import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import moo
from moo.aggregation import aggregator_named
from moo.errors import MissingExtraError, OptionError, ProblemError, StorageError
from moo.multimodal import ImageTextProblem, Samples
from moo.multimodal.saving import save_module
from moo.multimodal.streams import Latencies, fit_stream


def _batches(problem, n, size=8, seed=0):
    """n batches of the training samples, drawn anew."""
    rng = np.random.default_rng(seed)
    return [problem.train.take(rng.choice(len(problem.train), size, replace=False)) for _ in range(n)]


def _parameters(module):
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()])


def _with(batch, **modalities):
    return replace(batch, modalities={**batch.modalities, **modalities})


def test_the_steps_are_those_of_plain_pytorch(problem):
    batches = _batches(problem, 12)
    fit = fit_stream(problem, iter(batches), weights=[0.3, 0.7], learning_rate=0.01, seed=3)
    rng = np.random.default_rng(np.random.SeedSequence(3).spawn(2)[0])
    module = problem.module(problem.sample(1, rng)[0])
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    for batch in batches:
        optimizer.zero_grad()
        logits = module(**batch.modalities)
        image, text = (torch.nn.functional.cross_entropy(part, batch.labels) for part in logits)
        (0.3 * image + 0.7 * text).backward()
        optimizer.step()
    torch.testing.assert_close(_parameters(fit.module), _parameters(module))
    assert (fit.n_batches, fit.n_steps, fit.skipped) == (12, 12, {})


def test_an_aggregator_takes_the_steps_of_backward(problem):
    batches = _batches(problem, 5)
    fit = fit_stream(problem, batches, aggregator=aggregator_named("UPGrad"), learning_rate=0.01)
    rng = np.random.default_rng(np.random.SeedSequence(0).spawn(2)[0])
    module = problem.module(problem.sample(1, rng)[0])
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    for batch in batches:
        optimizer.zero_grad()
        logits = module(**batch.modalities)
        losses = [torch.nn.functional.cross_entropy(part, batch.labels) for part in logits]
        moo.backward(losses, aggregator_named("UPGrad"))
        optimizer.step()
    torch.testing.assert_close(_parameters(fit.module), _parameters(module))


def test_a_stream_lowers_both_losses(problem):
    rng = np.random.default_rng(np.random.SeedSequence(0).spawn(2)[0])
    before = problem.report(problem.sample(1, rng))
    fit = fit_stream(problem, _batches(problem, 300, size=16), learning_rate=0.02)
    module = fit.module
    with torch.no_grad():
        logits = module(**problem.train.modalities)
    for name, part in zip(("image", "text"), logits, strict=True):
        after = torch.nn.functional.cross_entropy(part, problem.train.labels).item()
        assert after < before[f"train {name} loss"][0] - 0.1
        assert fit.losses[f"{name} loss"] == pytest.approx(after, abs=0.15)


BAD = {
    "the batch is empty": lambda b: b.take(np.arange(0)),
    "'text' is not finite": lambda b: _with(b, text=b.modalities["text"] * torch.nan),
    "'image' is not finite": lambda b: _with(b, image=b.modalities["image"] + torch.inf),
    "the modality 'audio' is unknown": lambda b: _with(b, audio=torch.zeros(len(b), 2)),
    "the modality 'image' is missing": lambda b: replace(b, modalities={"text": b.modalities["text"]}),
    "the target 'valence' is unknown": lambda b: replace(b, targets={"valence": torch.zeros(len(b))}),
    r"a row of 'text' is \(5,\) torch.float32, expected \(12,\) torch.float32": lambda b: _with(
        b, text=b.modalities["text"][:, :5]
    ),
    "torch.float64, expected": lambda b: _with(b, text=b.modalities["text"].double()),
    "the losses raised IndexError": lambda b: replace(b, labels=b.labels + 7),
    "the batch is dict, expected moo.multimodal.Samples": lambda b: dict(b.modalities),
    "a loss is not finite": lambda b: _with(b, text=b.modalities["text"] * 1e38),
}


@pytest.mark.parametrize(("reason", "spoil"), BAD.items(), ids=BAD.keys())
@pytest.mark.parametrize("aggregator", [None, "MGDA"])
def test_a_bad_batch_is_skipped_as_if_it_had_never_come(problem, reason, spoil, aggregator):
    options = {"aggregator": aggregator and aggregator_named(aggregator), "learning_rate": 0.01}
    good = _batches(problem, 4)
    expected = fit_stream(problem, good, **options)
    fit = fit_stream(problem, [good[0], spoil(good[1]), *good[1:]], **options)
    assert torch.equal(_parameters(fit.module), _parameters(expected.module))
    assert (fit.n_batches, fit.n_steps) == (5, 4)
    assert list(fit.skipped.values()) == [1]
    assert re.search(reason, next(iter(fit.skipped)))


@pytest.mark.parametrize("aggregator", [None, "MGDA", "DWA"])
def test_a_gradient_that_is_not_finite_changes_nothing(data, aggregator):
    def steep(output, samples):  # finite, with an infinite slope at exactly zero
        return (output.image * (samples.modalities["text"][:, :1] > 2)).pow(2).sum().sqrt()

    problem = ImageTextProblem(data, batch_size=None)
    problem.losses["image loss"] = steep
    chosen = aggregator and aggregator_named(aggregator)
    with pytest.raises(
        ProblemError, match=r"none of the 3 batches could be used: 3 x .*gradient.* not finite"
    ):
        fit_stream(problem, _batches(problem, 3), aggregator=chosen)


@pytest.mark.parametrize("aggregator", ["DWA", "MGDA"])
def test_an_aggregator_remembers_nothing_of_a_batch_that_was_skipped(data, aggregator):
    def rooted(output, samples):  # whose slope is infinite where all words are below zero
        return (output.image * (samples.modalities["text"][:, :1] >= 0)).pow(2).sum().sqrt()

    problem = ImageTextProblem(data, batch_size=None)
    problem.losses["image loss"] = rooted
    good = _batches(problem, 6)
    bad = _with(good[0], text=good[0].modalities["text"] - 2)
    options = {"aggregator": aggregator_named(aggregator), "learning_rate": 0.01}
    expected, fit = (
        fit_stream(problem, good, **options),
        fit_stream(problem, [*good[:3], bad, *good[3:]], **options),
    )
    assert (fit.n_batches, fit.n_steps) == (7, 6)
    assert torch.equal(_parameters(fit.module), _parameters(expected.module))


def test_many_kinds_of_bad_batches_take_bounded_memory(problem):
    (good,) = _batches(problem, 1)
    odd = [_with(good, text=torch.zeros(8, 13 + k)) for k in range(70)]
    fit = fit_stream(problem, [*odd, good])
    assert fit.skipped["other reasons"] == 20
    assert len(fit.skipped) == 51


def test_no_batch_is_kept(problem):
    alive: list[weakref.ref[Samples]] = []

    def stream():
        for batch in _batches(problem, 30):
            fresh = replace(batch)
            alive.append(weakref.ref(fresh))
            assert sum(ref() is not None for ref in alive) <= 2
            yield fresh
            del fresh

    assert fit_stream(problem, stream()).n_steps == 30


def test_no_batch_is_taken_beyond_the_steps(problem):
    stream = iter(_batches(problem, 10))
    assert fit_stream(problem, stream, steps=4).n_steps == 4
    assert len(list(stream)) == 6


@pytest.mark.parametrize("aggregator", [None, "MGDA", "DWA", "GradDrop"])
def test_going_on_from_a_checkpoint_changes_nothing(problem, tmp_path, aggregator):
    batches = _batches(problem, 9)
    batches[2] = batches[2].take(np.arange(0))
    options = {"aggregator": aggregator and aggregator_named(aggregator), "learning_rate": 0.01}
    whole = fit_stream(problem, batches, **options)
    file = tmp_path / "run"
    options["checkpoint"] = file

    def broken():
        yield from batches[:5]
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        fit_stream(problem, broken(), **options)
    second = fit_stream(problem, batches[5:7], resume=True, **options)
    assert (second.n_batches, second.n_steps) == (7, 6)
    third = fit_stream(problem, batches[7:], resume=True, **options)
    assert torch.equal(_parameters(third.module), _parameters(whole.module))
    assert third.losses == pytest.approx(whole.losses)
    assert (third.n_batches, third.skipped) == (9, {"the batch is empty": 1})
    assert third.latencies.bins.total() == 8


def test_checkpoints_come_as_often_as_asked(problem, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("moo.multimodal.streams.write_tensors", lambda *given: written.append(given))
    fit_stream(problem, _batches(problem, 7), checkpoint=tmp_path / "a", checkpoint_every=3)
    assert [notes["progress"]["n_batches"] for _, _, notes in written] == [3, 6, 7]


def test_a_file_of_another_model_is_no_checkpoint(problem, data, tmp_path):
    save_module(torch.nn.Linear(2, 2), tmp_path / "a")
    with pytest.raises(ProblemError, match="is no checkpoint of this task's ImageTextModel"):
        fit_stream(problem, _batches(problem, 1), checkpoint=tmp_path / "a", resume=True)
    (tmp_path / "b").write_bytes(b"torn")
    with pytest.raises(StorageError, match="is no whole safetensors file"):
        fit_stream(problem, _batches(problem, 1), checkpoint=tmp_path / "b", resume=True)


def test_a_checkpoint_that_cannot_be_written_is_refused_before_the_first_batch(
    problem, tmp_path, monkeypatch
):
    stream = iter(_batches(problem, 2))
    with pytest.raises(StorageError, match="cannot be written: its folder does not exist"):
        fit_stream(problem, stream, checkpoint=tmp_path / "none" / "a")
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'moo\[safetensors\]'"):
        fit_stream(problem, stream, checkpoint=tmp_path / "a")
    assert len(list(stream)) == 2


def test_a_stream_without_batches_is_one_sentence(problem):
    with pytest.raises(ProblemError, match="the stream ended before its first batch"):
        fit_stream(problem, iter(()))


def test_a_stream_without_usable_batches_says_why(problem):
    empty = problem.train.take(np.arange(0))
    with pytest.raises(ProblemError, match="none of the 3 batches could be used: 3 x the batch is empty"):
        fit_stream(problem, [empty] * 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": -0.1}, "learning_rate=-0.1 is not accepted: give a number above zero"),
        ({"learning_rate": float("nan")}, "learning_rate=nan is not accepted"),
        ({"learning_rate": "fast"}, "learning_rate='fast' is not accepted"),
        ({"steps": 0}, "steps=0 is not accepted: give an integer of at least 1"),
        ({"checkpoint_every": 1.5}, "checkpoint_every=1.5 is not accepted"),
        ({"resume": True}, "resume= needs checkpoint="),
        ({"aggregator": "MGDA"}, "aggregator='MGDA' is not accepted: give an object of moo.aggregation"),
        ({"aggregator": moo.Mean(), "weights": [1, 1]}, "weights= and aggregator= were both given"),
        ({"weights": [1, -1]}, "weights are not accepted: give numbers >= 0"),
        ({"weights": [1, 1, 1]}, r"weights have shape \(1, 3\), expected \(n, 2\)"),
        ({"weights": [[1, 0], [0, 1]]}, "2 weight vectors were given: a stream trains one model"),
        ({"seed": -1}, "seed=-1 is not accepted: give an integer >= 0"),
    ],
)
def test_options_out_of_range_are_one_sentence(problem, options, message):
    with pytest.raises(OptionError, match=message):
        fit_stream(problem, _batches(problem, 1), **options)


@pytest.mark.parametrize("batches", [None, 3])
def test_what_cannot_be_read_is_one_sentence(problem, batches):
    with pytest.raises(ProblemError, match=f"batches={batches} is not accepted: give an iterable of"):
        fit_stream(problem, batches)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1e-7, 1e3), min_size=1, max_size=200), st.floats(0.01, 1.0))
def test_quantiles_are_within_one_per_cent(seconds, share):
    latencies = Latencies()
    for value in seconds:
        latencies.add(value)
    exact = np.quantile(seconds, share, method="inverted_cdf")
    assert exact * 0.9999 <= latencies.quantile(share) <= exact * 1.0101
    assert latencies.max == max(seconds)


def test_latencies_leave_out_the_waiting(problem):
    import time

    def slow():
        for batch in _batches(problem, 3):
            time.sleep(0.2)
            yield batch

    latencies = fit_stream(problem, slow()).latencies
    assert 0 < latencies.p50 <= latencies.p99 <= latencies.max < 0.2
