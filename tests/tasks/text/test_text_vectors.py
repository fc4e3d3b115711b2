import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from convscope.errors import InputError
from convscope.tasks.text.vectors import WordVectors, read

ROWS = {"film": [0.5, -1.0, 2.0], "Good": [1.0, 0.0, 0.25], "好": [0.0, 4.0, -0.5]}


def as_text(header: bool) -> bytes:
    lines = [f"{word} {' '.join(map(str, row))}" for word, row in ROWS.items()]
    return "\n".join([*(["3 3"] if header else []), *lines, ""]).encode()


def as_binary(newline: bytes = b"\n") -> bytes:
    rows = (word.encode() + b" " + struct.pack("<3f", *row) + newline for word, row in ROWS.items())
    return b"3 3\n" + b"".join(rows)


FORMS = {
    "word2vec text": as_text(True),
    "GloVe": as_text(False),
    "word2vec binary": as_binary(),
    "binary without line ends": as_binary(b""),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_reads_the_same(tmp_path: Path, form: str, packed: bool):
    file = tmp_path / "vectors"
    file.write_bytes(gzip.compress(FORMS[form]) if packed else FORMS[form])
    found = read(file)
    assert found.dim == 3
    assert {word: vector.tolist() for word, vector in found.of.items()} == ROWS
    assert all(vector.dtype == np.float32 for vector in found.of.values())
    assert read(file, ["good", "film", "none"]).of.keys() == {"good", "film"}


def test_a_word_as_it_is_goes_before_one_with_capitals(tmp_path: Path):
    file = tmp_path / "v.txt"
    file.write_text("Film 1 1\nfilm 2 2\nFILM 3 3\n")
    assert read(file, ["film"]).of["film"].tolist() == [2, 2]


def test_words_of_glove_may_hold_spaces(tmp_path: Path):
    file = tmp_path / "v.txt"
    file.write_text("a 1 2\n. . . 3 4\n")
    assert read(file).of[". . ."].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 is no word with its numbers"),
        (b"hello\n", "line 1 is no word with its numbers"),
        (b"a 1 2\nb 1\n", "line 2 is no word with 2 numbers"),
        (b"a 1 2\nb 1 nan\n", "line 2 is no word with 2 numbers"),
        (b"3 2\na 1 2\n", "cut short, 1 of 3 vectors"),
        (b"0 5\n", "promises 0 vectors of 5 numbers"),
        (as_binary()[:-8], "cut short, 2 of 3 vectors"),
        (b"2 2\na " + struct.pack("<2f", 1, float("nan")) + b"\n", "vector 1 is none of word2vec's binary form"),
        (gzip.compress(as_text(True))[:-20], "damaged gzip file"),
    ],
)
def test_broken_files_in_a_line(tmp_path: Path, content: bytes, message: str):
    file = tmp_path / "v"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read(file)


def test_no_such_file_and_no_such_word(tmp_path: Path):
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "none")
    (tmp_path / "v").write_text("a 1 2\n")
    with pytest.raises(InputError, match="no vector of the 1 words wanted"):
        read(tmp_path / "v", ["b"])


def test_known_words_get_their_vectors_and_the_others_are_spread_alike():
    rng = np.random.default_rng(0)
    of = {f"w{k}": rng.normal(0, 2, 5).astype(np.float32) for k in range(300)}
    words = ("<padding>", "<unknown>", *of, *(f"new{k}" for k in range(300)))
    table = torch.zeros(len(words), 5)
    torch.manual_seed(0)
    assert WordVectors("v", 5, of).put(table, words) == 300
    assert_array_equal(table[2:302], np.stack(list(of.values())))
    assert not table[0].any()
    assert 1.8 < float(table[302:].std()) < 2.2
    with pytest.raises(InputError, match="v: knows none of the 1 words"):
        WordVectors("v", 5, of).put(table, ["else"])
