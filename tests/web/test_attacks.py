"""What somebody might try who means harm, or only has bad luck: none of it gets in, and none of it ends the lab."""

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from convscope.errors import InputError
from convscope.web.decoding import Decoder
from convscope.web.guard import COOKIE
from convscope.web.jobs import Jobs, Outcome
from convscope.web.serve import address_for, settings_for
from convscope.web.settings import Limits
from convscope.web.uploads import Uploads
from tests.web.test_guard import raw
from tests.web.test_jobs import Held, ended
from tests.web.test_uploads import PHOTO, file

JSON = {"Content-Type": "application/json"}


class TestRequests:
    @pytest.mark.parametrize(
        "body",
        [
            *(b'{"picture":' + b"[" * depth + b"]" * depth + b"}" for depth in (100, 900, 60000)),
            *(b'{"\\ud800":1}', b'{"picture":"\\ud800"}', b'{"kernel":[[NaN]]}'),
            *(b'{"kernel":[[1e999]]}', b'{"bias":' + b"9" * 5000 + b"}", b"\xff\xfe", b"\0", b"", b"null", b"[]"),
        ],
        ids=lambda body: f"{body[:24].decode('latin-1')!a}-{len(body)}",
    )
    def test_what_is_no_sound_json_is_told_in_one_line(self, api, body):
        answer = api.post("/api/kernel/apply", content=body, headers=JSON)
        assert answer.status_code in (400, 422)
        assert "\n" not in answer.json()["problem"]
        assert len(answer.json()["problem"]) < 500

    @pytest.mark.parametrize(
        "head",
        [
            b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
            b"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            b"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
            b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /static/%00.js HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /static/" + b"a" * 300 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /atlas/%00/index.html HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"FOO /api/kernel/apply HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ],
        ids=lambda head: f"{head[:60].decode('latin-1')!a}",
    )
    def test_broken_requests_are_refused(self, running, head):
        assert raw(running.address, head).startswith(b"HTTP/1.1 4")

    def test_no_page_is_made_of_what_somebody_brought(self, api):
        """A file that is a picture and a page at once comes back as the picture alone, and never as it was sent."""
        both = file("PNG", Image.new("L", (3, 3))) + b"<script>alert(1)</script>"
        source = api.post("/api/uploads", content=both).json()["source"]
        shown = api.get("/api/picture", params={"source": source})
        assert shown.headers["content-type"] == "image/png"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert b"script" not in shown.content

    def test_sounds_are_played_to_many_at_once(self, start):
        """Only files that arrive are counted."""
        server = start(limits=Limits(uploading=0))
        answer = httpx.get(f"{server.address}/api/worlds/sound", params={"source": "word:one"}, trust_env=False)
        assert answer.status_code == 200
        assert httpx.post(f"{server.address}/api/worlds/sound", content=b"x", trust_env=False).status_code == 429


class TestToken:
    @pytest.mark.parametrize("token", ["芝麻开门芝麻开门", "a&b #c=d;e+f%20\"\\"])
    def test_whatever_it_is_made_of_the_address_lets_in(self, start, token):
        server = start(token=token)
        port = int(server.address.rpartition(":")[2])
        address = address_for("127.0.0.1", port, token)
        assert address.isascii()
        assert " " not in address
        with httpx.Client(trust_env=False, follow_redirects=True) as client:
            assert client.get(address).status_code == 200
            assert client.get(f"{server.address}/kernel").status_code == 200
            (cookie,) = client.cookies.jar
            assert token not in (cookie.value or ""), "other servers of this machine are sent it, too"
        sent = {b"Authorization": f"Bearer {token}".encode()}
        assert httpx.get(server.address, headers=sent, trust_env=False).status_code == 200
        for wrong in (token, "", "x" * 64):
            cookies = {b"Cookie": f"{COOKIE}={wrong}".encode()}
            assert httpx.get(server.address, headers=cookies, trust_env=False).status_code == 401

    def test_the_address_for_others_is_one_that_the_lab_answers_to(self):
        for host in ("0.0.0.0", "::"):
            name = httpx.URL(address_for(host, 8765, "open sesame")).host
            assert name in settings_for(host).hosts
        assert address_for("::1", 80, None) == "http://[::1]:80/"


@pytest.mark.chromium
def test_a_link_from_another_page_lets_in(browser, start):
    """As from a mail that is read in the browser: with the token, and afterwards without it."""
    server = start(token="open sesame")
    page = browser.new_page()
    page.route("http://elsewhere.example/*", lambda route: route.fulfill(body=links, content_type="text/html"))
    links = "".join(f'<a href="{server.address}/kernel{query}">link</a>' for query in ("?token=open+sesame", ""))
    for place in (0, 1):
        page.goto("http://elsewhere.example/")
        page.locator("a").nth(place).click()
        page.locator("h1").wait_for()
        assert page.url == f"{server.address}/kernel"
    page.close()


class TestDecoder:
    @pytest.fixture
    def decoder(self):
        decoder = Decoder(seconds=20, pixels=2**20)
        yield decoder
        decoder.close()

    def test_one_that_dies_of_boredom_is_replaced(self, decoder):
        picture = file("PNG", PHOTO)
        assert decoder.picture(picture, "it").shape == (374, 560, 3)
        assert decoder._pool is not None
        (process,) = decoder._pool._processes.values()
        process.kill()
        process.join()
        time.sleep(0.2)  # until the pool has noticed
        assert decoder.picture(picture, "it").shape == (374, 560, 3)

    def test_closing_breaks_off_what_is_decoded(self, decoder):
        with ThreadPoolExecutor(1) as others:
            slow = others.submit(decoder.run, time.sleep, 15, what="it: this", again="again")
            while decoder._pool is None or not decoder._pool._processes:
                time.sleep(0.01)
            decoder.close()
            with pytest.raises(InputError):
                slow.result(5)
        with pytest.raises(InputError, match="being closed"):
            decoder.picture(file("PNG", PHOTO), "it")


