"""Many visitors, and visitors who send nonsense: the lab answers all of them, and stays as large as it was."""

import asyncio
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from convscope.web.sources import builtin, painted

USERS, VISITS = 50, 4
MALFORMED = 1000
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


class Alone:
    """The lab's process."""

    def __init__(self, folder: Path):
        command = [sys.executable, str(Path(__file__).with_name("serving.py")), str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip().rstrip("/")

    @property
    def memory(self) -> int:
        """Bytes that it holds now."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    lab = Alone(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.process.kill()
    lab.process.communicate()


def strokes(user: int) -> str:
    """A drawing that no other visitor makes."""
    cells = builtin("ring")[..., 0].repeat(2, 0).repeat(2, 1)[2:30, 2:30].copy()
    cells[user % 28] = 255
    return painted(cells)


def test_fifty_visitors_at_once(alone, capsys):
    """Each moves through two rooms, one request after the other, as fast as it is answered."""
    took: dict[str, list[float]] = {"kernel": [], "sees": []}

    async def visitor(client: httpx.AsyncClient, user: int) -> None:
        for visit in range(VISITS):
            for room, path, asked in (
                ("kernel", "/api/kernel/apply", kernel_request(user, visit)),
                ("sees", "/api/sees/look", sees_request(user, visit)),
            ):
                start = time.perf_counter()
                answer = await client.post(path, json=asked)
                took[room].append(time.perf_counter() - start)
                assert answer.status_code == 200, answer.text

    async def all_of_them() -> None:
        limits = httpx.Limits(max_connections=USERS)
        async with httpx.AsyncClient(base_url=alone.address, timeout=60, limits=limits, trust_env=False) as client:
            for path, asked in (("kernel/apply", kernel_request(0, 0)), ("sees/look", sees_request(0, 0))):
                await client.post(f"/api/{path}", json=asked)  # what is read when first needed
            await asyncio.gather(*(visitor(client, user) for user in range(USERS)))

    with ThreadPoolExecutor(1) as apart:  # Playwright's loop may run in this thread
        apart.submit(asyncio.run, all_of_them()).result()
    assert all(len(times) == USERS * VISITS for times in took.values())
    with capsys.disabled():
        for room, times in took.items():
            middle, late = statistics.median(times), statistics.quantiles(times, n=20)[-1]
            print(f"\n{USERS} visitors in the room {room}: median {1000 * middle:.0f} ms, p95 {1000 * late:.0f} ms")


def kernel_request(user: int, visit: int) -> dict:
    return {"picture": "builtin:ring", "kernel": [[-1, 0, 1], [-2, 0, 2], [-1, 0, user + visit]]}


def sees_request(user: int, visit: int) -> dict:
    return {"picture": strokes(user + visit)}


def test_a_thousand_malformed_requests(alone, capsys):
    """Of its own description, what is not allowed, and some that is: no mistake of the lab's, no memory that stays."""
    schema = schemathesis.openapi.from_url(f"{alone.address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]  # pyright: ignore[reportAttributeAccessIssue]
    statuses: Counter[int] = Counter()
    memory: list[int] = []
    with requests.Session() as session:
        session.trust_env = False

        def ask(case: schemathesis.Case) -> None:
            answer = case.call(base_url=alone.address, session=session, timeout=30)
            statuses[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        malformed = [each for each in operations if asked(ask, each, GenerationMode.NEGATIVE, 1)]
        while sum(statuses.values()) < MALFORMED:
            for operation in malformed:
                asked(ask, operation, GenerationMode.NEGATIVE, -(-MALFORMED // len(malformed)), sum(statuses.values()))
                memory.append(alone.memory)
        for operation in operations:
            asked(ask, operation, GenerationMode.POSITIVE, 5)
    assert max(statuses) < 500
    assert alone.process.poll() is None
    half = len(memory) // 2
    with capsys.disabled():
        print(f"\n{sum(statuses.values())} requests to {len(operations)} operations: {dict(sorted(statuses.items()))}")
        print(f"memory {memory[0] >> 20} MB, {memory[half] >> 20} MB half way, {memory[-1] >> 20} MB at the end")
    assert memory[-1] - memory[half] < 32 * 2**20


def asked(
    ask: Callable[[schemathesis.Case], None],
    operation: schemathesis.APIOperation,
    mode: GenerationMode,
    n: int,
    start: int = 0,
) -> bool:
    """Ask up to `n` cases; False where there are none, as for a request that takes nothing."""
    checks: Any = list(HealthCheck)
    quietly = settings(max_examples=n, phases=[Phase.generate], suppress_health_check=checks, deadline=None)
    try:
        seed(start)(quietly(given(case=operation.as_strategy(mode))(ask)))()
    except Unsatisfiable:
        return False
    return True
