"""Room: boards, sounds, words. What it shows is what the tasks' networks say, and what was measured of them."""

import base64
import contextlib
import io
import json
import re
import sys
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from convscope.errors import InputError
from convscope.nn.weights import read_arrays
from convscope.pictures import signed
from convscope.tasks.extras import need
from convscope.tasks.go import PLANES, Board, from_vertex, shipped, split
from convscope.tasks.go import training as go
from convscope.tasks.go.positions import inputs
from convscope.tasks.speech import audio, look, predicting
from convscope.tasks.speech import training as speech
from convscope.tasks.speech.recordings import DIGITS
from convscope.tasks.speech.voices import Synthesiser
from convscope.tasks.text import evaluate
from convscope.tasks.text import training as text
from convscope.tasks.text.account import account, strongest
from convscope.tasks.text.builtin import builtin
from convscope.web import sounding, texts
from convscope.web.rooms.worlds import maps, networks

DATA = networks.FOLDER
KO = ["E5", "F5", "D4", "G4", "E3", "F3", "F4", "E4"]  # white has just taken at F4, from E4
REVIEW = "A dull plot, but what a cast: funny, warm and never too long."


def answer(api, path: str, **asked) -> dict:
    response = api.post(f"/api/worlds/{path}", json=asked)
    assert response.status_code == 200, response.text
    return response.json()


def problem(response, status: int = 400) -> str:
    assert response.status_code == status, response.text
    told = response.json()["problem"]
    assert "\n" not in told
    return told


def printed(code: str, names: dict | None = None) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(code, {} if names is None else names)
    return said.getvalue()


def position(moves: list[str], size: int = 9) -> Board:
    board = Board(size)
    for name in moves:
        board.play(from_vertex(name, size))
    return board


# Boards


@pytest.mark.parametrize("size", [9, 19])
def test_the_games_that_come_along_are_played_by_the_rules(api, size):
    told = api.get("/api/worlds/games", params={"size": size}).json()
    assert len(told["games"]) == 12
    for moves in told["games"]:
        assert len(position(moves, size).history) == len(moves) > 50


def test_they_were_not_learned_from(api):
    told = api.get("/api/worlds/games").json()
    _, _, test = split(shipped(9))
    known = {tuple(move for _, move in game.moves) for game in test}
    assert {tuple(from_vertex(name, 9) for name in moves) for moves in told["games"]} <= known
    assert told["measured"]["games"] == len(test)


def test_a_position_is_what_the_rules_make_of_it(api):
    told, board = answer(api, "board", moves=KO), position(KO)
    assert told["points"] == board.points.tolist()
    assert told["legal"] == board.legal_points().tolist()
    assert (told["to_play"], told["captured"]) == ("black", {"black": 0, "white": 1})
    assert (told["ko"], told["last"]) == ([5, 5], [5, 4])
    assert answer(api, "board", moves=[*KO, "pass"])["ko"] is None


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"moves": [*KO, "F4"]}, "black F4: this takes the ko back at once; play elsewhere first"),
        ({"moves": ["E5", "E5"]}, "white E5: the point is occupied"),
        ({"moves": ["K1"]}, "'K1': no point of a 9x9 board"),
        ({"black": ["A2", "B1"], "first": "white", "moves": ["A1"]}, "white A1: suicide"),
        ({"black": ["A1"], "white": ["A2", "B1"]}, "the group at A1 would have no liberty"),
    ],
    ids=["ko", "occupied", "beyond", "suicide", "set-up"],
)
def test_what_breaks_a_rule_is_refused_in_its_words(api, asked, words):
    for path in ("board", "chances", "maps"):
        assert words in problem(api.post(f"/api/worlds/{path}", json=asked))


@pytest.mark.parametrize(
    "asked",
    [
        *({"size": 13}, {"moves": ["I1"]}, {"moves": ["E5"] * 601}, {"moves": "E5"}),
        *({"first": "red"}, {"black": ["pass"]}, {"x": 1}),
    ],
    ids=["size", "no-such-letter", "long", "text", "colour", "a-pass-set-up", "more"],
)
def test_nonsense_is_no_position(api, asked):
    problem(api.post("/api/worlds/board", json=asked), 422)


