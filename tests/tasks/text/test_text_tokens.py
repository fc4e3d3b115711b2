import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convscope.errors import InputError
from convscope.tasks.text.tokens import Encoded, Vocabulary, kind_for, padded, split


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("Don't; it's 3-D", "words", ["do", "n't", ";", "it", "'s", "3", "-", "d"]),
        ("aunts can’t", "words", ["aunts", "ca", "n’t"]),
        ("好film 不错", "words", ["好", "film", "不", "错"]),
        ("a_b", "words", ["a_b"]),
        (" 很 好 \n", "characters", ["很", " ", "好"]),
        ("Ab", "characters", ["a", "b"]),
        ("房间很干净，不错", "jieba", ["房间", "很", "干净", "，", "不错"]),
        ("", "words", []),
        (" \n", "characters", []),
    ],
)
def test_split(text: str, kind: str, words: list[str]):
    assert [token.word for token in split(text, kind)] == words


@given(st.text(max_size=60), st.sampled_from(["words", "characters"]))
def test_tokens_say_where_they_stand_and_leave_out_only_space(text: str, kind: str):
    end = 0
    for token in split(text, kind):
        assert token.word == (text[token.start : token.end].lower() if token.word != " " else " ")
        assert not text[end : token.start].strip()
        assert token.end > token.start >= end
        end = token.end
    assert not text[end:].strip()


def test_an_unknown_kind():
    with pytest.raises(InputError, match="tokens='letters': no such way to split a text; use words, characters, jieba"):
        split("x", "letters")


def test_the_kind_follows_most_letters():
    assert kind_for(["不错的film", "很好看"]) == "characters"
    assert kind_for(["a film from 北京"]) == "words"
    assert kind_for(["123"]) == "words"


def test_a_vocabulary_keeps_what_occurs_twice_most_frequent_first():
    vocabulary = Vocabulary.of(["b a a", "a b c"], "words")
    assert vocabulary.words == ("<padding>", "<unknown>", "a", "b")
    assert [row.tolist() for row in vocabulary.encode(["B c a", ""])] == [[3, 1, 2], []]
    with pytest.raises(InputError, match="no token occurs 2 times"):
        Vocabulary.of(["a b"], "words")


def test_of_long_texts_the_beginning_counts():
    vocabulary = Vocabulary.of(["a a b b c c"], "words", longest=4)
    assert vocabulary.words[2:] == ("a", "b")
    assert [len(row) for row in vocabulary.encode(["a " * 9, "a"])] == [4, 1]


def test_batches_are_as_long_as_their_longest():
    assert padded([np.array([2, 3]), np.array([4])]).tolist() == [[2, 3], [4, 0]]
    assert padded([np.array([], np.int64)]).tolist() == [[0]]
    encoded = Encoded([np.array([2]), np.array([3, 4]), np.array([5])], np.array([0, 1, 2]))
    numbers, labels = encoded.__getitems__([2, 0])
    assert (numbers.tolist(), labels.tolist(), labels.dtype) == ([[5], [2]], [2, 0], torch.int64)
