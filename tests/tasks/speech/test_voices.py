import subprocess
import sys

import numpy as np
import pytest

from convscope.errors import InputError
from convscope.tasks.speech import audio
from convscope.tasks.speech.recordings import Recordings
from convscope.tasks.speech.voices import LEFT_OUT, Synthesiser, spoken


def test_hundreds_of_voices_and_no_robots():
    known = Synthesiser().voices("en")
    assert len(known) > 300
    assert {"en-US+f2", "en+m3", "en-GB-scotland+f5"} <= set(known)
    left_out = {name for group in LEFT_OUT.values() for name in group.split()}
    assert {"whisper", "robosoft", "UniRobot"} <= left_out
    assert not left_out & {voice.partition("+")[2] for voice in known}
    assert not any(voice.startswith("en-Shaw") for voice in known)
    assert all(voice.startswith("de+") for voice in Synthesiser().voices("de"))


def test_every_name_that_is_left_out_is_there():
    own = Synthesiser()
    left_out = {name for group in LEFT_OUT.values() for name in group.split()}
    assert left_out <= set(own._variants)


def test_a_new_synthesiser_says_the_same_again(voices: Recordings):
    again = spoken(("yes", "no"), voices=12, takes=1)
    np.testing.assert_array_equal(again.samples, voices.samples)
    other = spoken(("yes", "no"), voices=12, takes=1, seed=1)
    assert other.names != voices.names


def test_another_process_says_the_same(voices: Recordings):
    code = (
        "from convscope.tasks.speech.voices import spoken; import zlib; "
        "print(zlib.crc32(spoken(('yes', 'no'), voices=12, takes=1).samples.tobytes()))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(told.stdout) == __import__("zlib").crc32(voices.samples.tobytes())


def test_they_speak_words_that_differ(voices: Recordings):
    assert voices.words == ("no", "yes")
    assert np.bincount(voices.labels).tolist() == [12, 12]
    assert "synthetic" in voices.name
    assert all("+" not in speaker for speaker in voices.speakers)  # a throat, not an accent of it
    lengths = [len(audio.trimmed(each / np.float32(32767))) / audio.RATE for each in voices.samples]
    assert 0.1 < min(lengths) <= max(lengths) <= audio.SECONDS
    assert len({each.tobytes() for each in voices.samples}) == 24


def test_pitch_is_heard():
    own = Synthesiser()

    def hertz(pitch: int) -> float:
        said = own.say("oh", "en+m3", pitch=pitch).astype(float)
        echo = np.correlate(said, said, "full")[len(said) - 1 :]
        return 8000 / (20 + echo[20:200].argmax())

    assert hertz(90) > 1.2 * hertz(10)


@pytest.mark.parametrize("word", ["...", " ", "a\nb" * 0 + "?!"])
def test_words_that_cannot_be_heard_are_refused(word: str):
    with pytest.raises(InputError, match="nothing can be heard of it"):
        Synthesiser().say(word, "en+m3")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"words": ["yes"]}, "give two or more different words"),
        ({"words": ["yes", " yes "]}, "give two or more different words"),
        ({"words": ["yes", ""]}, "give two or more different words"),
        ({"words": ["yes", "..."]}, "'...': nothing can be heard"),
        ({"voices": 2}, "voices=2, takes=2: give 4 to"),
        ({"takes": 0}, "1 take or more"),
        ({"language": "klingon"}, "espeak-ng does not speak it"),
    ],
)
def test_what_cannot_be_spoken_is_told(how: dict, message: str):
    with pytest.raises(InputError, match=message):
        spoken(**how)


def test_voices_that_are_not_there_are_refused():
    for voice in ("en+nobody", "xx+m3", ""):
        with pytest.raises(InputError, match="has none of that name"):
            Synthesiser().say("yes", voice)
