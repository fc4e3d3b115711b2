"""`convscope lab`, as a process of its own."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from convscope.cli.app import app

LAB = [sys.executable, "-c", "from convscope.cli import main; main()", "lab", "--no-browser"]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Starts a lab at a free port; gives the process and the address it prints."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [*LAB, "--port", "0", "--folder", str(tmp_path / "lab"), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        (address,) = re.findall(r"^the lab is open: (http://\S+)$", line)
        return process, address

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_it_opens_answers_and_ends_with_ctrl_c(lab):
    process, address = lab()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
    assert httpx.get(address, trust_env=False).status_code == 200
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert (out, told) == ("", "convscope: Ctrl-C ends it\nconvscope: stopped\n")


def test_ctrl_c_ends_it_though_somebody_follows_a_job(lab):
    process, address = lab()
    job = httpx.post(f"{address}api/dream/dream", json={}, trust_env=False, timeout=30).json()["job"]
    with httpx.stream("GET", f"{address}api/jobs/{job}/events", trust_env=False, timeout=30) as stream:
        next(stream.iter_lines())
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in told


def test_beyond_this_machine_it_asks_for_a_token(lab):
    process, address = lab("--host", "0.0.0.0")
    port = re.findall(r":(\d+)/", address)[0]
    (token,) = re.findall(r"\?token=([\w-]{24,})$", address)
    assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 401
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        assert client.get(f"http://127.0.0.1:{port}/kernel?token={token}").status_code == 200
        assert client.get(f"http://127.0.0.1:{port}/learn").status_code == 200
    assert process.poll() is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--token", "short"], "token='short': 5 characters; give at least 8"),
        (["--host", "192.0.2.77"], "host='192.0.2.77', port=0: cannot assign requested address; try another --port"),
        (["--host", "no such host"], "host='no such host', port=0: "),
        (["--folder", "/proc/lab"], "cannot write /proc/lab/uploads"),
        (["/nowhere/atlas"], "/nowhere/atlas is not an atlas (no atlas.json in it)"),
    ],
    ids=["token", "address", "name", "folder", "atlas"],
)
def test_what_cannot_be_is_said_in_one_line(options, told, tmp_path):
    done = CliRunner().invoke(app, ["lab", "--no-browser", "--port", "0", "--folder", str(tmp_path), *options])
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(app, ["lab", "--no-browser", "--port", str(port), "--folder", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr == (
        f"convscope: host='127.0.0.1', port={port}: address already in use; try another --port, or 0 for any\n"
    )


def test_killed_it_leaves_nothing_behind(lab):
    process, address = lab()
    picture = b"P5 2 2 255\n\0\1\2\3"
    assert httpx.post(f"{address}api/uploads", content=picture, trust_env=False, timeout=30).status_code == 200
    process.kill()
    process.communicate(timeout=10)  # whoever decoded the picture held the same pipes
