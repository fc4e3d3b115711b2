import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope import __version__
from convscope.tasks.go.gtp import Session, serve
from convscope.tasks.go.rules import Board

GNUGO = shutil.which("gnugo", path=os.environ.get("PATH", "") + os.pathsep + "/usr/games")


def uniform(boards: Sequence[Board]) -> np.ndarray:
    legal = np.stack([board.legal_points() for board in boards]).astype(np.float32)
    return legal / np.maximum(legal.sum((1, 2), keepdims=True), 1)


@pytest.fixture
def nine() -> Session:
    return Session(uniform, 9)


def told(session: Session, *commands: str) -> list[str | None]:
    """The answers, without what is the same in all."""
    answers = [session.answer(command) for command in commands]
    assert all(answer is None or answer.endswith("\n\n") for answer in answers)
    return [answer and answer.removesuffix("\n\n") for answer in answers]


def test_who_it_is(nine: Session):
    assert told(nine, "protocol_version", "name", "version") == ["= 2", "= convscope", f"= {__version__}"]


def test_all_listed_commands_are_known_and_the_required_ones_are_there(nine: Session):
    listed = told(nine, "list_commands")[0].removeprefix("= ").split("\n")  # pyright: ignore
    assert told(nine, *(f"known_command {name}" for name in listed)) == ["= true"] * len(listed)
    required = (
        "protocol_version name version known_command list_commands quit boardsize clear_board komi play genmove undo "
        "final_score showboard reg_genmove fixed_handicap place_free_handicap set_free_handicap time_settings time_left"
    )
    assert set(required.split()) <= set(listed)
    assert told(nine, "known_command dance") == ["= false"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("12 name", "=12 convscope"),
        ("  name\t# of the engine\r\n", "= convscope"),
        ("na\x00me\x07", "= convscope"),
        ("", None),
        ("   \t\n", None),
        ("# a comment", None),
        ("7 dance", "?7 unknown command"),
        ("dance", "? unknown command"),
        ("7", "?7 unknown command"),
        ("__class__", "? unknown command"),
        ("name please", "? syntax error"),
        ("play b", "? syntax error"),
        ("komi nan", "? syntax error"),
        ("komi much", "? syntax error"),
        ("time_left b soon 1", "? syntax error"),
        ("boardsize 19", "? unacceptable size"),
        ("boardsize nine", "? syntax error"),
        ("play b i3", "? invalid color or coordinate"),
        ("play b k1", "? invalid color or coordinate"),
        ("play green a1", "? invalid color or coordinate"),
        ("genmove green", "? invalid color or coordinate"),
        ("undo", "? cannot undo"),
        ("fixed_handicap 1", "? invalid number of stones"),
        ("fixed_handicap 10", "? invalid number of stones"),
        ("place_free_handicap 1", "? invalid number of stones"),
        ("set_free_handicap a1", "? bad vertex list"),
        ("set_free_handicap a1 a1", "? bad vertex list"),
        ("set_free_handicap a1 pass", "? bad vertex list"),
        ("set_free_handicap a1 z1", "? invalid color or coordinate"),
        ("boardsize 9", "="),
        ("time_settings 0 30 5", "="),
        ("time_left b 20 3", "="),
        ("fixed_handicap 5", "= C3 G7 C7 G3 E5"),
        ("place_free_handicap 40", "= C3 G7 C7 G3 C5 G5 E7 E3 E5"),
        ("set_free_handicap a1 B2", "="),
        ("final_score", "= W+7.5"),
    ],
)
def test_one_line_gets_its_answer(nine: Session, line: str, answer: str | None):
    assert told(nine, line) == [answer]


def test_moves_are_played_and_taken_back(nine: Session):
    assert told(nine, "play B c3", "play white C3", "play w J9", "play b pass", "undo", "undo", "play w c4") == [
        "=", "? illegal move", "=", "=", "=", "=", "=",
    ]  # fmt: skip
    shown = told(nine, "showboard")[0] or ""
    assert " 4 . .(O). . . . . . 4\n" in shown
    assert " 3 . . X . . . + . . 3\n" in shown
    assert shown.count("O") == shown.count("X") == 1
    assert told(nine, "clear_board", "undo") == ["=", "? cannot undo"]


