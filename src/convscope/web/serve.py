"""Starting the lab and ending it."""

import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack, suppress
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from types import FrameType
from urllib.parse import quote

import numpy as np
import uvicorn
from platformdirs import user_data_path

from convscope import ops
from convscope.errors import InputError
from convscope.web.app import create_app
from convscope.web.rooms.sees import network as sees
from convscope.web.settings import LOOPBACK, Settings

PORT = 8765


def settings_for(
    host: str, *, token: str | None = None, folder: Path | None = None, atlases: dict[str, Path] | None = None
) -> Settings:
    """What a lab at `host` is started with: beyond the loopback a token is needed, and made where none is given."""
    local = host in LOOPBACK
    hosts = LOOPBACK if local else LOOPBACK | _names(host)
    return Settings(
        folder=folder or user_data_path("convscope") / "lab",
        hosts=frozenset(hosts),
        token=token or (None if local else secrets.token_urlsafe(18)),
        atlases=atlases or {},
    )


def _names(host: str) -> set[str]:
    """The names and addresses by which others call this machine."""
    if not _is_everywhere(host):
        return {host.lower()}
    names = {socket.gethostname().lower(), socket.getfqdn().lower()}
    with suppress(OSError):  # a machine that does not know its own name
        names |= {str(each[4][0]) for each in socket.getaddrinfo(socket.gethostname(), None)}
    return names | {_own_address()}


def _is_everywhere(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _own_address() -> str:
    """By which others in the same network reach this machine; that of the loopback where there is no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing: only asks which way packets would go
        return probe.getsockname()[0]
    return "127.0.0.1"


def address_for(host: str, port: int, token: str | None) -> str:
    """What a visitor opens."""
    name = _own_address() if _is_everywhere(host) else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?token={quote(token, safe='')}" if token else "")


def serve(settings: Settings, host: str, port: int, *, opened: bool, say: Callable[[str], None]) -> None:
    """Answer requests until somebody stops it with Ctrl-C, then raise KeyboardInterrupt.

    opened  show the first page in the browser. say: called with the address once it answers

    Raises InputError where the port is taken or the host is not this machine's.
    """
    app, lab = create_app(settings)
    listener = _listening(host, port)
    address = address_for(host, listener.getsockname()[1], settings.token)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            threading.Thread(target=_warm_up, daemon=True).start()
            say(address)
            if opened:
                webbrowser.open(address)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            # ends the streams, which uvicorn would wait for; elsewhere, as this thread may hold a job's lock just now
            Thread(target=lab.close, daemon=True).start()
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        app,
        ws="none",
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=2**15,
    )
    with listener:
        Server(config).run([listener])


def _warm_up() -> None:
    """Load compiled code before the first visitor waits for it."""
    ops.conv1d(np.zeros((1, 1, 3)), np.zeros((1, 1, 1)))
    ops.conv2d(np.zeros((1, 1, 3, 3)), np.zeros((1, 1, 1, 1)))
    sees.look(np.zeros((sees.SIDE, sees.SIDE), np.uint8))


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as undo:
            listener = undo.enter_context(socket.socket(family, kind, protocol))
            if sys.platform != "win32":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            undo.pop_all()
        return listener
    except (OSError, OverflowError) as problem:
        reason = (getattr(problem, "strerror", None) or str(problem)).lower()
        raise InputError(f"host={host!r}, port={port}: {reason}; try another --port, or 0 for any") from problem
