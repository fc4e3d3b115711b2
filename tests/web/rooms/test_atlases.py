"""Room: atlases. What there is, what may be read of it, and making one."""

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from convscope.atlas.cost import Cost
from convscope.imagefiles import read_picture
from convscope.web import networks
from convscope.web.rooms.atlases import making
from convscope.web.rooms.atlases.orders import Order, subject
from convscope.web.sources import builtin
from tests.web.waiting import events, finished

ORDER = {"network": "lenet5", "count": 12, "layers": ["conv1"], "units": 2}
GONE = "upload:" + "0" * 32


def entry(api: httpx.Client, name: str) -> dict[str, Any]:
    return next(each for each in api.get("/api/atlases").json()["atlases"] if each["name"] == name)


@pytest.fixture(scope="module")
def made(api: httpx.Client) -> str:
    """A small atlas, made in the lab; its name."""
    told = api.post("/api/atlases/make", json=ORDER).json()
    assert finished(api, told["job"])["state"] == "done"
    return told["name"]


@pytest.fixture(scope="module")
def folder(running, made: str) -> Path:
    return running.lab.settings.folder / "atlases" / made


def test_a_made_atlas_stands_on_the_shelf(api, made):
    told = entry(api, made)
    assert told["networks"] == [{"label": "lenet5", "layers": 1, "units": 6, "drawn": 2}]
    assert (told["made"], told["whole"], told["open"], told["pictures"], told["job"]) == (True, True, True, 12, None)
    assert told["order"].items() >= ORDER.items()
    assert len(told["cover"]) == 2
    for path in told["cover"]:
        answer = api.get(f"/atlas/{made}/{path}")
        assert answer.headers["content-type"] == "image/webp"
        assert answer.content[8:12] == b"WEBP"


def test_its_pages_open_and_ask_the_lab_nothing(api, made):
    page = api.get(f"/atlas/{made}/", follow_redirects=True)
    assert page.url.path == f"/atlas/{made}/index.html"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    data = api.get(f"/atlas/{made}/data/atlas.js")
    assert data.headers["content-type"] == "text/javascript; charset=utf-8"
    assert data.text.startswith("atlas.take(")


@pytest.mark.parametrize(
    "path",
    [
        "../secret.json",
        "%2e%2e/secret.json",
        "..%2fsecret.json",
        "files/../../secret.json",
        "%2fetc%2fpasswd",
        ".atlas.json.lock",
        "files/.hidden.json",
        "notes.json",
        "data/link.js",
        "files/key/link.json",
        "records/none.json",
        "index.html%00",
        "files",
    ],
)
def test_nothing_but_an_atlas_own_files_is_read(api, made, folder, path):
    (folder.parent / "secret.json").write_text("{}")
    (folder / "notes.json").write_text("{}")
    (folder / "files" / ".hidden.json").write_text("{}")
    (folder / "files" / "key").mkdir(exist_ok=True)
    for link in (folder / "data" / "link.js", folder / "files" / "key" / "link.json"):
        if not link.is_symlink():
            link.symlink_to(folder.parent / "secret.json")
    assert api.get(f"/atlas/{made}/{path}").status_code in (400, 404)


def test_an_atlas_that_is_not_there_is_none(api):
    assert api.get("/atlas/nothing/index.html").status_code == 404
    assert api.get("/atlas/..%2f..%2fetc/passwd").status_code == 404


def test_atlases_of_the_command_line_come_first(start, made, folder, tmp_path):
    given = tmp_path / "图谱 1"
    shutil.copytree(folder, given, symlinks=True)
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "atlas.json").write_text('{"format": "convscope-atlas", "version": 99}')
    server = start(atlases={"图谱 1": given, "empty": tmp_path / "empty", "broken": broken})
    with httpx.Client(base_url=server.address, trust_env=False) as api:
        whole, empty, damaged = api.get("/api/atlases").json()["atlases"]
        assert (whole["name"], whole["made"], whole["whole"], whole["order"]) == ("图谱 1", False, True, None)
        assert (empty["open"], empty["problem"]) == (
            False,
            "empty: no atlas (no atlas.json in it); start the lab with another folder",
        )
        assert "version 99" in damaged["problem"]
        assert api.get("/atlas/图谱 1/", follow_redirects=True).status_code == 200
        assert api.get("/atlas/empty/index.html").status_code == 404
        assert api.get("/atlas/broken/index.html").status_code == 404


