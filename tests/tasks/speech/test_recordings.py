from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from convscope.errors import InputError
from convscope.tasks.speech.recordings import Recordings, collect, read
from convscope.tasks.speech.splits import folds, fsdd_test, split

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes short tones under these names; gives the folder."""

    def many(*names: str) -> Path:
        for k, name in enumerate(names):
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(file, 0.5 * np.sin(np.arange(1600) * (0.1 + 0.01 * k)), 8000)
        return tmp_path

    return many


def test_class_folders_as_speech_commands_has_them(write: Write):
    folder = write(
        "yes/a1_nohash_0.wav", "yes/b2_nohash_0.wav", "no/a1_nohash_1.wav", "_background_noise_/hum.wav", ".git/x.wav"
    )
    (folder / "README.md").write_text("about")
    (folder / "no" / "broken.wav").write_bytes(b"RIFF")
    soundfile.write(folder / "no" / "silent.wav", np.zeros(800), 8000)
    told: list[tuple[int, int, str]] = []
    found = read(folder, progress=lambda *how: told.append(how))
    assert found.words == ("no", "yes")
    assert found.labels.tolist() == [0, 1, 1]
    assert found.speakers == ("a1", "a1", "b2")
    assert found.names == ("no/a1_nohash_1.wav", "yes/a1_nohash_0.wav", "yes/b2_nohash_0.wav")
    assert [line.rpartition("/")[2].partition(" ")[0] for line in found.skipped] == ["broken.wav:", "silent.wav:"]
    assert told[-1] == (5, 5, "yes")


def test_names_as_fsdd_has_them(write: Write):
    found = read(write("0_ann_0.wav", "7_ann_12.wav", "go_on_bob_4.wav"))
    assert found.words == ("go_on", "seven", "zero")
    assert found.speakers == ("ann", "ann", "bob")
    assert fsdd_test(found).tolist() == [0, 2]


def test_a_table_by_the_names_of_its_columns(write: Write):
    folder = write("a.wav", "deep/b.wav", "c.wav")
    table = folder / "list.csv"
    table.write_text("﻿speaker,file,other,label\nx,a.wav,,ja\n,deep/b.wav,,nein\ny,c.wav,,ja\n", "utf-8")
    found = read(table)
    assert found.words == ("ja", "nein")
    assert found.speakers == ("x", "", "y")
    assert found.names == ("a.wav", "deep/b.wav", "c.wav")


def test_only_some_words(write: Write):
    folder = write("a/1.wav", "b/1.wav", "c/1.wav")
    assert read(folder, ["c", "a"]).words == ("a", "c")
    with pytest.raises(InputError, match=r"words=a,z: .* has no recording of z"):
        read(folder, ["a", "z"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no sounds in it"),
        (["yes/1.wav"], "only recordings of 'yes'; give two or more words"),
        (["1_ann_0.wav", "yes/1.wav"], "holds both sounds"),
        (["hello.wav"], "hello.wav is not named word_speaker_take"),
    ],
)
def test_folders_that_are_no_set_are_refused(write: Write, names: list[str], message: str):
    with pytest.raises(InputError, match=message):
        read(write(*names))


def test_places_and_tables_that_are_none_are_refused(tmp_path: Path):
    table = tmp_path / "x.csv"
    for content, message in ((b"file,word\n", "no column named label"), (b"file,label\na.wav,\n", "line 2 has no file"),
                             (b"\xff\xfe", "cannot be read")):  # fmt: skip
        table.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read(table)
    with pytest.raises(InputError, match="no such folder"):
        read(tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"no folder and no .csv"):
        read(tmp_path / "file")


def test_all_broken_says_so(tmp_path: Path):
    for word in ("a", "b"):
        (tmp_path / word).mkdir()
        (tmp_path / word / "1.wav").write_bytes(b"")
    with pytest.raises(InputError, match="no recording that can be used"):
        read(tmp_path)


def some(speakers: int, each: int = 2, words: int = 3) -> Recordings:
    """So many recordings of each word by each speaker; 0 speakers: not known."""
    names = [f"s{k}" for k in range(speakers)] or [""]
    what = [(f"w{w}", name) for name in names for w in range(words) for _ in range(each)]
    said, by = zip(*what, strict=True)
    rng = np.random.default_rng(0)
    sounds = [rng.normal(size=80).astype(np.float32) for _ in said]
    return collect(sounds, said, by, [f"{k}.wav" for k in range(len(said))], "some")


@pytest.mark.parametrize("speakers", [3, 7, 40])
def test_no_speaker_is_on_two_sides(speakers: int):
    spoken = some(speakers)
    for seed in range(3):
        found = split(spoken, seed=seed)
        assert found.how == "by speaker"
        parts = [found.train, found.validation, found.test]
        sets = [{spoken.speakers[k] for k in part} for part in parts]
        assert sum(map(len, sets)) == len(set.union(*sets)) == speakers
        assert [len(each) for each in sets[1:]] == [max(round(0.1 * speakers), 1)] * 2
        assert sorted(np.concatenate(parts)) == list(range(len(spoken.labels)))


@pytest.mark.parametrize("speakers", [0, 2])
def test_without_enough_speakers_each_word_is_dealt_out(speakers: int):
    spoken = some(speakers, each=20)
    found = split(spoken)
    assert found.how == "by recording"
    for part, share in ((found.test, 0.1), (found.validation, 0.1), (found.train, 0.8)):
        counts = np.bincount(spoken.labels[part])
        assert np.abs(counts - share * len(spoken.labels) / 3).max() <= 1


def test_folds_leave_each_speaker_out_once():
    spoken = some(4, each=5)
    found = folds(spoken)
    assert list(found) == ["s0", "s1", "s2", "s3"]
    for name, part in found.items():
        assert {spoken.speakers[k] for k in part.test} == {name}
        assert name not in {spoken.speakers[k] for k in [*part.train, *part.validation]}
    again = folds(spoken, seed=1)
    assert all(np.array_equal(again[name].test, part.test) for name, part in found.items())
    assert any(not np.array_equal(again[name].train, part.train) for name, part in found.items())


def test_folds_of_many_speakers_are_groups():
    spoken = some(20)
    found = folds(spoken)
    assert list(found) == [f"group {k}" for k in range(1, 7)]
    tested = [{spoken.speakers[k] for k in part.test} for part in found.values()]
    assert sum(map(len, tested)) == len(set.union(*tested)) == 20


def test_too_few_to_split_is_told():
    with pytest.raises(InputError, match="2 recordings; give 3 or more"):
        split(some(0, each=1, words=2))
    lonely = collect([np.ones(80, np.float32)] * 4, ["a", "a", "b", "c"], [*"xxyz"], [*"1234"], "lonely")
    with pytest.raises(InputError, match="is left with no recording to learn from"):
        split(lonely)
    with pytest.raises(InputError, match="not named word_speaker_take"):
        fsdd_test(lonely)