def test_a_suicide_and_a_ko_are_illegal(nine: Session):
    assert told(nine, "play b a2", "play b b1", "play w a1") == ["=", "=", "? illegal move"]
    ko = ["play b c4", "play b b3", "play b c2", "play w d4", "play w e3", "play w d2", "play w c3", "play b d3"]
    assert told(nine, *ko, "play w c3") == ["="] * 8 + ["? illegal move"]


def test_genmove_plays_and_reg_genmove_does_not(nine: Session):
    first = told(nine, "reg_genmove b")
    assert told(nine, "reg_genmove b", "genmove b") == [*first, *first]
    assert told(nine, "play w " + first[0].removeprefix("= ")) == ["? illegal move"]  # pyright: ignore
    assert told(nine, "undo", "play w " + first[0].removeprefix("= ")) == ["=", "="]  # pyright: ignore


def test_handicap_wants_an_empty_board_and_white_moves_after_it(nine: Session):
    assert told(nine, "fixed_handicap 2", "fixed_handicap 2") == ["= C3 G7", "? board not empty"]
    told(nine, "komi 0.5")
    assert told(nine, "final_score", "clear_board", "final_score") == ["= B+80.5", "=", "= W+0.5"]
    told(nine, "komi 0")
    assert told(nine, "final_score") == ["= 0"]


def test_serving_ends_at_quit(nine: Session):
    written: list[str] = []
    serve(nine, ["1 name\n", "\n", "2 quit\n", "3 name\n"], written.append)
    assert written == ["=1 convscope\n\n", "=2\n\n"]


words = st.sampled_from([
    *Session(uniform, 5)._commands,
    *("b", "w", "a1", "B2", "c3", "pass", "5", "-1", "99999999999", "1.5", "e1", "#", "\t"),
])  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=20), st.lists(words, max_size=4).map(" ".join)), max_size=12))
def test_garbage_is_answered_in_one_line_and_does_not_crash(lines: list[str]):
    session = Session(uniform, 5)
    for line in lines:
        answer = session.answer(line)
        if answer is not None:
            assert answer[0] in "=?"
            assert answer.endswith("\n\n")
            assert "\n\n" not in answer[:-2]
            if answer[0] == "?":
                assert answer.count("\n") == 2


class Gnugo:
    """The other player: a program behind two pipes."""

    def __init__(self, process: subprocess.Popen[str]):
        self.process = process

    def ask(self, command: str) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        lines = list(itertools.takewhile(str.strip, iter(self.process.stdout.readline, "")))
        assert lines, f"gnugo gave no answer to {command}"
        assert lines[0].startswith("="), f"{command}: {lines}"
        return "\n".join(lines).removeprefix("=").strip()


@contextmanager
def gnugo(size: int) -> Iterator[Gnugo]:
    command = [GNUGO or "", "--mode", "gtp", "--level", "1", "--seed", "1", "--chinese-rules", "--boardsize", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        player = Gnugo(process)
        yield player
        player.ask("quit")


@pytest.mark.skipif(GNUGO is None, reason="gnugo is not installed; sudo apt-get install gnugo")
@pytest.mark.parametrize("ours", ["b", "w"])
def test_a_match_against_gnugo_is_played_to_the_end(ours: str):
    session, passes, moves = Session(uniform, 9, temperature=1, seed=1), 0, 0
    with gnugo(9) as other:
        for command in ("komi 7.5", "clear_board"):
            other.ask(command)
            assert told(session, command) == ["="]
        for colour in itertools.cycle("bw"):
            if colour == ours:
                move = (told(session, f"genmove {colour}")[0] or "").removeprefix("= ")
                other.ask(f"play {colour} {move}")
            else:
                move = other.ask(f"genmove {colour}")
                assert move != "resign"
                assert told(session, f"play {colour} {move}") == ["="]
            moves, passes = moves + 1, passes + 1 if move.lower() == "pass" else 0
            if passes == 2:
                break
        ends = told(session, "final_score")[0], other.ask("final_score")
        print(f"{moves} moves; final score: ours {ends[0]}, gnugo's {ends[1]}")
    assert moves > 40
    assert all(end is not None and end.lstrip("= ")[0] in "BW" for end in ends)