@pytest.mark.parametrize("size", [9, 19])
def test_the_chances_are_the_network_s_and_python_gives_the_same(api, size):
    moves = networks.games(size)[1]
    told = answer(api, "chances", size=size, moves=moves[:30], next=moves[30])
    network = go.load(DATA / f"{networks.BOARDS[size]}.safetensors")
    chances = network.probabilities([position(moves[:30], size)])[0]
    np.testing.assert_allclose(told["chances"], chances, rtol=1e-4, atol=1e-7)
    played = from_vertex(moves[30], size)
    assert played is not None
    assert told["next"]["rank"] == 1 + (chances > chances[played]).sum()
    lines = printed(told["python"]).split("\n")
    assert lines[:5] == [f"{each['name']} {each['chance']:.1%}" for each in told["likeliest"]]


def test_stones_set_up_are_in_the_python_too(api):
    asked = {"black": ["C3"], "white": ["G7", "G6"], "first": "white", "moves": ["E5"]}
    told, names = answer(api, "chances", **asked), {}
    printed(told["python"], names)
    assert names["board"].points.tolist() == answer(api, "board", **asked)["points"]
    np.testing.assert_allclose(names["chances"], told["chances"], rtol=1e-4, atol=1e-7)


def test_the_network_passes_where_only_its_own_eyes_are_left(api):
    black = [f"{column}{row}" for column in "ABCDEFGHJ" for row in range(1, 10) if f"{column}{row}" not in ("A1", "J9")]
    told = answer(api, "chances", black=black, next="pass")
    assert told["choice"] == "pass"
    assert told["next"]["rank"] is None


def test_a_record_becomes_a_position(api):
    record = "(;GM[1]SZ[9]AB[aa]PB[Ann]PW[<b>]RE[B+3];W[ee];W[cc](;B[gg])(;B[hh]))"
    told = answer(api, "record", text=record)
    assert told["position"] == {
        "size": 9, "black": ["A9"], "white": [], "first": "white", "moves": ["E5", "pass", "C7", "G3"],
    }  # fmt: skip
    assert told["players"] == {"black": "Ann", "white": "<b>"}
    assert answer(api, "board", **told["position"])["to_play"] == "white"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("no record at all", "give SGF"),
        ("(;SZ[13];B[aa])", "a board of 13 lines"),
        ("(;SZ[9];B[aa];W[aa])", "the point is occupied"),
        ("(;SZ[9]" + ";B[];W[]" * 400 + ";B[aa])", "801 moves; at most 600"),
        ("(" * 20_000, "give SGF"),
        ("\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"), "give SGF"),
    ],
    ids=["none", "size", "illegal", "long", "deep", "no-text"],
)
def test_a_record_that_cannot_be_shown_says_why(api, record, words):
    assert words in problem(api.post("/api/worlds/record", json={"text": record}))


def test_maps_are_the_planes_and_what_the_first_kernels_answer(api):
    moves = networks.games(9)[2][:25]
    shown = inputs([position(moves)], "planes")
    planes = answer(api, "maps", moves=moves)
    assert np.array_equal(planes["values"], shown[0])
    first, normalised, *_ = go.load(DATA / "nine.safetensors").model.body.children()
    with torch.inference_mode():
        answers = torch.relu(normalised(first(shown)))[0].numpy()
    kernels = answer(api, "maps", moves=moves, of="kernels")
    np.testing.assert_allclose(kernels["values"], answers, atol=6e-4)
    colours = signed(np.array(kernels["values"][7]), kernels["most"])
    sent = np.frombuffer(base64.b64decode(kernels["maps"][7]["colours"]), np.uint8).reshape(9, 9, 3)
    assert np.abs(sent.astype(int) - colours).max() <= 1
    assert planes["silent"] == (~shown[0].numpy().any((1, 2))).tolist()


