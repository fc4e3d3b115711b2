"""The Go Text Protocol, version 2: how other Go programs play against a policy.

Source: Farnebäck, Specification of the Go Text Protocol, version 2, draft 2 (2002).
"""

import inspect
import math
import re
from collections.abc import Callable, Iterable

import numpy as np

from convscope import __version__
from convscope.errors import InputError
from convscope.tasks.go.engine import Policy, choose, follow
from convscope.tasks.go.picture import board_text
from convscope.tasks.go.rules import BLACK, WHITE, Board, Move, Point, from_vertex, to_vertex
from convscope.tasks.go.stars import handicap_points

_COLOURS = {"b": BLACK, "black": BLACK, "w": WHITE, "white": WHITE}


class Refusal(Exception):
    """A command that fails; the message is the protocol's."""


class Session:
    """One game after another, on boards of one size: commands in, answers out.

    temperature, seed: of the player, see `engine.choose`.
    """

    def __init__(self, policy: Policy, size: int, temperature: float = 0.0, seed: int = 0):
        self.over = False
        self._policy, self._size, self._temperature = policy, size, temperature
        self._random = np.random.default_rng(seed)
        self._komi = 7.5
        self._commands: dict[str, Callable[..., str]] = {
            name.removeprefix("do_"): getattr(self, name) for name in dir(self) if name.startswith("do_")
        }
        self.do_clear_board()

    def answer(self, line: str) -> str | None:
        """The answer to one line, with the empty line that ends it; None where the line holds no command."""
        text = "".join(sign for sign in line.replace("\t", " ") if sign.isprintable()).partition("#")[0]
        parts = re.fullmatch(r"\s*(?:(\d+)(?:\s+|$))?(.*)", text, re.ASCII)
        number, words = (parts[1] or "", parts[2].split()) if parts else ("", text.split())
        if not words and not number:
            return None
        try:
            sign, told = "=", self._obey(*words)
        except Refusal as problem:
            sign, told = "?", str(problem)
        return f"{sign}{number} {told}".rstrip() + "\n\n"

    def _obey(self, name: str = "", *words: str) -> str:
        command = self._commands.get(name)
        if command is None:
            raise Refusal("unknown command")
        try:
            inspect.signature(command).bind(*words)
        except TypeError:
            raise Refusal("syntax error") from None
        return command(*words)

    def do_protocol_version(self) -> str:
        return "2"

    def do_name(self) -> str:
        return "convscope"

    def do_version(self) -> str:
        return __version__

    def do_known_command(self, name: str) -> str:
        return "true" if name in self._commands else "false"

    def do_list_commands(self) -> str:
        return "\n".join(self._commands)

    def do_quit(self) -> str:
        self.over = True
        return ""

    def do_boardsize(self, size: str) -> str:
        if _whole(size) != self._size:
            raise Refusal("unacceptable size")
        return self.do_clear_board()

    def do_clear_board(self) -> str:
        self._board = Board(self._size, superko=True)
        self._past: list[Board] = []
        return ""

    def do_komi(self, komi: str) -> str:
        self._komi = _number(komi)
        return ""

    def do_play(self, colour: str, vertex: str) -> str:
        who, move = _colour(colour), self._vertex(vertex)
        before = self._board.copy()
        try:
            follow(self._board, move, who)
        except InputError:
            raise Refusal("illegal move") from None
        self._past.append(before)
        return ""

    def do_genmove(self, colour: str) -> str:
        move = self._choose(colour)
        self._past.append(self._board.copy())
        self._board.play(move, _colour(colour))
        return to_vertex(move, self._size)

    def do_reg_genmove(self, colour: str) -> str:
        return to_vertex(self._choose(colour), self._size)

    def do_undo(self) -> str:
        if not self._past:
            raise Refusal("cannot undo")
        self._board = self._past.pop()
        return ""

    def do_fixed_handicap(self, stones: str) -> str:
        points = handicap_points(self._size, _whole(stones))
        if points is None:
            raise Refusal("invalid number of stones")
        return self._handicap(points)

    def do_place_free_handicap(self, stones: str) -> str:
        """As many as custom has, where more are asked for: the protocol allows fewer."""
        for fewer in range(min(_whole(stones), 9), 1, -1):
            if handicap_points(self._size, fewer):
                return self.do_fixed_handicap(str(fewer))
        raise Refusal("invalid number of stones")

    def do_set_free_handicap(self, *vertices: str) -> str:
        points = [self._vertex(vertex) for vertex in vertices]
        if len(set(points)) != len(points) or None in points or not 2 <= len(points) < self._size**2:
            raise Refusal("bad vertex list")
        self._handicap([point for point in points if point])
        return ""

    def do_time_settings(self, main: str, byo_yomi: str, stones: str) -> str:
        """Taken note of by nobody: a move takes a moment."""
        _ = _whole(main), _whole(byo_yomi), _whole(stones)
        return ""

    def do_time_left(self, colour: str, seconds: str, stones: str) -> str:
        _ = _colour(colour), _whole(seconds), _whole(stones)
        return ""

    def do_final_score(self) -> str:
        """By area, all stones taken as alive."""
        lead = self._board.score(self._komi)
        return f"{'B' if lead > 0 else 'W'}+{abs(lead):.1f}" if lead else "0"

    def do_showboard(self) -> str:
        return "\n" + board_text(self._board)

    def _choose(self, colour: str) -> Move:
        return choose(self._policy, self._board, _colour(colour), self._komi, self._temperature, self._random)

    def _handicap(self, points: Iterable[Point]) -> str:
        if self._board.points.any():
            raise Refusal("board not empty")
        self.do_clear_board()
        points = tuple(points)
        try:
            self._board.place(black=points)
        except InputError:
            raise Refusal("bad vertex list") from None
        self._board.to_play = WHITE
        return " ".join(to_vertex(point, self._size) for point in points)

    def _vertex(self, text: str) -> Move:
        try:
            return from_vertex(text, self._size)
        except InputError:
            raise Refusal("invalid color or coordinate") from None


def serve(session: Session, lines: Iterable[str], write: Callable[[str], object]) -> None:
    """Answer line after line until a quit or the end of the lines; `write` must pass each answer on at once."""
    for line in lines:
        answer = session.answer(line)
        if answer is not None:
            write(answer)
        if session.over:
            break


def _colour(text: str) -> int:
    if text.lower() not in _COLOURS:
        raise Refusal("invalid color or coordinate")
    return _COLOURS[text.lower()]


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Refusal("syntax error") from None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Refusal("syntax error")
    return value
