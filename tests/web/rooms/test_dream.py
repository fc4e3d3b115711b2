"""Room: dream and style. The jobs, what they show on the way, and what makes the same picture again."""

import io
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from convscope.cli.app import app
from convscope.pictures import recipe_in
from convscope.web.rooms.dream.wishes import Dreaming, Styling
from convscope.web.sources import builtin
from tests.web.waiting import events, finished

DREAM = {"picture": "builtin:dog", "layers": ["features.3"], "octaves": 1, "steps": 1, "size": 64}
STYLE = {"picture": "builtin:dog", "steps": 1, "size": 64}
LONG = {"dream": {"steps": 60, "size": 400, "layers": ["features.12"]}, "style": {"steps": 300, "size": 400}}


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def picture_of(api: Any, kind: str, wish: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The ended job, and the file that it made."""
    job = api.post(f"/api/dream/{kind}", json=wish).json()["job"]
    told = finished(api, job)
    assert told["state"] == "done", told["problem"]
    return told, api.get(f"/api/jobs/{job}/files/{told['data']['file']}", params={"download": True}).content


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the pictures that come along, under the names that commands give them."""
    monkeypatch.chdir(tmp_path)
    for name in ("dog", "cafe-terrace"):
        Image.fromarray(builtin(name)).save(f"{name}.png")
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "wish"),
    [
        ("dream", DREAM),
        ("dream", {**DREAM, "layers": ["features.0", "features.3"], "strength": 0.1, "seed": 3}),
        ("dream", {**DREAM, "unit": 5}),
        ("style", STYLE),
        ("style", {**STYLE, "photorealistic": True, "colours": "content", "strength": 30}),
    ],
    ids=["layer", "layers", "unit", "style", "photorealistic"],
)
def test_command_and_program_make_the_same_picture(api, elsewhere, kind, wish):
    told, data = picture_of(api, kind, wish)
    made, file = pixels(data), told["data"]["file"]
    assert max(made.shape[:2]) == 64
    recipe = recipe_in(data)
    assert recipe is not None
    assert recipe == told["data"]["recipe"]
    assert recipe["command"] == told["data"]["command"]
    again = api.post(f"/api/dream/{kind}/again", json=wish).json()
    assert again["command"] == recipe["command"]
    exec(again["python"], {})
    np.testing.assert_array_equal(pixels(Path(file).read_bytes()), made)
    Path(file).unlink()
    ran = CliRunner().invoke(app, shlex.split(again["command"])[1:], prog_name="convscope")
    assert ran.exit_code == 0, ran.output
    np.testing.assert_array_equal(pixels(Path(file).read_bytes()), made)


@pytest.mark.parametrize("kind", ["dream", "style"])
def test_it_is_seen_developing_and_kept_when_it_is_stopped(api, kind):
    job = api.post(f"/api/dream/{kind}", json=LONG[kind]).json()["job"]
    told = []
    for event in events(api, job):
        if event.get("version"):
            told.append(event)
            preview = pixels(api.get(f"/api/jobs/{job}/files/preview.webp").content)
            assert preview.shape[2] == 3
            if event["done"] > 1:
                api.delete(f"/api/jobs/{job}")
                break
    assert told[-1]["total"] > told[-1]["done"]
    assert told[-1]["part"] <= told[-1]["parts"]
    ended = finished(api, job)
    assert ended["state"] == "stopped"
    data = api.get(f"/api/jobs/{job}/files/{ended['data']['file']}").content
    assert max(pixels(data).shape[:2]) == 400
    recipe = recipe_in(data)
    assert recipe is not None
    assert recipe["stopped"] is True


def test_what_is_uploaded_is_dreamt_of(api):
    file = io.BytesIO()
    Image.fromarray(builtin("ring").squeeze()).resize((70, 60)).save(file, "PNG")
    source = api.post("/api/uploads", content=file.getvalue()).json()["source"]
    told, data = picture_of(api, "dream", {**DREAM, "picture": source})
    assert told["data"]["file"] == "picture-dream.png"
    assert pixels(data).shape == (55, 64, 3)


def test_programs_read_ones_own_pictures_from_files_of_two_names():
    wish = Styling(picture="upload:" + "a" * 32, style="upload:" + "b" * 32)
    program = wish.python()
    assert "picture = " in program
    assert '"picture.png"' in program
    assert "painting = " in program
    assert '"painting.png"' in program
    assert wish.command.startswith("convscope style picture.png painting.png -o picture-painting.png")


def test_what_is_usual_is_not_said():
    assert Dreaming(size=512).command == "convscope dream castle.png -o castle-dream.png --size 512"
    usual = Styling(steps=60, size=512).command
    assert usual == "convscope style castle.png cafe-terrace.png -o castle-cafe-terrace.png"


@pytest.mark.parametrize(
    ("kind", "wish", "problem"),
    [
        ("dream", {"picture": "builtin:nothing"}, "picture='builtin:nothing': give builtin:NAME"),
        ("dream", {"size": 5000}, "size=5000: input should be less than or equal to 1024"),
        ("dream", {"layers": ["a"] * 5}, "layers=['a', 'a', 'a', 'a', 'a']: list should have at most 4 items"),
        ("dream", {"unit": 3}, "unit=3: of 0 layers; name the one layer that it is of"),
        ("dream", {"network": "lenet5"}, "network='lenet5': input should be 'squeezenet' or 'efficientnet-lite0'"),
        ("style", {"style": "builtin:castle"}, "style: it is the picture itself"),
        ("style", {"strength": -1}, "strength=-1: input should be greater than or equal to 0.01"),
        ("style", {"layers": []}, "layers=[]: extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_made_is_said(api, kind, wish, problem):
    for path in (kind, f"{kind}/again"):
        answer = api.post(f"/api/dream/{path}", json=wish)
        assert answer.status_code in (400, 422)
        assert problem in answer.json()["problem"]


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        ({"layers": ["features.99"]}, "layers: squeezenet has no 'features.99' to dream of; choose of features.0,"),
        ({"layers": ["features.3"], "unit": 128}, "unit=128: features.3 has 128; choose 0 to 127"),
        ({"picture": "builtin:point"}, "picture of 9 x 9: the network takes no side under"),
        ({"picture": "upload:" + "0" * 32}, "not here, or no longer; upload the file again"),
    ],
    ids=["layer", "unit", "small", "gone"],
)
def test_what_turns_out_impossible_ends_the_job_in_one_line(api, wish, problem):
    told = finished(api, api.post("/api/dream/dream", json=wish).json()["job"])
    assert told["state"] == "failed"
    assert problem in told["problem"]


def test_layers_tell_what_grows(api):
    told = api.get("/api/dream/layers", params={"network": "squeezenet"}).json()
    assert told["usual"] == "features.10"
    grows = {layer["name"]: layer["grows"] for layer in told["layers"]}
    assert grows["features.0"] == "edges"
    assert grows["features.6"] == "textures"
    assert grows["features.9"] == "parts"
    assert grows["features.10"] == grows["classifier.1"] == "things"
    assert len(told["classes"]) == next(layer["units"] for layer in told["layers"] if layer["name"] == "classifier.1")