class TestJobs:
    @pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, MemoryError, RecursionError])
    def test_no_end_of_a_job_is_the_end_of_the_queue(self, end, caplog):
        def breaks(report):
            raise end

        jobs = Jobs()
        assert ended(jobs.submit("a", breaks)).state == "failed"
        assert ended(jobs.submit("a", lambda report: Outcome())).state == "done"
        jobs.close()

    @pytest.mark.parametrize("identity", ["..", "%2e%2e", "..%2f..%2fkernel", "x/../../../etc/passwd", "%00"])
    def test_no_name_of_one_leads_elsewhere(self, api, identity):
        for path in (f"/api/jobs/{identity}/events", f"/api/jobs/{identity}/files/passwd"):
            assert api.get(path).status_code == 404

    def test_whoever_hangs_up_makes_room(self, start):
        server = start(limits=Limits(listening=1))
        held = Held()
        job = server.lab.jobs.submit("room", held)
        held.started.wait()
        address = f"{server.address}/api/jobs/{job.id}/events"
        with httpx.stream("GET", address, trust_env=False) as stream:
            lines = stream.iter_lines()
            next(lines)
            assert httpx.get(address, trust_env=False).status_code == 429
        for _ in range(100):
            if not server.lab.listening:
                break
            time.sleep(0.02)
        assert server.lab.listening == 0


class TestUploads:
    def test_a_link_in_their_folder_is_no_way_in(self, tmp_path):
        uploads = Uploads(tmp_path / "uploads", 1000)
        uploads.keep(b"something")
        for name in ("..", "../secret", "0" * 31, "0" * 33, "A" * 32, "0" * 31 + "\n"):
            with pytest.raises(InputError, match="not here, or no longer"):
                uploads.read(name)

    def test_one_that_goes_while_it_is_read_is_told_as_gone(self, tmp_path, monkeypatch):
        uploads = Uploads(tmp_path / "uploads", 1000)
        identity = uploads.keep(b"something")
        path = uploads.path(identity)
        monkeypatch.setattr(Uploads, "path", lambda self, name: path)
        path.unlink()
        with pytest.raises(InputError, match="not here, or no longer"):
            uploads.read(identity)

    def test_many_at_once_are_all_kept_whole(self, tmp_path):
        uploads = Uploads(tmp_path / "uploads", 10**6)
        together = threading.Barrier(8)

        def keep(number: int) -> bool:
            data = bytes([number % 4]) * 5000  # each twice
            together.wait()
            return uploads.read(uploads.keep(data)) == data

        with ThreadPoolExecutor(8) as visitors:
            assert all(visitors.map(keep, range(8)))
        assert len(os.listdir(tmp_path / "uploads")) == 4


class TestAtlases:
    """One that somebody else made: only its own pages and pictures are served."""

    @pytest.fixture
    def visitor(self, start, tmp_path):
        folder = tmp_path / "given"
        (folder / "files" / "draw-x").mkdir(parents=True)
        secret = tmp_path / "secret.webp"
        secret.write_bytes(b"secret")
        (folder / "private.html").write_text("secret")
        (folder / "files" / "draw-x" / "link.webp").symlink_to(secret)
        (folder / "files" / "draw-x" / "page.php").write_text("secret")
        (folder / "files" / "draw-x" / "own.webp").write_bytes(b"a picture")
        (folder / "files" / "draw-link").symlink_to(tmp_path)
        told = {"format": "convscope-atlas", "version": 1, "state": "finished", "facts": {"networks": []}}
        (folder / "atlas.json").write_text(json.dumps({**told, "plan": [], "records": {}, "pages": {}}))
        with httpx.Client(base_url=start(atlases={"given": folder}).address, trust_env=False) as client:
            yield client

    def test_nothing_else_is_served(self, visitor):
        for path in (
            *("private.html", "files/draw-x/link.webp", "files/draw-x/page.php", "files/draw-link/secret.webp"),
            *("..%2fsecret.webp", "files/..%2f..%2fsecret.webp", "files/draw-x/%2e%2e%2f..", "files//own.webp"),
        ):
            answer = visitor.get(f"/atlas/given/{path}")
            assert answer.status_code == 404, path
            assert "secret" not in answer.text

    def test_its_pages_may_not_ask_the_lab(self, visitor):
        answer = visitor.get("/atlas/given/files/draw-x/own.webp")
        assert answer.content == b"a picture"
        assert "connect-src" not in answer.headers["content-security-policy"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_answer_tells_where_things_lie(start, tmp_path: Path):
    """... also where a mistake is convscope's own."""
    server = start()

    def breaks(identity: str):
        raise RuntimeError(str(tmp_path))

    server.lab.uploads.path = breaks  # type: ignore[method-assign]
    source = "upload:" + "0" * 32
    answer = httpx.get(f"{server.address}/api/picture", params={"source": source}, trust_env=False)
    assert answer.status_code == 500
    assert answer.json() == {"problem": "a mistake of convscope itself, not yours; the terminal says more"}
