import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from moo.errors import OptionError, ProblemError
from moo.multimodal.captions import END, PAD, UNKNOWN, Vocabulary, fitting_length, preceding, shown

TEXTS = ["RED HEART", "red flag", "White Flag", "flag: Chad", "heart", "a red, red heart"]


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary.learned(TEXTS, 40)


class TestLearning:
    def test_frequent_words_become_one_token(self, vocabulary):
        assert len(vocabulary.tokens("flag")) == len(vocabulary.tokens("red")) == 1

    def test_the_first_merge_is_the_most_frequent_pair(self):
        assert Vocabulary.learned(["xab", "yab", "ab", "ca"], 100).merges[0] == ("a", "b")

    def test_keeps_to_its_size_but_has_every_character(self):
        letters = len(Vocabulary.learned(TEXTS, 1))
        assert len(Vocabulary.learned(TEXTS, letters + 2)) == letters + 2
        assert Vocabulary.learned(TEXTS, 1).merges == ()

    def test_does_not_depend_on_the_order_of_texts(self):
        assert Vocabulary.learned(TEXTS[::-1], 40) == Vocabulary.learned(TEXTS, 40)

    @pytest.mark.parametrize("size", [0, -1, 2.5, True])
    def test_refuses_other_sizes(self, size):
        with pytest.raises(OptionError, match="n_tokens="):
            Vocabulary.learned(TEXTS, size)

    def test_refuses_empty_captions(self):
        with pytest.raises(ProblemError, match="captions are all empty"):
            Vocabulary.learned(["", "  "], 10)


class TestEncoding:
    @given(st.lists(st.sampled_from("redhartflgwic".upper() + "redhartflgwic :,"), max_size=30))
    def test_decoding_gives_the_words_back(self, letters):
        vocabulary, text = Vocabulary.learned(TEXTS, 40), "".join(letters)
        decoded = vocabulary.decode(vocabulary.encode([text], 100))[0]
        assert decoded.replace(" ", "") == text.lower().replace(" ", "")

    @given(st.text(max_size=30), st.integers(1, 12))
    def test_takes_any_text(self, text, length):
        vocabulary = Vocabulary.learned(TEXTS, 40)
        rows = vocabulary.encode([text], length)
        assert rows.shape == (1, length)
        assert 0 <= int(rows.min()) <= int(rows.max()) < len(vocabulary)
        assert all(shown(rows)[0, : int(shown(rows).sum())])

    def test_ends_and_pads(self, vocabulary):
        row = vocabulary.encode(["red flag"], 5)[0].tolist()
        assert row[2:] == [END, PAD, PAD]
        assert PAD not in row[:2]

    def test_an_empty_text_is_its_end(self, vocabulary):
        assert vocabulary.encode([""], 3).tolist() == [[END, PAD, PAD]]
        assert vocabulary.decode(torch.tensor([[END, PAD, PAD]])) == [""]

    def test_a_long_text_is_cut_without_an_end(self, vocabulary):
        row = vocabulary.encode(["red red red red"], 3)[0]
        assert len(row) == 3
        assert END not in row.tolist()
        assert vocabulary.decode(row[None]) == ["red red red"]

    def test_a_new_word_is_spelt(self, vocabulary):
        assert UNKNOWN not in vocabulary.tokens("farther")
        assert len(vocabulary.tokens("farther")) > 1

    def test_a_new_character_is_unknown(self, vocabulary):
        assert UNKNOWN in vocabulary.tokens("zebra")
        assert vocabulary.known("zebra")
        assert not vocabulary.known("zzz 42")
        assert not vocabulary.known("")


class TestPlaces:
    def test_preceding_shifts_by_one(self):
        assert preceding(torch.tensor([[5, 6, END]])).tolist() == [[PAD, 5, 6]]

    def test_shown_is_up_to_the_end(self):
        assert shown(torch.tensor([[5, END, PAD]])).tolist() == [[True, True, False]]

    def test_length_fits_the_longest(self, vocabulary):
        assert fitting_length(vocabulary, ["red", "red flag"], 9) == 3
        assert fitting_length(vocabulary, ["red", "red flag red"], 2) == 2

    def test_length_has_room_for_a_token_and_the_end(self, vocabulary):
        with pytest.raises(OptionError, match="the end takes one"):
            fitting_length(vocabulary, ["red"], 1)
