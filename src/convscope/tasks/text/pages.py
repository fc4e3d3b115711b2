"""Small pages that need nothing else: texts with what counted in them, and filters with their n-grams."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from convscope.tasks.text.account import Answer, Strongest, Window

WINDOWS = 5  # shown of each text
FAINT = 0.05  # of the largest part: not coloured
_STYLE = """
:root { color-scheme: light dark; --for: 178 24 43; --against: 33 102 172; }
@media (prefers-color-scheme: dark) { :root { --for: 239 138 98; --against: 103 169 207; } }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
article { border-top: 1px solid #8886; padding: 1rem 0; overflow-wrap: anywhere; }
.text { white-space: pre-wrap; }
.for { background: rgb(var(--for) / var(--share)); } .against { background: rgb(var(--against) / var(--share)); }
table { border-collapse: collapse; } th, td { text-align: left; padding: .15rem 1rem .15rem 0; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } small { opacity: .75; }
"""


def page_of_answers(answers: Sequence[Answer], about: str) -> str:
    """Each text with its class, the words coloured by what they counted for, and the windows that were picked."""
    legend = (
        "Coloured: what each word counted <span class='for' style='--share:.5'>for</span> or "
        "<span class='against' style='--share:.5'>against</span> the class given, through the windows that max-pooling "
        "picked."
    )
    return _page("What the network read", about, legend, "".join(map(_article, answers)))


def page_of_filters(filters: Iterable[Strongest], classes: Sequence[str], about: str) -> str:
    """A table of filters: their strongest n-grams in texts, the strongest there can be, the class they speak for."""
    legend = (
        "Each filter's strongest n-grams in real texts, and the n-gram that excites it most among all that the "
        "vocabulary can make."
    )
    head = "".join(f"<th>{name}</th>" for name in ("window", "filter", "speaks for", "in texts", "of all n-grams"))
    rows = (
        f"<tr><td>{own.window}</td><td>{own.unit}</td><td>{escape(own.speaks_for(classes))}</td>"
        f"<td>{'<br>'.join(f'{escape(gram)} <small>{value:.2f}</small>' for gram, value in own.seen)}</td>"
        f"<td>{escape(own.best[0])} <small>{own.best[1]:.2f}</small></td></tr>"
        for own in filters
    )
    return _page("What the filters look for", about, legend, f"<table><tr>{head}</tr>{''.join(rows)}</table>")


def marked(answer: Answer) -> Iterator[tuple[str, float]]:
    """The text in pieces, each with what it counted for as a share of the largest, -1 to 1; 0 between words."""
    largest = max((abs(part) for part in answer.parts), default=0) or 1
    end = 0
    for token, part in zip(answer.tokens, answer.parts):
        if token.start > end:
            yield answer.text[end : token.start], 0.0
        yield answer.text[token.start : token.end], part / largest
        end = token.end
    if end < len(answer.text):
        yield answer.text[end:], 0.0


def told(window: Window) -> str:
    """A picked window in a line.

    >>> told(Window(0, 9, ("not", "good"), 3, 7, 1.25))
    '+1.25  not good  (7 filters of window 3)'
    """
    filters = "1 filter" if window.filters == 1 else f"{window.filters} filters"
    return f"{window.weight:+.2f}  {' '.join(window.words)}  ({filters} of window {window.size})"


def _article(answer: Answer) -> str:
    words = "".join(_coloured(piece, share) for piece, share in marked(answer))
    cut = " <small>(what follows the last word read is left out)</small>" if answer.cut else ""
    windows = "<br>".join(escape(told(window)) for window in answer.windows[:WINDOWS])
    return (
        f"<article><strong>{escape(answer.label)}</strong> {answer.probability:.1%}{cut}"
        f"<p class='text'>{words}</p><small>{windows}</small></article>"
    )


def _coloured(piece: str, share: float) -> str:
    if abs(share) < FAINT:
        return escape(piece)
    side = "for" if share > 0 else "against"
    return f"<span class='{side}' style='--share:{0.6 * abs(share):.2f}'>{escape(piece)}</span>"


def _page(title: str, about: str, legend: str, body: str) -> str:
    return (
        "<!doctype html><html><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f"<p>{escape(about)}</p><p>{legend}</p>{body}</body></html>\n"
    )
