import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from moo.errors import OptionError
from moo.multimodal.fusion import (
    FUSIONS,
    Bilinear,
    Concatenation,
    CrossAttention,
    Fusion,
    Late,
    Sum,
    fusion_named,
)

NAMES = ("image", "text", "speech")


def parts_of(seed, n=6, width=5):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(n, width, generator=generator) for name in NAMES}


def made(kind, seed=0, width=5):
    torch.manual_seed(seed)
    return kind(NAMES, width).requires_grad_(False)


every_fusion = pytest.mark.parametrize("kind", FUSIONS.values(), ids=FUSIONS)


class TestEveryFusion:
    @every_fusion
    def test_gives_one_vector_a_sample(self, kind):
        fusion = made(kind)
        assert fusion(parts_of(0)).shape == (6, fusion.out_width)

    @every_fusion
    def test_rows_do_not_influence_each_other(self, kind):
        fusion, parts = made(kind), parts_of(0)
        alone = fusion({name: part[2:3] for name, part in parts.items()})
        torch.testing.assert_close(fusion(parts)[2:3], alone)

    @every_fusion
    @given(seed=st.integers(0, 1000), missing=st.sampled_from(NAMES))
    def test_what_is_absent_does_not_reach_the_result(self, kind, seed, missing):
        fusion, parts = made(kind), parts_of(seed)
        present = {missing: torch.tensor([True, False, True, False, False, True])}
        other = {**parts, missing: torch.where(present[missing][:, None], parts[missing], 1e3)}
        torch.testing.assert_close(fusion(parts, present), fusion(other, present), rtol=0, atol=0)

    @every_fusion
    def test_a_mask_of_ones_changes_nothing(self, kind):
        fusion, parts = made(kind), parts_of(1)
        everywhere = {name: torch.ones(6, dtype=torch.bool) for name in NAMES}
        torch.testing.assert_close(fusion(parts, everywhere), fusion(parts), rtol=0, atol=0)

    @every_fusion
    def test_what_is_present_does(self, kind):
        fusion, parts = made(kind), parts_of(1)
        for name in NAMES:
            assert not torch.equal(
                fusion({**parts, name: parts[name] + 1.0 * torch.arange(5)}), fusion(parts)
            )

    @every_fusion
    def test_stays_finite_where_nothing_is_present(self, kind):
        nothing = {name: torch.zeros(6, dtype=torch.bool) for name in NAMES}
        assert made(kind)(parts_of(0), nothing).isfinite().all()

    @every_fusion
    def test_many_models_at_once_are_as_one_after_another(self, kind):
        fusions = [made(kind, seed) for seed in range(3)]
        parts = parts_of(0)
        stacked, buffers = torch.func.stack_module_state(fusions)

        def of_one(parameters, state):
            return torch.func.functional_call(fusions[0], (parameters, state), (parts,))

        if not stacked:  # nothing to stack
            assert kind in (Concatenation, Late, Sum)
            return
        together = torch.func.vmap(of_one)(stacked, buffers)
        torch.testing.assert_close(together, torch.stack([fusion(parts) for fusion in fusions]))

    @every_fusion
    def test_trains_every_parameter(self, kind):
        fusion, parts = made(kind).requires_grad_(True), parts_of(0)
        if not list(fusion.parameters()):
            assert kind in (Concatenation, Late, Sum)
            return
        fusion(parts).square().sum().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in fusion.parameters())


class TestSingleFusions:
    def test_concatenation_keeps_the_order_of_the_names(self):
        parts = parts_of(0)
        torch.testing.assert_close(made(Concatenation)(parts), torch.cat([parts[n] for n in NAMES], 1))

    def test_sum_of_fewer_is_scaled_up(self):
        parts = parts_of(0)
        absent = {"text": torch.zeros(6, dtype=torch.bool)}
        expected = 1.5 * (parts["image"] + parts["speech"])
        torch.testing.assert_close(made(Sum)(parts, absent), expected)

    def test_late_is_the_product_of_the_posteriors(self):
        parts = parts_of(0)
        product = torch.stack([parts[n].softmax(1) for n in NAMES]).prod(0)
        torch.testing.assert_close(
            made(Late)(parts).softmax(1), product / product.sum(1, keepdim=True), rtol=1e-5, atol=1e-6
        )

    def test_bilinear_is_the_contraction_of_a_low_rank_tensor(self):
        torch.manual_seed(0)
        fusion = Bilinear(("a", "b"), 3, rank=2).requires_grad_(False)
        a, b = torch.randn(4, 3), torch.randn(4, 3)
        ones = torch.ones(4, 1)
        factors = [
            torch.cat([layer.weight, layer.bias[:, None]], 1).reshape(2, 3, 4) for layer in fusion.factors
        ]
        tensor = torch.einsum("rkp,rkq->kpq", *factors) / 2
        outer = torch.einsum("np,nq->npq", torch.cat([a, ones], 1), torch.cat([b, ones], 1))
        torch.testing.assert_close(
            fusion({"a": a, "b": b}), torch.einsum("kpq,npq->nk", tensor, outer), rtol=1e-4, atol=1e-5
        )

    def test_bilinear_needs_a_rank(self):
        with pytest.raises(OptionError, match="rank=0 is not accepted"):
            Bilinear(NAMES, 4, rank=0)

    def test_attention_to_oneself_alone_is_a_linear_layer(self):
        fusion, parts = made(CrossAttention), parts_of(0)
        only = {name: torch.full((6,), name == "text") for name in NAMES}
        token = parts["text"] + fusion.places.weight[:, 1]
        torch.testing.assert_close(fusion(parts, only), token + fusion.value(token))


class TestNames:
    @pytest.mark.parametrize(
        "name", ["CrossAttention", "cross_attention", "cross-attention", "crossattention"]
    )
    def test_are_read_generously(self, name):
        assert fusion_named(name) is CrossAttention

    def test_a_factory_is_kept(self):
        def make(names, width):
            return Bilinear(names, width, rank=2)

        assert fusion_named(make) is make

    def test_a_misspelling_is_named(self):
        with pytest.raises(OptionError, match=r"gatd.*Gated"):
            fusion_named("gatd")

    @pytest.mark.parametrize("names", [(), ("a", "a")])
    def test_modalities_differ(self, names):
        with pytest.raises(OptionError, match="give different names"):
            Concatenation(names, 3)

    def test_the_base_is_no_fusion(self):
        assert Fusion not in FUSIONS.values()
