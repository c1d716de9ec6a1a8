"""Weightings by Gramians against TorchJD where it is exact, and other oracles where it is not."""

import numpy as np
import pytest
import quadprog
import torch
import torchjd.aggregation as peer
from jacobians import conflicting, jacobians
from torchjd.linalg import DualConeProjector

from moo.aggregation import Context
from moo.aggregation.aligned_mtl import AlignedMTL
from moo.aggregation.ca_grad import CAGrad
from moo.aggregation.config import ConFIG
from moo.aggregation.dual_proj import DualProj
from moo.aggregation.fair_grad import FairGrad
from moo.aggregation.grad_drop import GradDrop
from moo.aggregation.grad_vac import GradVac
from moo.aggregation.imtlg import IMTLG
from moo.aggregation.mgda import MGDA
from moo.aggregation.nash_mtl import NashMTL
from moo.aggregation.pc_grad import PCGrad
from moo.aggregation.random import Random
from moo.aggregation.upgrad import UPGrad
from moo.errors import OptionError

OBJECTIVES = [2, 3, 5, 8]


def agree(ours: torch.Tensor, theirs: torch.Tensor, J: torch.Tensor, tolerance: float = 1e-9) -> bool:
    return bool((ours - theirs).abs().max() <= tolerance * J.abs().max())


def one_by_one(aggregator, J: torch.Tensor) -> torch.Tensor:
    return torch.stack([aggregator(rows) for rows in J])


class Exact(DualConeProjector):
    """TorchJD's own projector divides by the trace and adds 1e-4 to the diagonal; this adds nothing."""

    def __call__(self, U, G):
        eye = np.eye(len(G))
        solutions = [
            quadprog.solve_qp(G.numpy(), np.zeros(len(G)), eye, u)[0] for u in U.numpy().reshape(-1, len(G))
        ]
        return torch.from_numpy(np.stack(solutions)).reshape(U.shape)


@pytest.mark.parametrize("m", OBJECTIVES)
def test_upgrad_and_dual_proj_agree_with_torchjd_given_an_exact_projector(m):
    for J in (conflicting(20, m, 12, seed=m), jacobians(20, m, 12, seed=m)):
        assert agree(UPGrad()(J), one_by_one(peer.UPGrad(projector=Exact()), J), J)
        assert agree(DualProj()(J), one_by_one(peer.DualProj(projector=Exact()), J), J)


@pytest.mark.parametrize("m", OBJECTIVES)
@pytest.mark.parametrize("scale", ["min", "median", "rmse"])
def test_aligned_mtl_agrees_with_torchjd(m, scale):
    J = conflicting(20, m, 9, seed=m)
    assert agree(AlignedMTL(scale)(J), one_by_one(peer.AlignedMTL(scale_mode=scale), J), J)


@pytest.mark.parametrize("scale", ["min", "median", "rmse"])
def test_aligned_mtl_leaves_out_the_dependent_components(scale):
    J = conflicting(20, 6, 3)  # rank three
    assert agree(AlignedMTL(scale)(J), one_by_one(peer.AlignedMTL(scale_mode=scale), J), J)


@pytest.mark.parametrize("m", OBJECTIVES)
def test_imtlg_and_config_agree_with_torchjd_on_independent_gradients(m):
    """On dependent ones TorchJD's IMTL-G takes the pseudo-inverse of another matrix, scales included."""
    J = jacobians(20, m, 12, seed=m)
    theirs = one_by_one(peer.IMTLG(), J)
    assert agree(IMTLG()(J), theirs, theirs, 1e-8)
    assert agree(ConFIG()(J), one_by_one(peer.ConFIG(), J), J)


def test_config_agrees_with_torchjd_on_dependent_gradients():
    J = conflicting(20, 6, 3)
    assert agree(ConFIG()(J), one_by_one(peer.ConFIG(), J), J)


@pytest.mark.parametrize("m", OBJECTIVES)
def test_imtlg_and_config_have_equal_cosines_with_all_gradients(m):
    J = conflicting(20, m, 12, seed=m)
    units = torch.nn.functional.normalize(J, dim=2)
    for aggregator in (IMTLG(), ConFIG()):
        cosines = torch.einsum("nmd,nd->nm", units, torch.nn.functional.normalize(aggregator(J), dim=1))
        assert torch.allclose(cosines, cosines[:, :1].expand_as(cosines), atol=1e-9)
        assert cosines.abs().min() > 1e-3
    context = Context()
    IMTLG()(J, context)
    assert torch.allclose(context.weights.sum(1), torch.ones(20, dtype=J.dtype))


