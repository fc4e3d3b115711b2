"""The example of docs/grading.md does what it says."""

import re
from pathlib import Path

from convscope.grading import grade

DOCS = Path(__file__).parents[2] / "docs" / "grading.md"


def test_the_example_prints_what_stands_in_the_docs(tmp_path, monkeypatch):
    text = DOCS.read_text()
    code, told = re.search(r"```python\n(.*?)```", text, re.S), re.search(r"```text\n(.*?)```", text, re.S)
    assert code is not None
    assert told is not None
    monkeypatch.chdir(tmp_path)
    Path("my_conv.py").write_text(code[1])
    assert str(grade("my_conv.py")) == told[1].rstrip("\n")
