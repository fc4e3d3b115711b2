"""Mistakes made on purpose are named; the catalogue tells its mistakes apart."""

import json

import numpy as np
import pytest
from mutants import MUTANTS, STUDENTS, Mutant

from convscope.grading import grade
from convscope.grading.cases import PARTS, call, cases, right
from convscope.grading.judge import PATTERNS, alike
from convscope.grading.mistakes import SLIPS, Slip, answer
from convscope.grading.texts import LANGUAGES, texts


def test_there_are_mistakes_of_all_kinds():
    known = {slip.name for group in SLIPS.values() for slip in group} | set(PATTERNS.values())
    assert len({mutant.mistake for mutant in MUTANTS} & known) > 40


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mistake_is_named(tmp_path, mutant: Mutant):
    file = tmp_path / "my_conv.py"
    file.write_text(mutant.text())
    report = grade(file)
    part = report[mutant.target]
    assert (part.status, part.mistakes) == ("wrong", (mutant.mistake,)), str(report)
    assert not report.right
    assert texts("en")["mistakes"][mutant.mistake]["name"] in str(report)
    json.dumps(report.as_dict("zh"), allow_nan=False)


def test_what_is_not_wrong_is_not_blamed(tmp_path):
    mutant = next(each for each in MUTANTS if (each.mistake, each.target) == ("stride_missing", "conv2d.dx"))
    (tmp_path / "my_conv.py").write_text(mutant.text())
    report = grade(tmp_path / "my_conv.py")
    assert [part.target for part in report.parts if part.status != "right"] == ["conv2d.dx"]


def test_windows_that_run_over_the_end_are_named_when_they_raise(tmp_path):
    lines = [
        "def conv2d(image, kernel):",
        "    y = [[0] * len(image[0]) for _ in image]",
        "    for i in range(len(image)):",
        "        for j in range(len(image[0])):",
        "            for u in range(len(kernel)):",
        "                for v in range(len(kernel[0])):",
        "                    y[i][j] += image[i + u][j + v] * kernel[u][v]",
        "    return y",
    ]
    (tmp_path / "my_conv.py").write_text("\n".join(lines))
    part = grade(tmp_path / "my_conv.py")["conv2d"]
    assert (part.mistakes, part.sure) == (("output_as_input",), False)
    assert "IndexError" in part.message


def test_two_mistakes_at_once_are_both_named(tmp_path):
    text = (STUDENTS / "loops.py").read_text().replace("w[o, e, u, v]", "w[o, e, r - 1 - u, s - 1 - v]", 1)
    (tmp_path / "my_conv.py").write_text(text.replace("total + b[o]", "total"))
    part = grade(tmp_path / "my_conv.py")["conv2d"]
    assert set(part.mistakes) == {"kernel_flipped", "bias_missing"}


def test_an_unknown_mistake_is_wrong_without_a_name(tmp_path):
    text = (STUDENTS / "loops.py").read_text().replace("total + b[o]", "3 * total + 7 * b[o] + 1")
    (tmp_path / "my_conv.py").write_text(text)
    report = grade(tmp_path / "my_conv.py")
    assert (report["conv2d"].status, report["conv2d"].mistakes) == ("wrong", ())
    assert "the mistake is none of those known" in str(report)


def test_the_smallest_case_is_shown_and_explained(tmp_path):
    mutant = next(each for each in MUTANTS if (each.mistake, each.target) == ("stride_missing", "conv2d"))
    (tmp_path / "my_conv.py").write_text(mutant.text())
    report = grade(tmp_path / "my_conv.py")
    example = report["conv2d"].example
    assert example is not None
    assert example.case.x.shape == (1, 1, 4, 4)
    assert example.settings == {"stride": 2}
    assert example.got is not None
    assert example.at is not None
    assert example.got[example.at] != example.wanted[example.at]
    text = str(report)
    assert "smallest case: stride 2" in text
    assert "x[0, 0, 0:2, 2:4]" in text  # the window, as `ops.explain` shows it


def parts() -> list[tuple[str, str]]:
    return [(op, part) for op, each in PARTS.items() for part in each]


def answers(slip: Slip | None, op: str, part: str) -> list[np.ndarray | None]:
    found: list[np.ndarray | None] = []
    for case in cases(op):
        try:
            found.append(right(case, part) if slip is None else answer((slip,), case, part))
        except (ValueError, IndexError, TypeError, NotImplementedError):
            found.append(None)
    return found


def same(a: list[np.ndarray | None], b: list[np.ndarray | None]) -> bool:
    return all(x is not None and y is not None and alike(x, y) for x, y in zip(a, b) if not (x is None and y is None))


@pytest.mark.parametrize(("op", "part"), parts(), ids=".".join)
def test_the_probes_tell_all_mistakes_apart(op: str, part: str):
    none_made = answers(None, op, part)
    made = [(slip, answers(slip, op, part)) for slip in SLIPS[op, part]]
    for k, (slip, wrong) in enumerate(made):
        assert any(each is not None for each in wrong), slip.name
        assert not same(wrong, none_made), f"{slip.name} is right"
        for other, also_wrong in made[:k]:
            assert slip.name == other.name or not same(wrong, also_wrong), f"{slip.name} is {other.name}"


@pytest.mark.parametrize(("op", "part"), parts(), ids=".".join)
def test_probes_are_whole_numbers_and_never_zero_by_chance(op: str, part: str):
    for case in cases(op):
        name, given = call(case, part)
        arrays = [value for value in given.values() if isinstance(value, np.ndarray)]
        assert arrays, name
        assert all((array == array.round()).all() for array in arrays)
        assert op == "relu" or all(array.all() for key, array in given.items() if key in ("x", "w", "grad_output"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mistake_has_words_in_every_language(language: str):
    said = texts(language)
    known = {slip.name for group in SLIPS.values() for slip in group} | set(PATTERNS.values())
    # seen without a slip
    known |= {"no_array", "not_finite", "in_place", "state_kept", "whole_numbers_only", "shuffled", "wrong_cell"}
    known |= {"ties_otherwise", "float64_creep"}  # remarks
    assert set(said["mistakes"]) == known
    assert all(set(words) == {"name", "why", "fix"} and all(words.values()) for words in said["mistakes"].values())
    assert set(said["report"]) == set(texts("en")["report"])
