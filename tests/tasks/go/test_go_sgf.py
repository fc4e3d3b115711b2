"""Game records of every kind: read as meant, or skipped with the reason; each game once."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from convscope.errors import InputError
from convscope.tasks.go import archives
from convscope.tasks.go.rules import BLACK, WHITE
from convscope.tasks.go.sgf import Found, Game, read_games
from convscope.tasks.go.symmetry import tables

PLAIN = b"(;GM[1]SZ[9]PB[Ann]PW[Bo]RE[W+2.5]KM[6.5];B[ee];W[cc](;B[gc];W[])(;B[aa]))"


def read(tmp_path: Path, *records: bytes) -> Found:
    for number, record in enumerate(records):
        (tmp_path / f"{number}.sgf").write_bytes(record)
    return read_games(tmp_path)


def test_a_game_is_its_main_line(tmp_path: Path):
    found = read(tmp_path, PLAIN)
    source = str(tmp_path / "0.sgf")
    moves = ((BLACK, (4, 4)), (WHITE, (2, 2)), (BLACK, (2, 6)), (WHITE, None))
    assert found == Found((Game(9, moves, ((), ()), BLACK, "W+2.5", source, "Ann", "Bo", 6.5, 0),), (), 0)
    seen = [(board.points.sum(), colour, move) for board, colour, move in found.games[0].boards()]
    assert seen == [(0, *moves[0]), (1, *moves[1]), (0, *moves[2]), (1, *moves[3])]


@pytest.mark.parametrize(
    ("record", "black", "white", "to_play"),
    [
        (b"(;SZ[9]HA[2]AB[gc][cg];W[ee])", {(2, 6), (6, 2)}, set(), WHITE),
        (b"(;SZ[9]AB[aa:ca]AW[ab]AE[ba];B[ee])", {(0, 0), (0, 2)}, {(1, 0)}, BLACK),
        (b"(;SZ[9];AB[aa];AW[bb];W[ee])", {(0, 0)}, {(1, 1)}, WHITE),
        (b"(;SZ[9]HA[2];W[ee])", {(2, 6), (6, 2)}, set(), WHITE),  # the stones are left to the reader
        (b"(;SZ[9]HA[2];B[ee];B[cc];W[gg])", set(), set(), BLACK),  # ... or played
        (b"(;SZ[9]AB[aa]B[ee];W[cc])", {(0, 0)}, set(), BLACK),
    ],
)
def test_stones_before_the_first_move(tmp_path: Path, record: bytes, black: set, white: set, to_play: int):
    (game,) = read(tmp_path, record).games
    assert (set(game.setup[0]), set(game.setup[1]), game.to_play) == (black, white, to_play)
    assert game.start().to_play == to_play
    assert game.start().points.sum() == len(black) - len(white)


@pytest.mark.parametrize(
    ("record", "size", "last"),
    [
        (b"(;;B[tt];W[ss])", 19, (18, 18)),
        (b"(;SZ[25];B[tt];W[yy])", 25, (24, 24)),
        (b"(;SZ[13:13];B[aa];W[ma])", 13, (0, 12)),
        (b"(;SZ[ 2 ];B[aa];W[bb])", 2, (1, 1)),
    ],
)
def test_any_square_board(tmp_path: Path, record: bytes, size: int, last: tuple[int, int]):
    (game,) = read(tmp_path, record).games
    assert (game.size, game.moves[-1][1]) == (size, last)
    assert game.moves[0][1] == {19: None, 25: (19, 19)}.get(size, (0, 0))  # tt is a pass where there is no such point


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"(;GM[11]SZ[9];B[ee])", "not Go but game number 11"),
        (b"(;SZ[9:11];B[ee])", "a board of size 9:11; square ones of 2 to 25 lines can be read"),
        (b"(;SZ[26];B[ee])", "a board of size 26; square"),
        (b"(;SZ[nine];B[ee])", "a board of size nine; square"),
        (b"(;SZ[9];B[ee];W[ee])", "move 2, white E5: the point is occupied; play on an empty one"),
        (b"(;SZ[9];B[jj])", "b'jj' is no point of a 9x9 board"),
        (b"(;SZ[9];B[e])", "b'e' is no point of a 9x9 board"),
        (b"(;SZ[9];B[ee];AW[aa];W[gg])", "stones are set up after move 1"),
        (b"(;SZ[2]AB[aa][ab][ba][bb];W[aa])", "set-up stones: the group at A2 would have no liberty; leave it one"),
        (b"(;SZ[9]AB[aa])", "no moves"),
        (b"(;SZ[9];B[ee];W[", "broken record ("),
        (b"", "broken record (no SGF data found)"),
        (b"\x00\xff\x89PNG", "broken record ("),
        (b"(" * 100_000, "broken record ("),
    ],
)
def test_what_is_no_game_for_us_is_skipped_with_the_reason(tmp_path: Path, record: bytes, reason: str):
    found = read(tmp_path, record, PLAIN)
    assert len(found.games) == 1
    (skipped,) = found.skipped
    assert str(skipped).startswith(f"{tmp_path / '0.sgf'}: {reason}")
    assert "\n" not in str(skipped)


@pytest.mark.parametrize("declared", ["", "CA[GBK]", "CA[UTF-8]", "CA[no such]", "CA[shift_jis]"])
@pytest.mark.parametrize(("name", "encoding"), [("吳清源", "utf-8"), ("吴清源", "gb18030"), ("André Ü", "latin-1")])
def test_names_in_odd_encodings(tmp_path: Path, declared: str, name: str, encoding: str):
    record = f"(;SZ[9]{declared}PB[{name}];B[ee])".encode(encoding)
    (game,) = read(tmp_path, record).games
    assert game.moves == ((BLACK, (4, 4)),)
    if declared not in ("CA[shift_jis]", "CA[GBK]") or encoding != "latin-1":
        assert game.black == name or (declared, encoding) == ("CA[shift_jis]", "gb18030")


def test_a_character_may_hold_the_byte_of_a_bracket(tmp_path: Path):
    """In GBK the second byte of a character can be `]` or a backslash."""
    name = "乚漒"
    record = f"(;SZ[9]CA[GBK]PB[{name}];B[ee])".encode("gbk")
    assert record.count(b"]") + record.count(b"\\") > 4
    assert read(tmp_path, record).games[0].black == name


def turned(record: bytes, symmetry: int) -> bytes:
    """The record with all its moves on 9x9 turned."""
    table = np.argsort(tables(9)[symmetry])
    out = record
    for place in range(81):
        new = int(table[place])
        old = bytes([97 + place % 9, 97 + place // 9])
        out = out.replace(b"[" + old + b"]", b"<" + bytes([97 + new % 9, 97 + new // 9]) + b">")
    return out.replace(b"<", b"[").replace(b">", b"]")


GAME = b"(;SZ[9];B[ce];W[gd];B[fc];W[];B[hb];W[aa])"


def test_each_game_is_kept_once(tmp_path: Path):
    copies = [turned(GAME, k) for k in range(8)]
    assert len(set(copies)) == 8
    beginning = b"(;SZ[9]PB[somebody else];B[ce];W[gd];B[fc];W[])"
    others = [GAME.replace(b"aa", b"ab"), GAME.replace(b"SZ[9]", b"SZ[9]AB[ii]"), GAME.replace(b"SZ[9]", b"SZ[10]")]
    found = read(tmp_path, beginning, *copies, GAME.replace(b"W[aa]", b"W[aa];B[];W[tt]"), *others)
    assert (len(found.games), found.duplicates) == (4, 9)
    assert found.games[0].source == str(tmp_path / "1.sgf")  # the first of them
    assert len({game.key for game in found.games}) == 4


def test_keys_do_not_depend_on_names_passes_at_the_end_or_symmetry(tmp_path: Path):
    def key(record: bytes) -> str:
        return read(tmp_path, record).games[0].key

    assert {key(turned(GAME, k)) for k in range(8)} == {key(GAME.replace(b"W[aa]", b"W[aa];B[]"))}
    setup = b"(;SZ[9]AB[ab][cd]AW[ee];W[gg])"
    assert {key(turned(setup, k)) for k in range(8)} == {key(setup.replace(b"AB[ab][cd]", b"AB[cd][ab]"))}
    assert key(setup) != key(setup.replace(b"AB", b"AX").replace(b"AW", b"AB").replace(b"AX", b"AW"))


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(members: dict[str, bytes], mode: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{mode}") as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


OTHERS = [b"(;SZ[9];B[%s])" % name for name in (b"ab", b"bc", b"cd", b"de", b"ac")]


@pytest.mark.parametrize("mode", ["zip", "", "gz", "xz", "bz2"])
def test_archives_are_read_without_unpacking(tmp_path: Path, mode: str):
    members = {
        "b/x.SGF": OTHERS[0] + b"\n" + OTHERS[1],
        "../../escape.sgf": OTHERS[2],
        "y.mgt": OTHERS[3],
        "z.sgf": b"junk",
        "__MACOSX/._y.sgf": b"not a record",
        "readme.txt": b"(;SZ[9];B[ii])",
    }
    ending = "zip" if mode == "zip" else f"tar.{mode}".rstrip(".")
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / f"games.{ending}"
    path.write_bytes(zipped(members) if mode == "zip" else tarred(members, mode))
    found = read_games(tmp_path / "in")
    sources = {f"{path}!b/x.SGF#1", f"{path}!b/x.SGF#2", f"{path}!../../escape.sgf", f"{path}!y.mgt"}
    assert {game.source for game in found.games} == sources
    assert [each.source for each in found.skipped] == [f"{path}!z.sgf"]
    assert [each.name for each in tmp_path.rglob("*")] == ["in", path.name]


@pytest.mark.parametrize(
    "broken",
    [b"(;GM[1]SZ[9];B[ee];W", b"(;GM[1]SZ[9];B[ee](;W[cc]", b"(;GM[1]SZ[26];B[ee])"],
    ids=["cut off", "left open", "too large"],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_broken_game_of_a_collection_takes_no_other_with_it(tmp_path: Path, broken: bytes, place: int):
    whole = [b"(;GM[1]SZ[9];B[aa])", b"( ;\nGM[1]SZ[9]C[\xe4\xbd\xa0];B[bb];W[cc])"]
    records = [*whole[:place], broken, *whole[place:]]
    found = read(tmp_path, b"\n".join(records))
    assert [len(game.moves) for game in found.games] == [1, 2]
    assert [each.source for each in found.skipped] == [f"{tmp_path / '0.sgf'}#{place + 1}"]


def test_folders_files_and_lists_of_them(tmp_path: Path):
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "a" / "deep" / "one.sgf.gz").write_bytes(gzip.compress(OTHERS[0]))
    (tmp_path / "a" / "two.MGT").write_bytes(OTHERS[1])
    (tmp_path / "a" / "three.txt").write_bytes(OTHERS[2])
    (tmp_path / "a" / ".four.sgf").write_bytes(OTHERS[3])
    assert len(read_games(tmp_path / "a").games) == 2
    assert len(read_games([tmp_path / "a", str(tmp_path / "a" / "three.txt")]).games) == 3
    with pytest.raises(InputError, match="nowhere: there is no such file or folder; name one that holds SGF records"):
        read_games(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", b"PK\x03\x04 no"),
        ("a.tar.gz", gzip.compress(b"x" * 2000)[:20]),
        ("a.tar", b"x" * 2000),
        ("a.sgf.gz", b"not gzip"),
        ("a.tar.xz", b"no xz"),
    ],
)
def test_broken_archives_are_skipped(tmp_path: Path, name: str, data: bytes):
    (tmp_path / name).write_bytes(data)
    found = read(tmp_path, PLAIN)
    assert len(found.games) == 1
    assert [each.source for each in found.skipped] == [str(tmp_path / name)]


def test_an_archive_cut_off_gives_the_games_before_the_cut(tmp_path: Path):
    whole = tarred({f"{k}.sgf": record for k, record in enumerate(OTHERS)}, "")
    (tmp_path / "a.tar").write_bytes(whole[: 2 * 1024 + 512 + 5])
    found = read_games(tmp_path)
    assert len(found.games) == 2
    assert len(found.skipped) == 1


def test_bombs_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "LARGEST_FILE", 4 << 20)
    monkeypatch.setattr(archives, "LARGEST_ARCHIVE", 6 << 20)
    large = b"(;" + bytes(5 << 20)
    padded = OTHERS[0] + b" " * (3 << 20)
    members = {"a.sgf": large, "b.sgf": padded}
    (tmp_path / "1.zip").write_bytes(zipped(members))
    (tmp_path / "2.tar.gz").write_bytes(tarred({"a.sgf": large, "c.sgf": OTHERS[1]}, "gz"))
    (tmp_path / "3.tar.gz").write_bytes(tarred({"a.bin": large * 2, "c.sgf": OTHERS[2]}, "gz"))
    (tmp_path / "4.sgf.gz").write_bytes(gzip.compress(large))
    (tmp_path / "5.zip").write_bytes(zipped({"a.sgf": padded, "b.sgf": padded, "c.sgf": padded}))
    found = read_games(tmp_path)
    said = [str(each).removeprefix(f"{tmp_path}/") for each in found.skipped]
    assert said == [
        "1.zip!a.sgf: cannot be read (more than 4 MB unpacked)",
        "2.tar.gz!a.sgf: cannot be read (more than 4 MB unpacked)",
        "3.tar.gz: cannot be read to its end (more than 0 GB unpacked)",
        "4.sgf.gz: cannot be read (more than 4 MB unpacked)",
        "5.zip: cannot be read to its end (more than 0 GB unpacked)",
    ]
    assert len(found.games) == 2
