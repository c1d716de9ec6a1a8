import pytest
import torch

from moo.errors import OptionError, ProblemError
from moo.multimodal.captions import END, PAD
from moo.multimodal.generators import CaptionImageModel, ImageDecoder, side_of


@pytest.fixture
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return CaptionImageModel(9, 8, width=3, trunk=4, hidden=5)


@pytest.fixture
def image():
    return torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def tokens():
    drawn = torch.randint(2, 9, (6, 5), generator=torch.Generator().manual_seed(2))
    drawn[0, 2:] = torch.tensor([END, PAD, PAD])
    return drawn


class TestModel:
    def test_shapes_and_range(self, model, image, tokens):
        output = model(image, tokens)
        assert output.caption.shape == (6, 5, 9)
        assert output.image.shape == (6, 3, 8, 8)
        assert 0 <= output.image.min() <= output.image.max() <= 1

    @pytest.mark.parametrize("place", range(5))
    def test_logits_do_not_see_their_token_or_later_ones(self, model, image, tokens, place):
        changed = tokens.clone()
        changed[:, place:] = (changed[:, place:] + 1) % 9
        before, after = model(image, tokens).caption, model(image, changed).caption
        assert torch.equal(before[:, : place + 1], after[:, : place + 1])
        assert place == 4 or not torch.equal(before[:, place + 1], after[:, place + 1])

    def test_captions_depend_on_the_image_and_drawings_do_not(self, model, image, tokens):
        one, other = model(image, tokens), model(1 - image, tokens)
        assert not torch.allclose(one.caption, other.caption)
        assert torch.equal(one.image, other.image)

    def test_padding_does_not_change_a_drawing(self, model, tokens):
        longer = torch.nn.functional.pad(tokens, (0, 3), value=PAD)
        torch.testing.assert_close(model.drawn(tokens), model.drawn(longer))

    def test_greedy_takes_the_likeliest_token_each_time(self, model, image):
        tokens = model.greedy(image, 5)
        likeliest = 1 + model(image, tokens).caption[..., 1:].argmax(-1)
        ended = (tokens == END).cumsum(1) - (tokens == END).long() > 0
        assert torch.equal(tokens, torch.where(ended, PAD, likeliest))

    def test_greedy_stops_at_the_end(self, model, image):
        with torch.no_grad():
            model.caption_decoder.outer.bias[END] = 100.0
        assert model.greedy(image, 4).tolist() == [[END, PAD, PAD, PAD]] * 6

    def test_both_losses_reach_what_is_shared(self, model, image, tokens):
        output = model(image, tokens)
        for value in (output.caption.square().sum(), output.image.square().sum()):
            shared = [model.words.weight, model.shared.weight]
            for gradient in torch.autograd.grad(value, shared, retain_graph=True):
                assert gradient.abs().sum() > 0

    def test_many_at_once_are_as_one_by_one(self, model, image, tokens):
        parameters = {name: torch.stack([p, 2 * p]) for name, p in model.named_parameters()}

        def call(one):
            return torch.func.functional_call(model, one, (image, tokens))

        both = torch.func.vmap(call)(parameters)
        for i in range(2):
            one = call({name: p[i] for name, p in parameters.items()})
            torch.testing.assert_close(both.caption[i], one.caption)
            torch.testing.assert_close(both.image[i], one.image)

    @pytest.mark.parametrize("size", ["width", "trunk", "hidden", "pixels"])
    def test_refuses_sizes(self, size):
        with pytest.raises(OptionError, match=f"{size}=0"):
            CaptionImageModel(9, 8, **{size: 0})


class TestImages:
    def test_large_ones_are_enlarged(self):
        decoder = ImageDecoder(4, 5, 50)
        assert decoder(torch.zeros(2, 4)).shape == (2, 3, 50, 50)
        assert decoder.layers[-1].out_features == 3 * 32**2

    def test_side(self):
        assert side_of(torch.zeros(1, 3, 7, 7)) == 7

    @pytest.mark.parametrize("shape", [(2, 3, 8, 9), (2, 1, 8, 8), (2, 12)])
    def test_refuses_other_shapes(self, shape):
        with pytest.raises(ProblemError, match="expected squares"):
            side_of(torch.zeros(shape))
