"""Each Chinese page says what the English one says, section by section: the same code, links and numbers.

The English page is the source. What may differ, because the languages do: comments in code; a link to page.zh.md where
English has page.md, and its anchor; thousands with or without a comma; `10 million` and `1000 万`; dates; `2-D` and
二维; numbers written as words. A section is a heading and all up to the next one.
"""

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
ENGLISH_ONLY = ("docs/decisions/", "docs/format.md")  # for those who work on convscope itself, and who read its files

FENCE = re.compile(r"^( *)(`{3,})([^`\n]*)\n(.*?)^\1\2 *$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+(?:\([^()]*\))?[^()\s]*)(?: \"[^\"]*\")?\)")
MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
DATE = re.compile(
    rf"\d{{4}}-\d\d-\d\d|\d{{1,2}} {MONTH},? \d{{4}}|{MONTH} \d{{1,2}}, \d{{4}}|{MONTH} \d{{4}}"
    r"|\d{4} ?年 ?\d{1,2} ?月(?: ?\d{1,2} ?日)?"
)
MAGNITUDES = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9,
    "百": 10**2, "千": 10**3, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8, "十亿": 10**9,
}  # fmt: skip
NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.])(?<![A-Za-z]-)"  # LeNet-5, conv2d and Q4 are names
    r"(\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)*)"
    r"(?!-?[Dd]\b)"  # 2-D
    r"(?: ?(hundred|thousand|million|billion|百万|千万|十亿|百(?!分)|千|万|亿))?"
)


@dataclass(frozen=True)
class Section:
    """One heading and what stands under it."""

    level: int
    title: str
    code: tuple[tuple[str, str], ...]
    links: frozenset[str]
    numbers: Counter[str]


def sections(text: str) -> list[Section]:
    fences: list[tuple[str, str]] = []

    def kept(match: re.Match[str]) -> str:
        fences.append((match[3].strip(), match[4]))
        return f"\N{LEFT CORNER BRACKET}{len(fences) - 1}\N{RIGHT CORNER BRACKET}\n"

    text = FENCE.sub(kept, re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))
    starts = [0, *(found.start() for found in HEADING.finditer(text)), len(text)]
    parts = [text[start:end] for start, end in itertools.pairwise(starts) if text[start:end].strip()]
    return [_section(part, fences) for part in parts]


def _section(part: str, fences: list[tuple[str, str]]) -> Section:
    heading = HEADING.match(part)
    inside = [int(number) for number in re.findall(r"\u300c(\d+)\u300d$", part, re.MULTILINE)]
    prose = re.sub(r"\u300c\d+\u300d$", "", part, flags=re.MULTILINE)
    return Section(
        level=len(heading[1]) if heading else 0,
        title=heading[2] if heading else "",
        code=tuple((fences[i][0], without_comments(*fences[i])) for i in inside if not _tree(fences[i][1])),
        links=frozenset(
            target for _, link in LINK.findall(prose) for target in [same_in_both(link)] if target
        ),
        numbers=numbers(prose),
    )


def _tree(code: str) -> bool:
    """The README's list of files: in English only."""
    return code.startswith("src/convscope/\n")


def without_comments(language: str, code: str) -> str:
    if language.split(" ")[0] in ("python", "sh", "toml", "yaml"):
        code = re.sub(r"(^|[ \t]+)# .*$", "", code, flags=re.MULTILINE)
    return "\n".join(line.rstrip() for line in code.splitlines() if line.strip())


def same_in_both(link: str) -> str:
    """A link without what differs between languages; "" where it leads to another place on the page."""
    return re.sub(r"[.-]zh(?=\.\w+$)", "", link.partition("#")[0] if not link.startswith("http") else link)


def numbers(prose: str) -> Counter[str]:
    prose = LINK.sub(r"\1", prose)
    prose = re.sub(r"<[^<>\n]+>|https?://\S+", "", prose)
    prose = re.sub(r"^( *)\d+[.)] ", r"\1", prose, flags=re.MULTILINE)  # a list's own numbers
    prose = re.sub(r"(?<=\d)[x×](?=\d)", " x ", DATE.sub("", prose))
    return Counter(plain(*found) for found in NUMBER.findall(prose))