@pytest.mark.parametrize("m", [3, 5])
def test_pcgrad_follows_its_algorithm_in_the_order_drawn(m):
    J, seed = conflicting(10, m, 6), 3
    orders = np.random.default_rng(seed).permuted(np.broadcast_to(np.arange(m), (10, m, m)), axis=2)
    expected = []
    for rows, order in zip(J.numpy(), orders, strict=True):
        total = np.zeros(6)
        for i in range(m):
            surged = rows[i].copy()
            for j in order[i]:
                if j != i and surged @ rows[j] < 0:
                    surged -= surged @ rows[j] / (rows[j] @ rows[j]) * rows[j]
            total += surged
        expected.append(total)
    found = PCGrad()(J, Context(rng=np.random.default_rng(seed)))
    assert agree(found, torch.from_numpy(np.stack(expected)), J, 1e-12)


def test_pcgrad_agrees_with_torchjd_for_two_objectives_where_no_order_is_drawn():
    J = conflicting(30, 2, 4)
    assert agree(PCGrad()(J), one_by_one(peer.PCGrad(), J), J, 1e-12)


def test_grad_vac_agrees_with_torchjd_for_two_objectives_over_several_steps():
    """TorchJD adds 1e-8 to what it divides by unless told not to; of two objectives orders do not matter."""
    ours, theirs, context = GradVac(beta=0.3), peer.GradVac(beta=0.3, eps=0.0), Context()
    for seed in range(6):
        J = conflicting(1, 2, 5, seed)
        assert agree(ours(J, context), theirs(J[0])[None], J, 1e-10)
    assert (context.memory["targets"] != 0).any()


def test_grad_vac_reaches_the_target_cosine():
    J = conflicting(40, 2, 5)
    target = torch.full((40, 2, 2), 0.4, dtype=J.dtype)
    context = Context(memory={"targets": target})
    direction = GradVac(beta=0.0)(J, context)
    unit = torch.nn.functional.normalize(J, dim=2)
    cosine = (unit[:, 0] * unit[:, 1]).sum(1)
    turned = cosine < 0.4
    assert 5 < int(turned.sum()) < 40
    assert torch.allclose(direction[~turned], J[~turned].sum(1))
    # Both gradients end at the target's angle from the other's old direction, each in their plane.
    weights = context.weights[turned] - 1.0  # what each was given of the other
    for i, j in ((0, 1), (1, 0)):
        moved = J[turned, i] + weights[:, j : j + 1] * J[turned, j]
        assert torch.allclose(
            (torch.nn.functional.normalize(moved, dim=1) * unit[turned, j]).sum(1), target[0, 0, 0]
        )


def test_grad_vac_begins_as_pcgrad():
    J = conflicting(20, 4, 6)
    vaccine, surgery = Context(rng=np.random.default_rng(5)), Context(rng=np.random.default_rng(5))
    aggregator = GradVac(beta=0.5)
    assert agree(aggregator(J, vaccine), PCGrad()(J, surgery), J, 1e-10)
    assert not agree(aggregator(J, vaccine), PCGrad()(J, surgery), J, 1e-3)


@pytest.mark.parametrize("m", OBJECTIVES)
@pytest.mark.parametrize("c", [0.1, 0.5, 0.9])
def test_cagrad_is_optimal_by_duality(m, c):
    """For every w the gain min_i g_i . d of any d in the ball is at most g_w . g0 + c |g0| |g_w|: where they
    meet, both are optimal."""
    for J in (conflicting(30, m, 12, seed=m), conflicting(30, m, 2, seed=m), jacobians(30, m, 7, seed=m)):
        context = Context()
        direction, mean = CAGrad(c)(J, context), J.mean(1)
        radius = c * mean.norm(dim=1)
        assert torch.allclose((direction - mean).norm(dim=1), radius)
        w = context.weights - 1.0 / m
        w = w / w.sum(1, keepdim=True)
        assert (w >= -1e-12).all()
        combined = torch.einsum("nm,nmd->nd", w, J)
        bound = (combined * mean).sum(1) + radius * combined.norm(dim=1)
        gain = torch.einsum("nmd,nd->nm", J, direction).amin(1)
        assert ((bound - gain) <= 1e-10 * J.norm(dim=2).amax(1) * mean.norm(dim=1)).all()


def test_cagrad_agrees_with_torchjd_to_its_solvers_accuracy():
    """An interior point of 1e-8, after division by the trace."""
    for m in (2, 4):
        J = conflicting(5, m, 6, seed=m)
        try:
            theirs = peer.CAGrad(c=0.5)
        except ImportError:
            pytest.skip("TorchJD's CAGrad needs cvxpy")
        assert agree(CAGrad(0.5)(J), one_by_one(theirs, J), J, 1e-4)


