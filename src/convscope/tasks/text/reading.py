"""Labelled texts from a table (CSV, TSV) or from a folder for each class; UTF-8, UTF-16 or GB18030."""

import csv
import hashlib
import io
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from convscope.errors import InputError

DELIMITERS = "\t,;|"
LEAST = 10
"""Texts of a class, so that each tenth of a set has one."""

LONGEST_CELL = 2**26  # characters; Python's csv would stop at 131,072


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts with their labels, each text once.

    labels         a place in `classes` for each text
    skipped        one line for each row or file that could not be used
    repeated       texts left out because the same text came before
    contradicting  texts left out because the same text came with two labels
    """

    texts: tuple[str, ...]
    labels: Int64[np.ndarray, " n"]
    classes: tuple[str, ...]
    name: str
    skipped: tuple[str, ...] = ()
    repeated: int = 0
    contradicting: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def digest(self) -> str:
        """Sixteen digits that tell this set from others."""
        digest = hashlib.sha256(repr(self.classes).encode())
        for text, label in zip(self.texts, self.labels):
            digest.update(f"{label} {text}\0".encode())
        return digest.hexdigest()[:16]

    def pick(self, places: Sequence[int] | np.ndarray) -> "Texts":
        """Those at `places`."""
        return replace(self, texts=tuple(self.texts[int(k)] for k in places), labels=self.labels[places])


def read(
    source: str | os.PathLike[str],
    text_column: str = "text",
    label_column: str = "label",
    encoding: str | None = None,
    *,
    to_learn: bool = True,
) -> Texts:
    """The texts of a table with a header, or of a folder that holds a folder of .txt files for each class.

    Columns are found by their names; the delimiter is the one of tab, comma, semicolon and bar that the header has
    most of. encoding: by default UTF-8, UTF-16 with its mark, or else GB18030, whichever the bytes are.

    Raises InputError where there is no such file or column, no text, and `to_learn` also for fewer than two classes and
    for fewer than ten texts of a class.
    """
    path = Path(source)
    try:
        if path.is_dir():
            rows, skipped = _from_folder(path, encoding)
        else:
            rows, skipped = _from_table(path, text_column, label_column, encoding)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise InputError(
            f"{problem.filename or path}: {reason}; name a table, or a folder with a folder for each class"
        ) from problem
    return gathered(rows, path.stem or str(path), skipped, to_learn=to_learn)


def lines(file: str | os.PathLike[str], encoding: str | None = None) -> list[str]:
    """The lines of a text file that are not blank. Raises InputError where it cannot be read or holds none."""
    try:
        text = decoded(Path(file).read_bytes(), str(file), encoding)
    except OSError as problem:
        raise InputError(f"{file}: {(problem.strerror or str(problem)).lower()}; name a text file") from problem
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if not found:
        raise InputError(f"{file}: no text in it; write one a line")
    return found


def gathered(
    rows: Iterable[tuple[str, str]], name: str, skipped: Sequence[str] = (), *, to_learn: bool = True
) -> Texts:
    """Texts of (text, label) rows, in their order. What is one text but for case, spaces and signs is kept once.

    A text that comes with two labels is left out. Classes are in the order of their names, by value if all are
    numbers. Raises InputError as `read` does.
    """
    rows = list(rows)
    first: dict[str, int] = {}
    labels_of: dict[str, set[str]] = {}
    keys = [same(text) for text, _ in rows]
    for k, (key, (_, label)) in enumerate(zip(keys, rows)):
        first.setdefault(key, k)
        labels_of.setdefault(key, set()).add(label)
    kept = [k for key, k in first.items() if len(labels_of[key]) == 1]
    contradicting = sum(len(labels_of[key]) > 1 for key in keys)
    classes = _ordered({rows[k][1] for k in kept})
    place = {label: number for number, label in enumerate(classes)}
    labels = np.array([place[rows[k][1]] for k in kept], np.int64)
    texts = Texts(
        texts=tuple(rows[k][0] for k in kept),
        labels=labels,
        classes=classes,
        name=name,
        skipped=tuple(skipped),
        repeated=len(rows) - len(kept) - contradicting,
        contradicting=contradicting,
    )
    _check(texts, to_learn)
    return texts


def same(text: str) -> str:
    """What two texts share that are one: letters and digits, whatever their case and width."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\W_]+", "", plain) or text.strip()


