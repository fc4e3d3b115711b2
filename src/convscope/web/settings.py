"""What one lab is started with, and the limits it keeps."""

from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Limits:
    """How much one lab takes in and does at once."""

    body: int = 2**18
    """bytes of a request that brings no file"""
    upload: int = 20 * 2**20
    """bytes of a file"""
    pixels: int = 2**24
    """of an uploaded picture: 16 million"""
    seconds: float = 20
    """for a request's body to arrive, and for a file to be decoded"""
    uploading: int = 4
    """files that arrive at the same time"""
    kept: int = 2**28
    """bytes of uploads kept; beyond, the oldest go"""
    waiting: int = 8
    """jobs in the queue"""
    listening: int = 64
    """pages that follow a job at the same time"""


@dataclass(frozen=True)
class Settings:
    """One lab.

    folder  where uploads, trained networks and atlases of this lab are kept
    hosts   the names by which it may be called; what comes under another one is refused (DNS rebinding)
    token   what a visitor must know; None: nothing, which is for the loopback only
    atlases more atlases to show, by the names that stand in links
    """

    folder: Path
    hosts: frozenset[str] = LOOPBACK
    token: str | None = None
    atlases: dict[str, Path] = field(default_factory=dict)
    limits: Limits = Limits()
