"""A file that misbehaves is stopped, and one line says what it did; this process stays as it was."""

import os
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from convscope.errors import InputError
from convscope.grading import Report, grade, worker
from convscope.grading.process import Child, Died

RELU = "import numpy as np\n\n\ndef relu(x):\n"


def graded(folder: Path, text: str, **how: float) -> Report:
    file = folder / "my_conv.py"
    file.write_text(text)
    return grade(file, **{"seconds": 3} | how)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("    while True:\n        pass\n", r"it takes longer than 3 seconds \(an endless loop\?\)"),
        ("    import time\n    time.sleep(1000)\n", r"it takes longer than 3 seconds"),
        ("    raise SystemExit(3)\n", r"SystemExit: 3 \(line 5\)"),
        ("    import sys\n    sys.exit()\n", r"SystemExit \(line 6\)"),
        ("    import os\n    os._exit(7)\n", r"it ended the program by itself \(exit status 7\)"),
        ("    import ctypes\n    ctypes.string_at(0)\n", r"it crashed Python \(Segmentation fault\)"),
        ("    import os\n    os.kill(os.getpid(), 9)\n", r"it crashed Python \(Killed\)"),
        ("    return np.ones(10**12)\n", r"MemoryError.* \(line 5\)"),
        ("    kept = []\n    while True:\n        kept.append(np.empty(1 << 21))\n", r"MemoryError"),
        ("    return input('x = ')\n", r"EOFError: EOF when reading a line \(line 5\)"),
        ("    return undefined\n", r"NameError: name 'undefined' is not defined \(line 5\)"),
        ("    return relu(x)\n", r"RecursionError"),
        ("    raise KeyboardInterrupt\n", r"KeyboardInterrupt"),
        ("    raise ValueError('two\\nlines ' + 'x' * 10000)\n", r"ValueError: two lines x{100,200}"),
    ],
)
def test_what_happens_in_a_call_is_one_line(tmp_path: Path, body: str, told: str):
    report = graded(tmp_path, RELU + body, memory=1500)
    part = report["relu"]
    assert part.status == "crashed"
    assert "\n" not in part.message
    assert re.search(told, part.message), part.message
    assert not report.right


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("None", "returns None"),
        ("'text'", "returns str"),
        ("{'a': object()}", "returns a dict without a known key"),
        ("(None, None)", "returns None"),
        ("lambda: x", "returns function"),
        ("np.array(['a'])", "returns ndarray"),
        ("np.array([object()])", "returns ndarray"),
    ],
)
def test_what_is_no_array_is_said(tmp_path: Path, result: str, told: str):
    part = graded(tmp_path, RELU + f"    return {result}\n")["relu"]
    assert (part.status, part.mistakes, part.message) == ("wrong", ("no_array",), told)


@pytest.mark.parametrize(
    "result", ["x + 0j", "np.nan * x", "x[0]", "x.T", "np.full(x.shape, np.inf)", "x > 0", "np.ones((3000, 3000))", "7"]
)
def test_wrong_kinds_of_arrays_are_wrong(tmp_path: Path, result: str):
    report = graded(tmp_path, RELU + f"    return {result}\n")
    assert report["relu"].status == "wrong"
    assert str(report)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("while True: pass", r"importing it takes longer than 3 seconds"),
        ("import sys; sys.exit(1)", r"does not import: SystemExit: 1 \(line 1\)"),
        ("import os; os._exit(0)", r"importing it ended the program by itself \(exit status 0\)"),
        ("import nowhere_to_be_found", r"does not import: ModuleNotFoundError: No module named"),
        ("def relu(x)\n    return x", r"does not import: SyntaxError: .* \(line 1\)"),
        ("x = 3", r"nothing in it has a name like conv2d, .*; it has no function at all; say which is which"),
        ("def f(x): pass\ndef g(x): pass", r"it has f, g; say which is which, as in --map conv2d=NAME"),
        ("", r"nothing in it has a name like"),
        ("\0", r"does not import: SyntaxError|does not import: ValueError"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, told: str):
    with pytest.raises(InputError, match=told):
        graded(tmp_path, text, seconds=1)


def test_a_file_that_is_not_there_or_limits_without_sense_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"nowhere\.py: no such file"):
        grade(tmp_path / "nowhere.py")
    with pytest.raises(InputError, match=": a folder"):
        grade(tmp_path)
    (tmp_path / "a.py").write_text(RELU + "    return x\n")
    with pytest.raises(InputError, match="seconds=0"):
        grade(tmp_path / "a.py", seconds=0)
    with pytest.raises(InputError, match="needs 'conv'"):
        grade(tmp_path / "a.py", needs=["conv"])