def plain(digits: str, magnitude: str) -> str:
    if digits.count(".") > 1:
        return digits  # a version
    value = Decimal(digits.replace(",", "")) * MAGNITUDES.get(magnitude, 1)
    return f"{value.normalize():f}"


def pages() -> list[str]:
    found = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
    names = [path.relative_to(CHECKOUT).as_posix() for path in found]
    return [name for name in names if not name.endswith(".zh.md") and not name.startswith(ENGLISH_ONLY)]


def chinese(page: str) -> Path:
    return CHECKOUT / page.replace(".md", ".zh.md")


@pytest.fixture(params=pages())
def both(request: pytest.FixtureRequest) -> list[tuple[Section, Section]]:
    assert chinese(request.param).exists(), f"{request.param} has no Chinese page beside it"
    english = sections((CHECKOUT / request.param).read_text())
    translated = sections(chinese(request.param).read_text())
    levels = [[f"{'#' * section.level} {section.title}" for section in page] for page in (english, translated)]
    assert [section.level for section in english] == [section.level for section in translated], "\n".join(
        ["headings differ:", *levels[0], "--", *levels[1]]
    )
    return list(zip(english, translated))


def test_every_section_has_its_partner_with_the_same_code_links_and_numbers(both: list[tuple[Section, Section]]):
    wrong: list[str] = []
    for en, zh in both:
        name = f"[{en.title} | {zh.title}]"
        wrong += [
            f"{name} code differs:\n{a[0]}\n{a[1]}\n-- zh:\n{b[0]}\n{b[1]}"
            for a, b in zip(en.code, zh.code)
            if a != b
        ]
        if len(en.code) != len(zh.code):
            wrong.append(f"{name} {len(en.code)} blocks of code, zh {len(zh.code)}")
        if en.links != zh.links:
            wrong.append(f"{name} links: only en {sorted(en.links - zh.links)}, only zh {sorted(zh.links - en.links)}")
        if en.numbers != zh.numbers:
            more, fewer = en.numbers - zh.numbers, zh.numbers - en.numbers
            wrong.append(f"{name} numbers: only en {sorted(more.elements())}, only zh {sorted(fewer.elements())}")
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("page", pages())
def test_a_chinese_page_leads_to_chinese_pages(page: str):
    assert chinese(page).exists(), f"{page} has no Chinese page beside it"
    for _, link in LINK.findall(chinese(page).read_text()):
        target = link.partition("#")[0]
        if not re.search(r"(?<!\.zh)\.md$", target) or target == Path(page).name:  # itself in English
            continue
        other = chinese(page).parent / target.replace(".md", ".zh.md")
        assert not other.exists(), f"{chinese(page).name} links to {target}, which is there in Chinese: {other.name}"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("1,000 of 28 x 28 at 2.50 s", "28×28,1000 个,2.5 s", True),
        ("10 million pictures", "1000 万幅图像", True),
        ("LeNet-5 in 2-D, on 3 May 2024", "二维,2024 年 5 月 3 日", True),
        ("lucent 0.1.8 takes 36 times", "lucent 0.1.8 需 36 倍", True),
        ("99.48 %", "99.84 %", False),
        ("three of 5, and 5", "5 个里的三个", False),
        ("1. first\n2. second", "3. 首先\n4. 其次", True),
    ],
)
def test_numbers_are_told_apart_as_readers_would(one: str, other: str, alike: bool):
    assert (numbers(one) == numbers(other)) is alike


def test_comments_may_be_translated_and_code_may_not():
    english = "```sh\nconvscope maps net cat.jpg   # what it sees\n```\n"
    assert sections(english)[0].code == sections(english.replace("what it sees", "看到什么"))[0].code
    assert sections(english)[0].code != sections(english.replace("cat", "dog"))[0].code
