import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Convscope = Callable[..., Result]
Program = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[[subprocess.CompletedProcess[str] | Result], str]

RIGHT = """
import numpy as np


def blur(picture, mask):
    rows, columns = mask.shape
    windows = np.lib.stride_tricks.sliding_window_view(picture, (rows, columns))
    return (windows * mask).sum((2, 3))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "my_conv.py").write_text(RIGHT)
    return tmp_path / "my_conv.py"


def test_a_function_of_any_name_is_checked_as_what_it_is_said_to_be(convscope: Convscope, file: Path):
    told = convscope("grade", file, "--map", "conv2d=blur", "--args", "blur=x,w")
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert lines[:2] == [str(file), "  conv2d  blur  right (4 checks)"]
    assert lines[2].startswith("  not found: conv2d.dx, ")


def test_what_is_wrong_is_named_and_ends_with_1(convscope: Convscope, file: Path):
    file.write_text(RIGHT.replace("* mask", "* mask[::-1, ::-1]"))
    told = convscope("grade", file, "--map", "conv2d=blur")
    assert told.exit_code == 1
    assert "the kernel is flipped" in told.output
    assert convscope("grade", file, "--map", "conv2d=blur", "--flip").exit_code == 0
    assert "卷积核被翻转" in convscope("grade", file, "--map", "conv2d=blur", "--lang", "zh").output


def test_json_says_the_same(convscope: Convscope, file: Path):
    file.write_text(RIGHT.replace(".sum(", ".mean("))
    told = convscope("grade", file, "--map", "conv2d=blur", "--json")
    assert told.exit_code == 1
    report = json.loads(told.output)
    (part,) = report["parts"]
    assert report["right"] is False
    assert "conv2d.dx" in report["missing"]
    assert part["mistakes"][0]["id"] == "window_averaged"
    assert (part["status"], part["function"], part["checks"], part["sure"]) == ("wrong", "blur", 4, True)
    example = part["example"]
    assert set(example["inputs"]) == {"x", "w"}
    i, j = example["at"][2:]
    assert example["got"][0][0][i][j] != example["expected"][0][0][i][j]


def test_what_is_needed_and_not_there_ends_with_1(convscope: Convscope, file: Path):
    words = ("grade", file, "--map", "conv2d=blur")
    assert convscope(*words, "--need", "conv2d").exit_code == 0
    told = convscope(*words, "--need", "conv2d.dx")
    assert told.exit_code == 1
    assert "needed and not there: conv2d.dx" in told.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "my_conv.py: nothing in it has a name like conv2d, max_pool2d, avg_pool2d, linear, relu; it has blur; say "
         "which is which, as in --map conv2d=NAME"),
        (["--map", "conv2d=blurr"], "map conv2d=blurr: there is no function 'blurr'; the file has blur"),
        (["--map", "conv3d=blur"], "map 'conv3d': what is checked is one of conv2d, max_pool2d, avg_pool2d, linear, "
         "relu, or a part as in conv2d.dx"),
        (["--map", "blur"], "map='blur': it has two sides; write --map conv2d=my_function"),
        (["--args", "other=x"], "arguments of other: there is no function 'other'; the file has blur"),
        (["--need", "conv2d.dz", "--map", "conv2d=blur"], "needs 'conv2d.dz': what is checked is one of conv2d, "),
        (["--lang", "de"], "lang='de': reports are in en and zh; use --lang en"),
        (["--seconds", "0"], "seconds=0.0, memory=4096: both must be above 0; use seconds=10, memory=4096"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_line(
    program: Program, refused: Refused, file: Path, words: list[str], message: str
):
    assert refused(program("grade", file, *words)).startswith(message)


def test_arguments_that_cannot_be_told_are_asked_for(program: Program, refused: Refused, file: Path):
    file.write_text("def conv2d(x, w, b, stride, padding, secret): return x")
    assert "of conv2d, what its argument secret is cannot be told; say what they are, as in --args" in refused(
        program("grade", file)
    )


def test_a_wrong_role_lists_those_there_are(convscope: Convscope, file: Path):
    told = convscope("grade", file, "--map", "conv2d=blur", "--args", "blur=x,kern")
    assert told.exit_code == 2
    assert "arguments of blur: 'kern' is none of b, cache, dilation, dy, " in told.output


def test_no_file_and_no_python_are_one_line(program: Program, refused: Refused, tmp_path: Path):
    assert "no such file" in refused(program("grade", tmp_path / "nowhere.py"))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "does not import: " in refused(program("grade", tmp_path / "picture.png"))


def test_the_command_line_prints_no_chatter_of_the_file(program: Program, file: Path):
    file.write_text("print('hello')\n" + RIGHT.replace("def blur", "def conv2d") + "\nprint('bye')\n")
    told = program("grade", file)
    assert (told.returncode, told.stderr) == (0, "")
    assert "hello" not in told.stdout