def test_each_plane_is_named_as_it_is():
    begins = {"ago": "played", "captures": "a move captures", "atari": "a move puts", "after": "a move leaves"}
    for (kind, number), name in zip(maps.KINDS, PLANES, strict=True):
        words = texts.catalogue()["en"][f"worlds.maps.of.{kind}"]
        assert ("{n}" in words) == (number is not None)
        assert re.findall(r"\d", name) == ([] if number is None else [str(number)])
        assert name.startswith(begins.get(kind, words if number is None else str(number)))


# Sounds


def wav(samples: np.ndarray, rate: int = 8000, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture(scope="module")
def listener() -> speech.Trained:
    return speech.load(DATA / "digits.safetensors")


def test_every_word_that_comes_along_is_said_by_its_name_and_heard_as_the_network_hears_it(api, listener):
    told = api.get("/api/worlds/words").json()
    assert tuple(told["examples"]) == DIGITS
    assert sorted(told["words"]) == sorted(DIGITS)
    right = 0
    for word in DIGITS[::3]:
        samples = networks.voices()[word] / np.float32(32768)
        heard, found = answer(api, "heard", source=f"word:{word}"), predicting.hear(listener, samples)
        assert (heard["word"], heard["known"]) == (found.best, found.word != predicting.UNKNOWN)
        assert max(heard["probabilities"]) == pytest.approx(found.probability, rel=1e-4)
        right += heard["word"] == word
    assert right >= 3  # of four: measured of such voices are 97.6 %


def test_what_carried_the_decision_is_what_python_says(api, listener, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for source in ("word:seven", "upload"):
        if source == "upload":
            source = api.post("/api/worlds/sound", content=wav(networks.voices()["two"])).json()["source"]
            Path("word.wav").write_bytes(api.get("/api/worlds/sound", params={"source": source}).content)
        told, names = answer(api, "heard", source=source, about="nine"), {}
        printed(told["python"], names)
        np.testing.assert_allclose(told["carried"]["values"], names["carried"][::-1], atol=2e-4)
        np.testing.assert_allclose(told["heard"]["values"], names["heard"].picture[::-1], atol=6e-4)
        assert names["heard"].best == told["word"]
    own = look.carried(listener, names["heard"].picture, listener.words.index("nine"))
    np.testing.assert_allclose(own, names["carried"], atol=1e-5)


def kept(api, data: bytes) -> np.ndarray:
    source = api.post("/api/worlds/sound", content=data).json()["source"]
    return sounding.samples_of(api.get("/api/worlds/sound", params={"source": source}).content)


def test_a_recording_is_kept_as_the_network_hears_it(api):
    word = networks.voices()["four"]
    stereo = np.repeat(np.repeat(word // 2, 6)[:, None], 2, 1)
    assert np.corrcoef(kept(api, wav(stereo, 48000, 2))[: len(word)], word)[0, 1] > 0.9
    flac = io.BytesIO()
    need("soundfile", "speech").write(flac, word, 8000, format="FLAC")
    np.testing.assert_allclose(kept(api, flac.getvalue()), kept(api, wav(word)), atol=2e-4)
    assert audio.RATE == 8000


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"RIFF and nothing else", "no sound that can be read"),
        (wav(np.zeros(8000)), "only silence"),
        (wav(np.zeros(0)), "no samples"),
        (wav(np.ones(8000 * 21)), "21 s long; at most 20 s"),
        (wav(np.ones(800), rate=10), "10 samples a second"),
        (b"fLaC" + bytes(200), "no sound that can be read"),
        (b"OggS" + bytes(200), "no sound that can be read"),
    ],
    ids=["nothing", "head-only", "silence", "no-samples", "long", "rate", "flac", "ogg"],
)
def test_what_is_no_word_is_refused_and_not_kept(api, lab, data, words):
    before = sorted((lab.settings.folder / "uploads").glob("*"))
    assert words in problem(api.post("/api/worlds/sound", content=data))
    assert sorted((lab.settings.folder / "uploads").glob("*")) == before


def test_broken_files_never_break_the_reader():
    rng = np.random.default_rng(0)
    whole = bytearray(wav(networks.voices()["one"][:2000]))
    for cut in range(120):
        broken = bytearray(whole[: rng.integers(1, len(whole))] if cut % 2 else whole)
        for place in rng.integers(0, min(len(broken), 44), 3):
            broken[place] = rng.integers(256)
        with contextlib.suppress(InputError):  # and nothing else
            assert np.isfinite(sounding.samples_of(sounding.read(bytes(broken), "it"))).all()


def test_what_the_page_records_needs_no_further_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    word = networks.voices()["one"]
    np.testing.assert_allclose(sounding.samples_of(sounding.read(wav(word), "it")), word / 32768, atol=1e-4)
    with pytest.raises(InputError, match=r"it: speech: the package soundfile is not installed; pip install"):
        sounding.read(b"fLaC" + bytes(200), "it")


@pytest.mark.parametrize("source", ["word:eleven", "upload:../../etc/passwd", "upload:" + "0" * 32, "", "seven"])
def test_a_source_that_is_none_is_refused(api, source):
    problem(api.post("/api/worlds/heard", json={"source": source}))
    problem(api.get("/api/worlds/sound", params={"source": source}))


def test_a_picture_is_no_sound(api, lab):
    identity = lab.uploads.keep(b"\x89PNG and so on")
    assert "what was uploaded is none" in problem(api.post("/api/worlds/heard", json={"source": f"upload:{identity}"}))


def test_the_word_that_is_asked_about_must_be_known(api):
    assert "name one of them" in problem(api.post("/api/worlds/heard", json={"source": "word:one", "about": "ten"}))


def test_a_voice_says_any_word(api):
    voices = api.get("/api/worlds/words").json()["voices"]
    assert set(voices) <= {*Synthesiser().voices("en"), "en-US", "en-GB-x-rp"}
    source = answer(api, "said", text="seven", voice=voices[-1])["source"]
    heard = answer(api, "heard", source=source)
    assert heard["word"] == "seven"
    assert 0.2 < heard["seconds"] < 1.5
    assert "nothing can be heard" in problem(api.post("/api/worlds/said", json={"text": "  "}))
    problem(api.post("/api/worlds/said", json={"text": "seven", "voice": "../x"}), 422)


# Words


@pytest.mark.parametrize(
    ("said", "language"),
    [(REVIEW, "en"), ("房间很小，但是服务很好！下次还会来。", "zh"), ("xyzzy 🙂 isn't <b>bad</b>", "en"), ("好", "zh")],
    ids=["english", "chinese", "strange", "short"],
)
def test_a_text_is_the_sum_of_its_words_and_windows(api, said, language):
    told = answer(api, "text", text=said)
    (own,) = account(text.load(DATA / f"{networks.TEXTS[language]}.safetensors"), [said])
    assert told["language"] == language
    np.testing.assert_allclose(told["probabilities"], own.probabilities, rtol=1e-4)
    assert "".join(piece["text"] for piece in told["pieces"]) == said
    parts = [piece["weight"] for piece in told["pieces"] if piece["weight"] is not None]
    np.testing.assert_allclose(parts, own.parts, atol=1e-5)
    assert told["total"] == pytest.approx(told["bias"] + sum(parts), abs=1e-5)
    odds = np.log(own.probability / (1 - own.probability)) / 2  # two classes: the logit less the mean of both
    assert told["total"] == pytest.approx(odds, abs=1e-4)
    assert told["picked"] == len(own.windows)
    assert sum(window.weight for window in own.windows) == pytest.approx(sum(parts), abs=1e-4)
    tokens = [token.word for token in own.tokens]
    for window, real in zip(told["windows"], own.windows):
        assert tokens[window["first"] : window["last"] + 1] == list(real.words) == window["words"]
        assert sum(part for _, part in real.parts) == pytest.approx(window["weight"], abs=1e-5)
        assert [each["unit"] for each in window["by"]] == [unit for unit, _ in real.parts[:8]]
        assert [each["part"] for each in window["by"]] == pytest.approx([part for _, part in real.parts[:8]])
    lines = printed(told["python"]).split("\n")
    assert lines[0] == f"{own.label} {own.probability:.1%}"


def test_the_reader_can_be_chosen(api):
    assert answer(api, "text", text=REVIEW, language="zh")["language"] == "zh"
    assert any(not piece["known"] for piece in answer(api, "text", text="xyzzy is good")["pieces"])


@pytest.mark.parametrize("said", [" ", "\t\n"])
def test_a_text_without_a_word_is_refused(api, said):
    assert "no word in it" in problem(api.post("/api/worlds/text", json={"text": said}))


@pytest.mark.parametrize("asked", [{"text": ""}, {"text": "a" * 1001}, {"text": "a", "language": "de"}, {}])
def test_nonsense_is_no_text(api, asked):
    problem(api.post("/api/worlds/text", json=asked), 422)


@pytest.mark.parametrize("path", ["text", "said", "record"])
def test_half_a_character_is_no_text(api, path):
    headers = {"Content-Type": "application/json"}
    problem(api.post(f"/api/worlds/{path}", content=b'{"text": "good \\ud800"}', headers=headers), 422)


def test_what_is_told_of_the_filters_and_was_measured_is_true():
    texts_, network = builtin("movies"), networks.reader("en")
    parts = text.parts(texts_)
    measured = networks.measured("movies")
    verdict = evaluate.judge(network, texts_.pick(parts.test))
    assert verdict.texts == measured["texts"]
    assert verdict.accuracy["network"] == pytest.approx(measured["accuracy"]["network"])
    learned = [texts_.texts[k] for k in parts.train]
    for unit in strongest(network, 4, [0, 17], learned, 4):
        told = networks.filters("en")["4"][unit.unit]
        assert (told["seen"], told["best"]) == ([gram for gram, _ in unit.seen], unit.best[0])


# All of it


def test_many_ask_at_once_and_each_gets_the_same(api):
    moves = networks.games(9)[0][:20]
    asks = [("chances", {"moves": moves}), ("heard", {"source": "word:two"}), ("text", {"text": REVIEW})]
    alone = [answer(api, path, **asked) for path, asked in asks]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda k: answer(api, asks[k % 3][0], **asks[k % 3][1]), range(6)))
    for k, told in enumerate(together):
        assert json.dumps(told, sort_keys=True) == json.dumps(alone[k % 3], sort_keys=True)


