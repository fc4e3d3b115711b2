"""Who is let in, and what is not taken."""

import re
import socket
import threading
import time

import httpx
import pytest

from convscope.web.guard import COOKIE, POLICY
from convscope.web.serve import settings_for
from convscope.web.settings import LOOPBACK, Limits


def raw(address: str, sent: bytes, *, close: bool = False) -> bytes:
    """What the lab answers to bytes that no HTTP library would send; "" where it just hangs up."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        if close:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
            if b"\r\n\r\n" in answer:
                break
    return answer


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil:80", "[::2]:80", "", "169.254.1.1"]
)
def test_other_names_are_refused(api, host):
    answer = api.get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert re.fullmatch("Host .*: this lab is called .*; use that name", answer.json()["problem"])


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1:80", "[::1]:8765"])
def test_names_of_this_machine_are_taken_behind_any_port(api, host):
    assert api.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=lambda headers: "-".join(*headers.items()),
)
def test_other_pages_cannot_post(api, headers):
    answer = api.post("/api/uploads", content=b"x", headers=headers)
    assert answer.status_code == 403
    assert "another page's request" in answer.json()["problem"]


def test_other_pages_cannot_read_but_may_link(api):
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert api.get("/api/picture", params={"source": "builtin:dog"}, headers=embedded).status_code == 403
    framed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    assert api.get("/", headers=framed).status_code == 403
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert api.get("/kernel", headers=followed).status_code == 200


@pytest.mark.parametrize("path", ["/", "/texts.json", "/static/lab.css", "/api/builtin", "/nowhere", "/api/jobs/1"])
def test_every_answer_carries_the_policy(api, path):
    headers = api.get(path).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        *("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"),
        *("/static/shared/%2e%2e/index.html", "//etc/passwd"),
    ],
)
def test_no_path_leads_out(running, path):
    answer = raw(running.address, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404")


class TestToken:
    @pytest.fixture
    def visitor(self, start):
        server = start(token="open sesame")
        with httpx.Client(base_url=server.address, trust_env=False) as client:
            yield client

    def test_without_it_there_is_nothing(self, visitor):
        for path in ("/", "/texts.json", "/static/lab.css", "/api/builtin", "/?token=wrong", "/?token=öffne"):
            assert visitor.get(path).status_code == 401, path
        assert visitor.post("/api/uploads", content=b"x").status_code == 401

    def test_the_address_with_it_becomes_a_cookie_and_is_gone(self, visitor):
        welcome = visitor.get("/kernel?token=open+sesame&picture=builtin:dog")
        assert welcome.status_code == 303
        assert welcome.headers["location"] == "/kernel?picture=builtin%3Adog"
        assert {"HttpOnly", "SameSite=lax"} <= set(welcome.headers["set-cookie"].split("; "))
        assert visitor.get("/kernel").status_code == 200

    def test_it_cannot_lead_to_another_server(self, visitor):
        location = visitor.get("//evil.example/?token=open+sesame").headers.get("location", "/")
        assert not location.startswith("//")

    def test_programs_send_it_as_a_header(self, visitor):
        assert visitor.get("/", headers={"Authorization": "Bearer open sesame"}).status_code == 200
        assert visitor.get("/", headers={"Cookie": f"{COOKIE}=wrong"}).status_code == 401


def test_beyond_this_machine_a_token_is_made():
    assert settings_for("127.0.0.1").token is None
    assert settings_for("localhost").hosts == LOOPBACK
    far = settings_for("0.0.0.0")
    assert far.token is not None
    assert len(far.token) >= 24
    assert "0.0.0.0" not in far.hosts
    assert settings_for("lab.example", token="of our own").token == "of our own"
    assert "lab.example" in settings_for("Lab.example").hosts


class TestBodies:
    LIMITS = Limits(body=1000, upload=5000, seconds=0.4)

    def test_too_long_is_said_before_it_arrives(self, start):
        server = start(limits=self.LIMITS)
        head = b"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"
        assert raw(server.address, head).startswith(b"HTTP/1.1 413")

    def test_too_long_without_saying_so(self, start):
        server = start(limits=self.LIMITS)
        answer = httpx.post(f"{server.address}/api/uploads", content=iter([b"x" * 3000] * 9), trust_env=False)
        assert (answer.status_code, answer.json()) == (413, {"problem": "more than 5000 bytes; send less"})
        answer = httpx.post(f"{server.address}/api/kernel/apply", content=b"x" * 1001, trust_env=False)
        assert answer.status_code == 413

    def test_slow_ones_are_sent_away(self, start):
        server = start(limits=self.LIMITS)
        head = b"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nnot all"
        answer = raw(server.address, head)
        assert answer.startswith(b"HTTP/1.1 408")

    def test_broken_off_ones_are_forgotten(self, start):
        server = start(limits=self.LIMITS)
        head = b"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nnot all"
        assert b"200 OK" not in raw(server.address, head, close=True)
        assert not list((server.lab.settings.folder / "uploads").glob("*"))
        assert httpx.get(f"{server.address}/api/builtin", trust_env=False).status_code == 200

    def test_one_too_many_at_once_is_told_when_to_come_back(self, start):
        server = start(limits=Limits(seconds=1.2, uploading=1))
        head = b"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        slow = threading.Thread(target=raw, args=(server.address, head))
        slow.start()
        time.sleep(0.3)
        answer = httpx.post(f"{server.address}/api/uploads", content=b"x", trust_env=False)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
        slow.join()