def test_a_program_makes_the_same_atlas(api, made, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    told = api.post("/api/atlases/python", json=ORDER).json()
    assert told["name"] == made
    exec(told["python"], {})
    assert capsys.readouterr().out == f"{made}/index.html\n"
    mine, labs = (json.loads((place / "atlas.json").read_text())["records"] for place in (tmp_path / made, folder))
    assert mine == labs  # names and hashes of all


def test_pictures_of_ones_own_and_a_time_stand_in_the_program(api, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (7, 5)).save("picture-1.png")
    order = {"network": "squeezenet", "pictures": [GONE, "builtin:dog", "builtin:band"], "minutes": 2}
    python = api.post("/api/atlases/python", json=order).json()["python"]
    assert "within(subject, cost(subject), 120)" in python
    assert "names=['dog', 'band', 'picture-1']" in python
    images = next(line for line in python.splitlines() if line.startswith("images = "))
    found: dict[str, Any] = {"Image": Image, "builtin": builtin, "read_picture": read_picture}
    exec(images, found)
    assert [image.size for image in found["images"]] == [(560, 420), (16, 12), (7, 5)]


def test_what_it_costs_is_measured(api):
    told = finished(api, api.post("/api/atlases/cost", json=ORDER).json()["job"])
    assert told["state"] == "done"
    assert told["data"]["units"] == 2
    assert told["data"]["seconds"] > 0


def test_a_time_that_is_too_short_is_refused_in_one_line(api):
    order = {"network": "lenet5", "count": 10000, "layers": ["fc1"], "minutes": 0.1, "units": None}
    key = Order(**order).model_copy(update={"minutes": None}).name
    making._costs[key] = Cost(500.0, 10, 10, 120, 20, ((4.0,),))
    told = finished(api, api.post("/api/atlases/cost", json=order).json()["job"])
    assert told["state"] == "failed"
    assert told["problem"].startswith("budget: 6 s; one unit of each layer, and the rest, take")


def test_a_time_draws_fewer_units(api):
    order = {"network": "lenet5", "count": 12, "layers": ["conv2"], "minutes": 1, "units": None}
    making._costs[Order(**{**order, "minutes": None}).name] = Cost(170.0, 10, 10, 16, 4, ((10.0,),))
    told = finished(api, api.post("/api/atlases/cost", json=order).json()["job"])
    assert told["data"] == {"seconds": pytest.approx(60), "memory": 10, "disk": 10, "units": 5, "tasks": 5}


def test_it_is_seen_growing_stopped_and_goes_on(api, running):
    order = {"network": "lenet5", "count": 12, "layers": ["fc1"], "units": 17}
    told = api.post("/api/atlases/make", json=order).json()
    again = api.post("/api/atlases/make", json=order).json()
    assert again == told  # not begun twice
    drawn: list[dict[str, Any]] = []
    for event in events(api, told["job"]):
        drawn += event.get("drawn", [])
        if event.get("phase") == "readable" and event["done"] < event["total"]:
            assert api.get(f"/atlas/{told['name']}/index.html").status_code == 200
        if drawn:
            for one in drawn:
                assert api.get(f"/atlas/{told['name']}/{one['path']}").status_code == 200
            assert entry(api, told["name"])["job"] == told["job"]
            api.delete(f"/api/jobs/{told['job']}")
            break
    stopped = finished(api, told["job"])
    assert stopped["state"] == "stopped"
    half = entry(api, told["name"])
    assert (half["whole"], half["open"], half["job"]) == (False, True, None)
    folder = running.lab.settings.folder / "atlases" / told["name"]
    before = {path: path.stat().st_mtime_ns for path in folder.glob("records/draw-*")}
    assert before
    assert finished(api, api.post("/api/atlases/make", json=half["order"]).json()["job"])["state"] == "done"
    assert {path: path.stat().st_mtime_ns for path in before} == before
    whole = entry(api, told["name"])
    assert whole["whole"]
    assert whole["networks"] == [{"label": "lenet5", "layers": 1, "units": 120, "drawn": 17}]


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ({"network": "resnet"}, "network='resnet': input should be"),
        ({"count": 9}, "count=9: input should be greater than or equal to 10"),
        ({"network": "squeezenet", "pictures": ["builtin:nothing"]}, "picture='builtin:nothing': give builtin:NAME"),
        ({"network": "squeezenet", "pictures": ["cells:1x1:AA"]}, "pictures: one is painted"),
        ({"network": "squeezenet", "pictures": []}, "pictures=[]: list should have at least 1 item"),
        ({"folder": "/etc"}, "folder='/etc': extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_made_is_said(api, order, problem):
    for what in ("make", "cost", "python"):
        answer = api.post(f"/api/atlases/{what}", json=order)
        assert answer.status_code in (400, 422)
        assert problem in answer.json()["problem"]


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ({"layers": ["conv9"]}, "layers: 'conv9' matches none; did you mean"),
        ({"network": "squeezenet", "layers": ["features.0"], "pictures": [GONE]}, "not here, or no longer; upload"),
    ],
    ids=["layer", "gone"],
)
def test_what_turns_out_impossible_ends_the_job_in_one_line(api, order, problem):
    told = finished(api, api.post("/api/atlases/make", json=order).json()["job"])
    assert told["state"] == "failed"
    assert problem in told["problem"]


def test_photographs_are_taken_with_their_names(lab):
    order = Order(network="squeezenet", pictures=["builtin:dog", "builtin:owl"], layers=["features.0"], units=1)
    gallery = subject(order, networks.load("squeezenet"), lab).gallery
    assert gallery is not None
    assert (gallery.name, list(gallery.names)) == ("photographs", ["dog", "owl"])


def test_layers_tell_how_far_they_see(api):
    told = api.get("/api/atlases/layers", params={"network": "lenet5"}).json()["layers"]
    assert told[1] == {"name": "conv2", "units": 16, "sees": [14, 14], "whole": False}
    assert told[-1]["whole"]
    assert api.get("/api/atlases/layers", params={"network": "x"}).status_code == 422


def test_facts_that_are_not_as_the_format_says_take_no_other_atlas_with_them(start, folder, tmp_path):
    odd = tmp_path / "odd"
    shutil.copytree(folder, odd)
    manifest = json.loads((odd / "atlas.json").read_text())
    manifest["facts"]["networks"] = [{"label": "odd", "layers": [{}]}]
    (odd / "atlas.json").write_text(json.dumps(manifest))
    server = start(atlases={"odd": odd, "whole": folder})
    shelf = httpx.get(f"{server.address}/api/atlases", trust_env=False).json()["atlases"]
    told = {each["name"]: each for each in shelf}
    assert "not as docs/format.md says" in told["odd"]["problem"]
    assert told["whole"]["networks"]


def test_its_scripts_cannot_hold_the_labs_windows(api, made):
    page = api.get(f"/atlas/{made}/index.html")
    assert page.headers["Cross-Origin-Opener-Policy"] != api.get("/kernel").headers["Cross-Origin-Opener-Policy"]