def test_after_one_function_hangs_the_others_are_still_checked(tmp_path: Path):
    text = "import numpy as np\ndef relu(x):\n    return np.maximum(x, 0)\ndef linear(x, w, b):\n    while True: pass\n"
    report = graded(tmp_path, text, seconds=1)
    assert report["relu"].status == "right"
    assert report["linear"].status == "crashed"


def test_what_is_printed_does_not_disturb(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    text = (
        "import os, sys\nprint('{\"functions\": []}', flush=True)\nos.write(2, b'noise')\n"
        + RELU
        + "    print(x * 1e9)\n"
        "    sys.stdout.write('x' * 100000)\n    os.write(1, b'{}')\n    return np.maximum(x, 0)\n"
    )
    assert graded(tmp_path, text).right
    assert capfd.readouterr() == ("", "")


def test_rubbish_in_the_socket_is_an_answer_that_cannot_be_read(tmp_path: Path):
    flood = "    import os\n    for fd in range(3, 1024):\n        try:\n            os.write(fd, {what})\n"
    flood += "        except OSError:\n            pass\n    return x\n"
    forged = (
        'b\'{"outputs": [{"dtype": "|O", "shape": [1], "data": "AAAAAAAAAAA="}], "changed": [], "read": []}\\n\'',
        'b\'{"outputs": [], "changed": [], "read": []}\\n\'',
        "b'rubbish\\n'",
        "b'[' * 100000 + b'\\n'",
        "b'{}\\n'",
    )
    for what in forged:
        part = graded(tmp_path, RELU + flood.format(what=what))["relu"]
        assert (part.status, part.message) == ("crashed", "it sent an answer that cannot be read")


def test_nothing_is_unpickled(tmp_path: Path):
    text = "import numpy as np\n\n\nclass Trap(np.ndarray):\n    def __reduce__(self):\n"
    text += "        return (open, ('trap', 'w'))\n\n\n"
    text += "def relu(x):\n    return np.maximum(x, 0).view(Trap)\n"
    assert graded(tmp_path, text).right
    assert not Path("trap").exists()
    with pytest.raises(ValueError, match="something else than numbers"):
        worker.decode({"dtype": "|O", "shape": [1], "data": ""})


def test_what_was_started_is_ended(tmp_path: Path):
    text = "import os, time\n" + RELU
    text += "    for _ in range(20):\n        if os.fork() == 0:\n            time.sleep(977)\n    time.sleep(978)\n"
    assert graded(tmp_path, text, seconds=1)["relu"].status == "crashed"
    time.sleep(0.2)
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in left


def test_a_copy_made_by_fork_does_not_answer_twice(tmp_path: Path):
    assert graded(tmp_path, "import os\n" + RELU + "    os.fork()\n    return np.maximum(x, 0)\n").right


def test_it_works_in_a_folder_of_its_own_without_this_process_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("A_SECRET_TOKEN", "1234")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    text = "import os, glob\nfor name in glob.glob('*'): os.remove(name)\nopen('left.txt', 'w').write('x')\n" + RELU
    text += "    assert 'A_SECRET_TOKEN' not in os.environ\n    return np.maximum(x, 0)\n"
    assert graded(tmp_path, text).right
    assert sorted(os.listdir()) == ["my_conv.py", "notes.txt"]


def test_files_have_a_largest_size(tmp_path: Path):
    text = RELU + "    with open('big', 'wb') as file:\n        file.write(bytes(1 << 25))\n    return x\n"
    assert "OSError" in graded(tmp_path, text)["relu"].message


def test_modules_beside_the_file_are_found(tmp_path: Path):
    (tmp_path / "helper.py").write_text("def positive(x):\n    return x * (x > 0)\n")
    assert graded(tmp_path, "from helper import positive\n\n\ndef relu(x):\n    return positive(x)\n").right


def test_a_child_starts_anew_after_it_died(tmp_path: Path):
    file = tmp_path / "a.py"
    file.write_text("import os\ndef stop(x):\n    os._exit(1)\ndef go(x):\n    return x\n")

    def asked(name: str) -> dict:
        step = {"call": [name], "args": [{"ref": "x"}], "kwargs": {}, "save": "y"}
        return {"inputs": {"x": worker.encode(np.arange(3.0))}, "steps": [step], "outputs": [{"ref": "y"}]}

    with Child(file, seconds=5, memory=2000) as child:
        with pytest.raises(Died, match="exit status 1"):
            child.run(asked("stop"))
        assert child.run(asked("go"))["outputs"][0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "array", [np.zeros((0, 3)), np.float32(2), np.arange(6, dtype=np.int8).reshape(2, 3).T, [[1.5]]]
)
def test_arrays_come_back_as_they_were_sent(array):
    back = worker.decode(worker.encode(array))
    assert back.shape == np.shape(array)
    assert (back == np.asarray(array)).all()
