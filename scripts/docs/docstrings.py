"""Docstrings are written to be read as text, in an editor or by help(); for the site they become Markdown.

Taken as an extension by griffe, which reads the sources for mkdocstrings.
"""

import re
from typing import Any

from griffe import Docstring, Extension, Object

ALIGNED = re.compile(r"^(\S+(?: ?, ?\S+)*(?: \S+)?) {2,}(\S.*)$")
NAMED = re.compile(r"^([a-z_][a-z_0-9]*(?:, [a-z_][a-z_0-9]*)*): ")
NOTHING = "&nbsp;"
MEANT = re.compile(r"(`[^`]*`|(?<![\w*])\*\w[\w ]*\w\*(?![\w*]))")
SPECIAL = re.compile(r"([*_<\[\]])")


def markdown(text: str) -> str:
    """Paragraph by paragraph: doctests, formulas and tables of names as what they are, all else as plain text."""
    return "\n\n".join(_paragraph(each) for each in re.split(r"\n\s*\n", text.strip("\n")))


def _paragraph(text: str) -> str:
    lines = text.splitlines()
    if lines[0].lstrip().startswith(">>>"):
        return "```pycon\n" + "\n".join(lines) + "\n```"
    if all(line.startswith("    ") for line in lines):
        return "```text\n" + "\n".join(line[4:] for line in lines) + "\n```"
    if ALIGNED.match(lines[0]):
        return _definitions(lines)
    return _prose(lines)


def _definitions(lines: list[str]) -> str:
    """`name   what it is`, a name a line, longer texts indented."""
    made: list[str] = []
    for line in lines:
        if found := ALIGNED.match(line):
            made.append(f"\n`{found[1]}`\n:   {_plain(found[2])}")
        else:
            made.append(f"    {_plain(line.strip())}")
    return "\n".join(made).strip("\n")


def _prose(lines: list[str]) -> str:
    """Lines that begin with `name: ` stay lines of their own, in a paragraph that begins so."""
    made: list[str] = []
    for line in lines:
        found = NAMED.match(line) if NAMED.match(lines[0]) else None
        if found and made:
            made[-1] += "  "
        made.append(f"`{found[1]}`: {_plain(line[found.end() :])}" if found else _plain(line.strip()))
    return "\n".join(made)


def _plain(text: str) -> str:
    """Text with no marks of Markdown but `code` and *stress*, which are meant."""
    parts = MEANT.split(text)
    return "".join(part if place % 2 else SPECIAL.sub(r"\\\1", part) for place, part in enumerate(parts))


class AsMarkdown(Extension):
    """Changes docstrings while they are read."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)
        elif obj.is_attribute and obj.parent is not None and obj.parent.is_module:
            obj.docstring = Docstring(NOTHING, parent=obj)  # names without a text are left out, and these say enough