def test_the_networks_are_small_and_say_what_was_measured():
    files = sorted(DATA.glob("*.safetensors"))
    assert len(files) == 5
    assert sum(file.stat().st_size for file in DATA.iterdir()) < 2.2e6
    for file in files:
        assert json.loads(read_arrays(file)[1]["measured"])


@pytest.mark.parametrize(
    ("script", "prefix", "calls"), [("boards", "boards", "kw"), ("sounds", "sounds", "sw"), ("words", "words", "rw")]
)
def test_the_scripts_say_what_the_catalogue_has_and_all_of_it(script, prefix, calls):
    code = (texts.FOLDER.parent / "static" / "rooms" / f"worlds-{script}.js").read_text("utf-8")
    own = f"worlds.{prefix}."
    keys = {key.removeprefix(own) for key in texts.catalogue()["en"] if key.startswith(own)}
    named = set(re.findall(rf'\b[{calls}]\("(\w+)"', code))
    assert named
    assert named <= keys, sorted(named - keys)
    unsaid = {key for key in keys - {"name", "about"} if not re.search(rf'["`.}}]{key}["`]', code)}
    put_together = {"blackToPlay", "whiteToPlay", "heardLabel", "carriedLabel", "positive", "negative"}
    assert unsaid - put_together == set()