def decoded(data: bytes, name: str, encoding: str | None = None) -> str:
    """Text of bytes; see `read`. Raises InputError, with the place, for what is none."""
    marked = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    place = ""
    for tried in [encoding] if encoding else [marked, "gb18030"]:
        try:
            text = data.decode(tried)
        except LookupError:
            raise InputError(f"encoding={tried!r}: not known; use utf-8, gb18030, latin-1 or the like") from None
        except UnicodeDecodeError as problem:
            place = f"byte {problem.start} is none"
        else:
            if "\0" not in text:
                return text.removeprefix("\ufeff")
            place = "it holds zero bytes"
    what = encoding or "UTF-8 or GB18030"
    raise InputError(f"{name}: not text in {what} ({place}); save it as UTF-8, or name its encoding")


def fold_of(labels: np.ndarray, folds: int = 10, seed: int = 0) -> Int64[np.ndarray, " n"]:
    """For each text the number of its fold, 0 to folds - 1: drawn by chance, each class in equal shares."""
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)])
    fold = np.empty(len(labels), np.int64)
    fold[order] = np.arange(len(labels)) % folds
    return fold


def _from_table(
    path: Path, text_column: str, label_column: str, encoding: str | None
) -> tuple[list[tuple[str, str]], list[str]]:
    table_text = decoded(path.read_bytes(), str(path), encoding)
    head = table_text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=head.count)
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        table = _rows(table_text, delimiter)
        header = next((cells for _, cells in table if isinstance(cells, list)), [])
        columns = [_column(path, [cell.strip() for cell in header], name) for name in (text_column, label_column)]
        rows: list[tuple[str, str]] = []
        skipped: list[str] = []
        for line, cells in table:
            if isinstance(cells, str):
                skipped.append(f"line {line}: {cells}")
            elif len(cells) != len(header):
                skipped.append(f"line {line}: {len(cells)} cells, the header has {len(header)}")
            else:
                text, label = cells[columns[0]].strip(), cells[columns[1]].strip()
                if text and label:
                    rows.append((text, label))
                else:
                    skipped.append(f"line {line}: no {'label' if text else 'text'}")
        return rows, skipped
    finally:
        csv.field_size_limit(before)


def _rows(table_text: str, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Each row with the number of its first line; a text in its place where it is broken. Blank lines are passed over.

    Where tabs part the cells, a quote is a sign like others: it can have no other end than the cell's.
    """
    tabs = delimiter == "\t"
    quoting = csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL
    table = csv.reader(io.StringIO(table_text, newline=""), delimiter=delimiter, quoting=quoting, strict=not tabs)
    while True:
        line = table.line_num + 1
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error as problem:
            lost = "; all that follows is lost" if "end of data" in str(problem) else ""
            yield line, f"{'a quote is never closed' if lost else problem}{lost}"
            continue
        if any(cells):
            yield line, [_unquoted(cell) for cell in cells] if tabs else cells


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _column(path: Path, header: list[str], name: str) -> int:
    if name not in header:
        shown = ", ".join(header)[:200] or "nothing"
        raise InputError(f"{path}: no column {name!r}; its header has {shown}; name the columns, or add a header")
    return header.index(name)


def _from_folder(folder: Path, encoding: str | None) -> tuple[list[tuple[str, str]], list[str]]:
    rows: list[tuple[str, str]] = []
    skipped: list[str] = []
    for own in sorted(child for child in folder.iterdir() if child.is_dir()):
        for file in sorted(own.rglob("*.txt")):
            try:
                text = decoded(file.read_bytes(), str(file), encoding).strip()
            except (InputError, OSError) as problem:
                skipped.append(str(problem))
                continue
            if text:
                rows.append((text, own.name))
            else:
                skipped.append(f"{file}: empty")
    return rows, skipped


def _ordered(labels: Iterable[str]) -> tuple[str, ...]:
    try:
        return tuple(sorted(labels, key=lambda label: (float(label), label)))
    except ValueError:
        return tuple(sorted(labels))


def _check(texts: Texts, to_learn: bool) -> None:
    skipped = f" ({len(texts.skipped)} were skipped: {texts.skipped[0]})" if texts.skipped else ""
    if not len(texts):
        raise InputError(f"{texts.name}: no labelled text in it{skipped}; give a table, or a folder for each class")
    if not to_learn:
        return
    if len(texts.classes) < 2:
        only = next(iter(texts.classes))
        raise InputError(f"{texts.name}: one class only, {only!r}{skipped}; give texts of two or more")
    counts = np.bincount(texts.labels, minlength=len(texts.classes))
    if counts.min() < LEAST:
        few = texts.classes[int(counts.argmin())]
        raise InputError(
            f"{texts.name}: {counts.min()} texts of class {few!r}, of {len(texts.classes)} classes{skipped}; "
            f"give at least {LEAST} of each, or another label column"
        )
