"""Make the games of Go that come with convscope: GNU Go against itself, by its default rules of play at level 0.

    python scripts/make_go_games.py 9 450 src/convscope/data/go/9x9.sgf.gz

Each game has a seed of its own, and begins with a few stones at random, in the middle of a small board or near the
corners of a large one, before GNU Go takes over, so that games differ. Games that are equal up to a symmetry are left
out. Games that are finished are kept in a folder beside the file, so that a run that was stopped goes on.
"""

import gzip
import random
import subprocess
import sys
from pathlib import Path
from string import ascii_lowercase

from convscope.files import write_whole
from convscope.tasks.go.rules import LETTERS
from convscope.tasks.go.sgf import read_games

KOMI = 7.5


class Player:
    """GNU Go, asked under GTP."""

    def __init__(self, seed: int):
        words = ["gnugo", "--mode", "gtp", "--level", "0", "--seed", str(seed + 1), "--chinese-rules"]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        self.process.stdout.readline()  # every answer ends with an empty line
        return answer[1:].strip()

    def close(self) -> None:
        self.ask("quit")
        self.process.wait()


def opening(size: int, rng: random.Random) -> list[str]:
    """Points of the first moves: one to four on a small board, else none to two near the corners."""
    lines, counts = ([2, 3, 4, 5, 6], [1, 2, 3, 4]) if size == 9 else ([2, 3, 4, 14, 15, 16], [0, 0, 1, 2])
    points: list[str] = []
    for _ in range(rng.choice(counts)):
        while (vertex := _vertex(rng.choice(lines), rng.choice(lines), size)) in points:
            pass
        points.append(vertex)
    return points


def play(size: int, seed: int) -> str:
    """One game, as a record."""
    player, moves = Player(seed), opening(size, random.Random(seed))
    for line in (f"boardsize {size}", "clear_board", f"komi {KOMI}"):
        player.ask(line)
    for k, vertex in enumerate(moves):
        player.ask(f"play {'BW'[k % 2]} {vertex}")
    while moves[-2:] != ["PASS", "PASS"] and len(moves) < 2 * size**2:
        move = player.ask(f"genmove {'BW'[len(moves) % 2]}").upper()
        if move == "RESIGN":
            break
        moves.append(move)
    player.close()
    nodes = "".join(f";{'BW'[k % 2]}[{_sgf(vertex, size)}]" for k, vertex in enumerate(moves))
    return f"(;GM[1]FF[4]SZ[{size}]KM[{KOMI}]{nodes})"


def _vertex(row: int, column: int, size: int) -> str:
    return f"{LETTERS[column]}{size - row}"


def _sgf(vertex: str, size: int) -> str:
    """The same point as records name it: column and row from the top, as letters; empty for a pass."""
    if vertex == "PASS":
        return ""
    return ascii_lowercase[LETTERS.index(vertex[0])] + ascii_lowercase[size - int(vertex[1:])]


def main(size: int, count: int, file: Path) -> None:
    folder = file.with_suffix(".games")
    for seed in range(count):
        record = folder / f"{size}-{seed:05d}.sgf"
        if not record.exists():
            write_whole(record, play(size, seed) + "\n")
    found = read_games(folder)
    records = [Path(game.source).read_text().strip() for game in found.games]
    write_whole(file, gzip.compress("\n".join(records).encode() + b"\n", mtime=0))
    print(f"{len(records)} games, {found.duplicates} duplicates left out: {file}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
