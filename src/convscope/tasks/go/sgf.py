"""Game records: SGF files read (by sgfmill), replayed by our rules, and freed of duplicates."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.tasks.extras import need
from convscope.tasks.go.archives import Skipped, contents
from convscope.tasks.go.rules import BLACK, SIZES, WHITE, Board, Move, Point
from convscope.tasks.go.stars import handicap_points
from convscope.tasks.go.symmetry import undoing

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Game:
    """One game record: its main line, without variations.

    setup: the points of black and of white stones on the board before the first move. moves: (colour, move) in their
    order, None for a pass; the same colour may move twice. source: the file, `!` and the member of an archive, `#` and
    the number of the game where a file holds several. result, names, komi and handicap: as the record says.
    """

    size: int
    moves: tuple[tuple[int, Move], ...]
    setup: tuple[tuple[Point, ...], tuple[Point, ...]] = ((), ())
    to_play: int = BLACK
    result: str = ""
    source: str = ""
    black: str = ""
    white: str = ""
    komi: float = 0.0
    handicap: int = 0

    def start(self) -> Board:
        """The board before the first move. Raises InputError for set-up stones that cannot stand so."""
        board = Board(self.size)
        board.place(*self.setup)
        board.to_play = self.to_play
        return board

    def boards(self) -> Iterator[tuple[Board, int, Move]]:
        """Each move with the board before it: always the same board, so copy what is to stay.

        Raises InputError at a move that breaks a rule.
        """
        board = self.start()
        for colour, move in self.moves:
            yield board, colour, move
            board.play(move, colour)

    @cached_property
    def line(self) -> bytes:
        """Size, set-up and moves, without passes at the end, as seen under that one of the eight symmetries where this
        text is least: equal for games that are equal but for a symmetry, and the beginning of a game's text
        is that of the game's beginning."""
        played = [k for k, (_, move) in enumerate(self.moves, 1) if move is not None]
        moves = self.moves[: max(played, default=0)]
        texts = []
        for table in undoing(self.size).tolist():
            moved = {None: len(table), **{divmod(place, self.size): to for place, to in enumerate(table)}}
            setup = [place for side in self.setup for place in sorted(moved[point] for point in side)]
            line = [2 * moved[move] + (colour == WHITE) for colour, move in moves]
            texts.append(np.array([self.size, *map(len, self.setup), *setup, *line], ">u2").tobytes())
        return min(texts)

    @property
    def key(self) -> str:
        """Equal for duplicates: games of the same size, set-up and moves, up to the eight symmetries."""
        return hashlib.blake2b(self.line, digest_size=16).hexdigest()


@dataclass(frozen=True)
class Found:
    """What was read: the games, each once; the records skipped; and how many duplicates were dropped."""

    games: tuple[Game, ...]
    skipped: tuple[Skipped, ...]
    duplicates: int


def read_games(source: AnyPath | Iterable[AnyPath]) -> Found:
    """All games in files, folders and archives; see `archives.contents` for what these may be.

    Skipped, with the reason: broken files, other games than Go, boards that are not square or not of 2 to 25 lines,
    records with a move that breaks a rule (what comes after it was played on another board), with stones set up
    between moves, or without moves. A record that is the beginning of another one is a duplicate of it.

    Raises InputError where a source does not exist, and where sgfmill is not installed.
    """
    need("sgfmill", "go")
    sources = [source] if isinstance(source, str | os.PathLike) else list(source)
    games: list[Game] = []
    skipped: list[Skipped] = []
    for path in map(Path, sources):
        for name, data in contents(path, skipped):
            trees = list(_trees(data))
            for number, tree in enumerate(trees, 1):
                place = name if len(trees) == 1 else f"{name}#{number}"
                if isinstance(tree, str):
                    skipped.append(Skipped(place, tree))
                    continue
                try:
                    games.append(_read_game(tree, place))
                except ValueError as problem:
                    skipped.append(Skipped(place, str(problem)))
    kept = _each_once(games)
    return Found(kept, tuple(skipped), len(games) - len(kept))


def _each_once(games: list[Game]) -> tuple[Game, ...]:
    """Without duplicates: in the order of their texts, what a game is the beginning of follows it at once."""
    order = sorted(range(len(games)), key=lambda k: (games[k].line, -k))
    dropped = {a for a, b in pairwise(order) if games[b].line.startswith(games[a].line)}
    return tuple(game for k, game in enumerate(games) if k not in dropped)