def test_cagrad_goes_from_the_mean_towards_the_min_norm_point():
    J = jacobians(20, 4, 9)
    assert agree(CAGrad(0.0)(J), J.mean(1), J, 1e-12)
    far, shortest = CAGrad(1e4)(J), MGDA()(J)
    cosines = torch.nn.functional.cosine_similarity(far, shortest)
    assert (cosines > 1.0 - 1e-6).all()


@pytest.mark.parametrize("m", [1, *OBJECTIVES])
def test_nash_solves_its_equation(m):
    J = conflicting(30, m, 12, seed=m)
    context = Context()
    direction = NashMTL()(J, context)
    gain = torch.einsum("nmd,nd->nm", J, direction)
    assert torch.allclose(gain * context.weights, torch.ones(30, m, dtype=J.dtype), atol=1e-10)
    assert torch.allclose(direction.norm(dim=1), torch.full((30,), m**0.5, dtype=J.dtype))


@pytest.mark.filterwarnings("ignore")  # of cvxpy, about how TorchJD states the problem
def test_nash_agrees_with_torchjd_up_to_length():
    """TorchJD divides by the Gramian's norm, cuts the length at one and stops at a residual of 1e-3."""
    try:
        theirs = [peer.NashMTL(n_tasks=3, optim_niter=100) for _ in range(5)]
    except ImportError:
        pytest.skip("TorchJD's NashMTL needs cvxpy and ecos")
    J = conflicting(5, 3, 6)
    found = torch.stack([aggregator(rows) for aggregator, rows in zip(theirs, J, strict=True)])
    assert (torch.nn.functional.cosine_similarity(NashMTL()(J), found) > 0.999).all()


@pytest.mark.parametrize("m", [1, *OBJECTIVES])
@pytest.mark.parametrize("alpha", [0.3, 0.5, 1.0, 2.0, 10.0])
def test_fair_grad_solves_its_equation(m, alpha):
    J = conflicting(30, m, 12, seed=m)
    context = Context()
    gain = torch.einsum("nmd,nd->nm", J, FairGrad(alpha)(J, context))
    assert (context.weights > 0).all()
    assert torch.allclose(
        gain * context.weights ** (1.0 / alpha), torch.ones(30, m, dtype=J.dtype), atol=1e-9
    )


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_fair_grad_agrees_with_torchjd_where_its_solver_converges(alpha):
    """TorchJD's least squares stop at a relative change of 1e-8 in the squared residual."""
    J = jacobians(10, 3, 8)
    theirs = one_by_one(peer.FairGrad(alpha=alpha), J)
    assert agree(FairGrad(alpha)(J), theirs, theirs, 1e-3)


def test_fair_grad_with_alpha_one_is_nash():
    J = conflicting(10, 4, 6)
    assert torch.allclose(FairGrad(1.0)(J), NashMTL()(J), rtol=1e-9)


def test_grad_drop_agrees_with_torchjd_on_the_same_draws(monkeypatch):
    J = conflicting(10, 4, 50)
    draws = torch.from_numpy(np.random.default_rng(4).random((10, 50)))
    rows = iter(draws)
    monkeypatch.setattr(torch, "rand", lambda *args, **options: next(rows))
    theirs = one_by_one(peer.GradDrop(), J)
    assert agree(GradDrop()(J, Context(rng=np.random.default_rng(4))), theirs, J, 1e-12)


@pytest.mark.parametrize(("kind", "variance"), [("normal", 2.0), ("simplex", np.pi**2 / 3)])
def test_random_weights_are_new_at_each_call_and_follow_their_law(kind, variance):
    """The logarithm of two weights' ratio is a difference of two normal numbers or of two of Gumbel's."""
    J = torch.eye(3, dtype=torch.float64).expand(20_000, 3, 3)
    context = Context(rng=np.random.default_rng(1))
    first, second = Random(kind)(J, context), Random(kind)(J, context)
    assert not torch.equal(first, second)
    assert (first > 0).all()
    assert torch.allclose(first.sum(1), torch.ones(len(J), dtype=J.dtype))
    assert float((first[:, 0] / first[:, 1]).log().var()) == pytest.approx(variance, rel=0.05)


@pytest.mark.parametrize(
    "make",
    [
        lambda: AlignedMTL("mean"),
        lambda: CAGrad(-0.1),
        lambda: CAGrad(float("nan")),
        lambda: FairGrad(0.0),
        lambda: GradVac(1.5),
        lambda: Random("uniform"),
    ],
)
def test_options_out_of_range_are_refused_in_a_sentence(make):
    with pytest.raises(OptionError, match=r"accepted|unknown"):
        make()
