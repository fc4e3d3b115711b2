"""The lab under many visitors: how long its answers take in the rooms that answer while one moves or draws.

    python benchmarks/lab.py [--visitors 50] [--requests 20] [--rounds 5]

A lab in a process of its own, on the loopback. Each visitor asks one request after the other, as fast as it is
answered, each with another kernel or drawing. Printed for each room, over the rounds: the median and the 95th
percentile of the answers' milliseconds (median of the rounds, lowest to highest), for one visitor alone and for all of
them, and the ratio to the bare server, which as many visitors ask for the list of pictures in the same round.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import httpx
from beside import machine

from convscope.web.sources import builtin, painted

SERVER = """
import sys
from pathlib import Path
from convscope.web.serve import serve
from convscope.web.settings import Settings
serve(Settings(Path(sys.argv[1])), "127.0.0.1", 0, opened=False, say=lambda address: print(address, flush=True))
"""
BARE = "bare server"


def kernel(user: int, visit: int) -> tuple[str, dict[str, Any]]:
    return "/api/kernel/apply", {"picture": "builtin:ring", "kernel": [[-1, 0, 1], [-2, 0, 2], [-1, user, visit]]}


def explained(user: int, visit: int) -> tuple[str, dict[str, Any]]:
    path, asked = kernel(user, visit)
    return path.replace("apply", "explain"), asked | {"at": [visit % 10, user % 10]}


def sees(user: int, visit: int) -> tuple[str, dict[str, Any]]:
    cells = builtin("ring")[..., 0].repeat(2, 0).repeat(2, 1)[2:30, 2:30].copy()
    cells[user % 28, visit % 28 :] = 255
    return "/api/sees/look", {"picture": painted(cells)}


ROOMS: dict[str, Callable[[int, int], tuple[str, dict[str, Any]]]] = {
    "one kernel: apply": kernel,
    "one kernel: explain": explained,
    "a network sees: look": sees,
    BARE: lambda user, visit: ("/api/builtin", {}),
}


async def visited(address: str, room: str, visitors: int, requests: int) -> list[float]:
    """Seconds of each answer."""
    took: list[float] = []

    async def visitor(client: httpx.AsyncClient, user: int) -> None:
        for visit in range(requests):
            path, asked = ROOMS[room](user, visit)
            start = time.perf_counter()
            answer = await (client.post(path, json=asked) if asked else client.get(path))
            took.append(time.perf_counter() - start)
            answer.raise_for_status()

    limits = httpx.Limits(max_connections=visitors)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits, trust_env=False) as client:
        await asyncio.gather(*(visitor(client, user) for user in range(visitors)))
    return took


def spread(values: list[float], unit: float = 1000, digits: int = 1) -> str:
    scaled = [unit * value for value in values]
    return f"{statistics.median(scaled):.{digits}f} ({min(scaled):.{digits}f} to {max(scaled):.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(f"{machine(2)}; visitors and lab share the cores")
    with tempfile.TemporaryDirectory() as folder:
        lab = subprocess.Popen([sys.executable, "-c", SERVER, folder], stdout=subprocess.PIPE, text=True)
        try:
            assert lab.stdout is not None
            address = lab.stdout.readline().strip()
            for visitors in (1, given.visitors):
                measure(address, visitors, given.requests, given.rounds)
        finally:
            lab.kill()
            lab.communicate()


def measure(address: str, visitors: int, requests: int, rounds: int) -> None:
    middles: dict[str, list[float]] = {room: [] for room in ROOMS}
    lates: dict[str, list[float]] = {room: [] for room in ROOMS}
    for room in ROOMS:
        asyncio.run(visited(address, room, 1, 5))  # what is read when first needed
    for _ in range(rounds):
        for room in ROOMS:
            took = asyncio.run(visited(address, room, visitors, requests))
            middles[room].append(statistics.median(took))
            lates[room].append(statistics.quantiles(took, n=20)[-1])
    print(f"\n{visitors} visitors, {requests} requests each, {rounds} rounds; ms")
    for room in ROOMS:
        ratios = [ours / bare for ours, bare in zip(lates[room], lates[BARE], strict=True)]
        beside = "" if room == BARE else f"; p95 {spread(ratios, 1)} times the bare server's"
        print(f"  {room:22} median {spread(middles[room])}, p95 {spread(lates[room])}{beside}")


if __name__ == "__main__":
    main()