def _encodings(data: bytes) -> list[str]:
    """Encodings to try, likeliest first. UTF-8 is hardly ever met by accident, but declared wrongly often.

    In Chinese, Japanese and Korean text bytes above 127 mostly come in pairs, in Western European text mostly alone.
    """
    declared = re.search(rb"CA\s*\[\s*([\w.:-]+)\s*\]", data[:2000])
    paired = all(len(run) % 2 == 0 for run in re.findall(rb"[\x80-\xff]+", data))
    likely = ["gb18030", "latin-1"] if paired else ["latin-1", "gb18030"]
    return ["utf-8-sig", *([declared[1].decode()] if declared else []), *likely]


_ROOT = re.compile(rb"(?=\(\s*;\s*(?:FF|GM|CA|AP|SZ)\s*\[)")
"""Where a game begins: one of these is what programs write first."""


def _trees(data: bytes) -> Iterator[Any]:
    """The game trees in a file; in the place of a broken one what is wrong with it."""
    try:
        yield from _parse(data)
    except ValueError as problem:
        games = [game for game in _ROOT.split(data) if game.strip()]
        if len(games) < 2:
            yield f"broken record ({problem})"
        else:
            for game in games:
                yield from _trees(game)


def _parse(data: bytes) -> list[Any]:
    """The game trees in a file, in UTF-8. Raises ValueError, with the first complaint."""
    grammar = need("sgfmill.sgf_grammar", "go")
    complaints = []
    for encoding in _encodings(data):
        try:
            return grammar.parse_sgf_collection(data.decode(encoding).encode())
        except (UnicodeError, LookupError):
            continue
        except (ValueError, RecursionError) as problem:
            complaints.append(str(problem) or type(problem).__name__)
    raise ValueError(complaints[0])


def _read_game(tree: Any, source: str) -> Game:
    """The game of one tree. Raises ValueError with the reason why it is none for us."""
    sgf, properties = need("sgfmill.sgf", "go"), need("sgfmill.sgf_properties", "go")
    root = tree.sequence[0]
    kind = _text(root, "GM")
    if kind not in ("", "1"):
        raise ValueError(f"not Go but game number {kind}")
    size = _size(_text(root, "SZ"))
    root["SZ"] = [str(size).encode()]

    def point(raw: bytes) -> Move:
        try:
            place = properties.interpret_go_point(raw.strip(), size)
        except ValueError:
            raise ValueError(f"{raw!r} is no point of a {size}x{size} board") from None
        return place and (size - 1 - place[0], place[1])

    board = Board(size)
    moves: list[tuple[int, Move]] = []
    for node in sgf.Sgf_game.from_coarse_game_tree(tree, "utf-8").main_sequence_iter():
        if node.has_setup_stones():
            if moves:
                raise ValueError(f"stones are set up after move {len(moves)}")
            board.place(*([(size - 1 - row, column) for row, column in side] for side in node.get_setup_stones()))
        for name, colour in (("B", BLACK), ("W", WHITE)):
            if node.has_property(name):
                moves.append((colour, point(node.get_raw(name))))
    if not moves:
        raise ValueError("no moves")
    handicap = int(_number(_text(root, "HA")))
    if moves[0][0] == WHITE and not board.points.any():  # old records leave the usual handicap stones to the reader
        board.place(black=handicap_points(size, handicap) or ())
    game = Game(
        size, tuple(moves), (_stones(board, BLACK), _stones(board, WHITE)), moves[0][0], _text(root, "RE"), source,
        _text(root, "PB"), _text(root, "PW"), _number(_text(root, "KM")), handicap,
    )  # fmt: skip
    played = 0
    try:
        for board, _, _ in game.boards():
            played = len(board.history)
    except InputError as problem:
        raise ValueError(f"move {played + 1}, {problem}") from None
    return game


def _stones(board: Board, colour: int) -> tuple[Point, ...]:
    return tuple((row, column) for row, column in np.argwhere(board.points == colour).tolist())


def _text(root: dict[str, list[bytes]], name: str) -> str:
    return root.get(name, [b""])[0].decode().strip()


def _size(text: str) -> int:
    lines = re.fullmatch(r"(\d+)(?:\s*:\s*(\d+))?", text or "19")
    if not lines or lines[2] not in (None, lines[1]) or int(lines[1]) not in SIZES:
        raise ValueError(f"a board of size {text}; square ones of {SIZES[0]} to {SIZES[-1]} lines can be read")
    return int(lines[1])


def _number(text: str) -> float:
    found = re.match(r"[+-]?\d+(\.\d+)?", text.replace(",", "."))
    return float(found[0]) if found else 0.0
