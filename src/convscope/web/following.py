"""Jobs over HTTP: how far one is (server-sent events), what it made, and stopping it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from convscope.web.jobs import Job
from convscope.web.lab import TheLab
from convscope.web.problems import Busy

router = APIRouter(prefix="/api/jobs", tags=["jobs"])
STILL_HERE = 15
"""Seconds after which a silent stream says that it is alive."""


def found(lab: TheLab, identity: str) -> Job:
    try:
        return lab.jobs.find(identity)
    except KeyError:
        raise HTTPException(404, "no such job, or it was too long ago; start it again") from None


@router.get("/{identity}")
def job(lab: TheLab, identity: str) -> dict[str, Any]:
    """The job as it stands."""
    job = found(lab, identity)
    return {**job.told(), "ahead": lab.jobs.ahead(job)}


@router.delete("/{identity}")
def stop(lab: TheLab, identity: str) -> dict[str, Any]:
    """Stop it; one that is over stays as it is."""
    job = found(lab, identity)
    if not job.over:
        lab.jobs.stop(job)
    return job.told()


@router.get("/{identity}/files/{name}")
def file(lab: TheLab, identity: str, name: str, download: bool = False) -> Response:
    """What the job made, by the names that the job tells."""
    made = found(lab, identity).files.get(name)
    if made is None:
        raise HTTPException(404, "the job has made no file of that name, or not yet")
    headers = {"Content-Disposition": f"attachment; filename*=utf-8''{quote(name)}"} if download else {}
    return Response(made.data, media_type=made.kind, headers=headers)


@router.get("/{identity}/events")
async def events(
    lab: TheLab, request: Request, identity: str, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """Everything the job says, from the start or from where the reader was cut off; ends with the job."""
    job = found(lab, identity)
    if lab.listening >= lab.settings.limits.listening:
        raise Busy(f"{lab.listening} pages follow jobs already; come back in 30 seconds", 30)
    read = int(last_event_id) if re.fullmatch(r"\d{1,9}", last_event_id or "") else 0  # type: ignore[arg-type]
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(lab, job, read), media_type="text/event-stream", headers=headers)


async def _stream(lab: TheLab, job: Job, read: int) -> AsyncIterator[str]:
    loop, fresh = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(fresh.set)

    lab.listening += 1
    try:
        with job.listening(wake):
            while True:
                fresh.clear()
                over = job.over  # before reading: what is said after it is still to come
                for number, event in job.since(read):
                    yield f"id: {number}\ndata: {json.dumps(event)}\n\n"
                    read = number
                if over:
                    yield "event: end\ndata: {}\n\n"
                    return
                try:
                    async with asyncio.timeout(STILL_HERE):
                        await fresh.wait()
                except TimeoutError:
                    yield ": still here\n\n"
    finally:
        lab.listening -= 1
