"""A text as tokens, words or characters, and tokens as numbers."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from convscope.errors import InputError
from convscope.tasks.extras import need
from convscope.tasks.fitting import Samples

PADDING, UNKNOWN = 0, 1
"""The numbers of what stands beyond a text's ends, and of every token that is not in the vocabulary."""

KINDS = ("words", "characters", "jieba")
LEAST = 2  # a token met once can only be learned by heart
MOST = 50_000  # entries of a vocabulary
LONGEST = 256  # tokens
# scripts written without spaces: kana, Han and its extensions
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+?(?=n['’]t\b)|n['’]t\b|['’][^\W{_CJK}]+|[^\W{_CJK}]+|[^\w\s]|_")


@dataclass(frozen=True)
class Token:
    """A token in lower case, and where it stands: text[start:end]."""

    word: str
    start: int
    end: int


def split(text: str, kind: str) -> list[Token]:
    """The tokens of a text.

    words: runs of letters and digits, with n't and 's apart as Kim (2014) has them; each other sign, and each
    Chinese or Japanese character, is a token. characters: each character; runs of white space are one. jieba: words
    as the package jieba finds them in Chinese.

    Raises InputError for another kind, and where jieba is not installed.

    >>> [token.word for token in split("It isn't Wasabi's best...", "words")]
    ['it', 'is', "n't", 'wasabi', "'s", 'best', '.', '.', '.']
    >>> [token.word for token in split("不 好看!", "characters")]
    ['不', ' ', '好', '看', '!']
    """
    if kind == "jieba":
        found = _jieba().tokenize(text)
        return [Token(word.lower(), start, end) for word, start, end in found if word.strip()]
    if kind not in KINDS:
        raise InputError(f"tokens={kind!r}: no such way to split a text; use {', '.join(KINDS)}")
    parts = _WORD.finditer(text) if kind == "words" else re.finditer(r"\s+|\S", text)
    tokens = [Token(part[0].lower() if part[0].strip() else " ", *part.span()) for part in parts]
    first, last = (tokens[0].word == " ", tokens[-1].word == " ") if tokens else (False, False)
    return tokens[first : len(tokens) - last if last else None]


def kind_for(texts: Iterable[str]) -> str:
    """characters where most letters are Chinese or Japanese, words elsewhere.

    >>> kind_for(["very good", "很好"])
    'words'
    """
    letters = [char for text in texts for char in text if char.isalpha()]
    return "characters" if 2 * sum(bool(re.match(f"[{_CJK}]", char)) for char in letters) > len(letters) else "words"


@dataclass(frozen=True)
class Vocabulary:
    """Which tokens have numbers: words[k] is number k; of a longer text the first `longest` tokens count."""

    kind: str
    words: tuple[str, ...]
    longest: int = LONGEST

    @classmethod
    def of(cls, texts: Iterable[str], kind: str, *, least: int = LEAST, longest: int = LONGEST) -> "Vocabulary":
        """Tokens that occur `least` times or more, the most frequent first. Raises InputError where there is none."""
        if longest < 1 or least < 1:
            raise InputError(f"longest={longest}, least={least}: both count tokens; give at least 1")
        counts = Counter(token.word for text in texts for token in split(text, kind)[:longest])
        often = (word for word, count in counts.items() if count >= least)
        kept = sorted(often, key=lambda word: (-counts[word], word))
        if not kept:
            raise InputError(f"no token occurs {least} times in these texts: nothing can be learned; give more texts")
        return cls(kind, ("<padding>", "<unknown>", *kept[:MOST]), longest)

    def __len__(self) -> int:
        return len(self.words)

    def reader(self) -> Callable[[str], tuple[np.ndarray, list[Token]]]:
        """What turns a text into numbers, beside the tokens that they stand for."""
        numbers = {word: number for number, word in enumerate(self.words)}

        def read(text: str) -> tuple[np.ndarray, list[Token]]:
            tokens = split(text, self.kind)[: self.longest]
            return np.array([numbers.get(token.word, UNKNOWN) for token in tokens], np.int64), tokens

        return read

    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        """The numbers of each text."""
        read = self.reader()
        return [read(text)[0] for text in texts]


class Encoded(Samples):
    """Texts as numbers, with their labels; a batch is as long as its longest text."""

    def __init__(self, numbers: Sequence[np.ndarray], labels: np.ndarray):
        self.numbers, self.labels = numbers, torch.as_tensor(labels)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitems__(self, places: Sequence[int]) -> tuple[Tensor, Tensor]:
        return padded([self.numbers[k] for k in places]), self.labels[torch.as_tensor(places)]


def padded(numbers: Sequence[np.ndarray]) -> Tensor:
    """Numbers of n texts as (n, length), with padding behind the shorter ones."""
    length = max(map(len, numbers), default=0)
    rows = np.full((len(numbers), max(length, 1)), PADDING, np.int64)
    for row, own in zip(rows, numbers):
        row[: len(own)] = own
    return torch.from_numpy(rows)


def _jieba():
    jieba = need("jieba", "text")
    jieba.setLogLevel(logging.ERROR)
    return jieba
