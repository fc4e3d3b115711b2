"""Pages are written to be read on GitHub as well; here their links and blocks become the site's.

- A link to `page.zh.md` is one to the page in Chinese, `page.md` on a Chinese page to the one in English: on the site
  both are the same page in two languages, so that the plugin for languages has to be told which one is meant.
- A link out of docs leads to a page that shows the file (`sources`); one to the list of commands in the README leads to
  the page of all commands, one to a notebook to its chapter.
- A block that opens with "```text NAME.py", what a script prints, gets the name as its title.
"""

import re
from posixpath import dirname, join, normpath, relpath

import sources

BLOCK = re.compile(r"^( *)(`{3,})[^\n]*\n.*?^\1\2 *$", re.DOTALL | re.MULTILINE)
TITLE = re.compile(r"\A( *`{3,}\w+) ([\w./-]+\.\w+)$", re.MULTILINE)
LINK = re.compile(r"`[^`\n]*`|(\[(?:[^\[\]]|\[[^\]]*\])*\])\((?![a-z]+:|#)([^()\s#]+)(#[^()\s]*)?\)")

COMMANDS = {("README.md", "#the-command-line"), ("README.zh.md", "#命令行")}


def ready(markdown: str, page: str, url: str) -> str:
    """The Markdown of a page, by its place in docs, that is to stand at `url`."""
    parts, end = [], 0
    for block in BLOCK.finditer(markdown):
        parts += [_linked(markdown[end : block.start()], page, url), TITLE.sub(r'\1 title="\2"', block[0])]
        end = block.end()
    return "".join([*parts, _linked(markdown[end:], page, url)])


def _linked(text: str, page: str, url: str) -> str:
    def link(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        words, target, anchor = found[1], normpath(join(dirname(page), found[2])), found[3] or ""
        if file := sources.outside(target):
            target = sources.page_of(file) or target
        if (file, anchor) in COMMANDS:
            target, anchor = "reference/commands.md", ""
        target = re.sub(r"\.ipynb$", ".md", target)
        other = _in_other_language(target, page)
        if other is None:
            return f"{words}({relpath(_neutral(target), dirname(page) or '.')}{anchor})"
        return f'<a href="{relpath(other, dirname(url) or ".")}{anchor}">{words[1:-1]}</a>'

    return LINK.sub(link, text)


def _neutral(target: str) -> str:
    """page.zh.md and page.md are one page, which is shown in the language of the page that links."""
    return re.sub(r"\.zh\.md$", ".md", target)


def _in_other_language(target: str, page: str) -> str | None:
    """The address of a page, where the one in the other language is meant."""
    chinese = page.endswith(".zh.md")
    if not chinese and target.endswith(".zh.md"):
        return f"zh/{target.removesuffix('.zh.md')}.html"
    if chinese and re.search(r"(?<!\.zh)\.md$", target) and _has_chinese(target):
        return f"{target.removesuffix('.md')}.html"
    return None


def _has_chinese(target: str) -> bool:
    other = target.replace(".md", ".zh.md")
    return (sources.DOCS / other).exists() or other in sources.pages()
