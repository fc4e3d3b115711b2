"""Unfinished work on one picture, in a file, for the same call to go on with."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from convscope.errors import InputError
from convscope.files import AnyPath, check_can_write, write_whole

EVERY = 10.0
"""Seconds from one writing to the next."""


@dataclass
class Kept:
    """Work at step `step` of scale `scale`, with the best picture so far; None before the first is found."""

    scale: int
    step: int
    picture: Tensor


@dataclass
class Keeper:
    """Writes and finds the state of one call. path: None keeps nothing. call: what tells this call from others."""

    path: Path | None
    call: str
    _last: float = field(default_factory=monotonic)

    @classmethod
    def of(cls, path: AnyPath | None, parts: Iterable[object]) -> "Keeper":
        """For the call that these parts make: arrays by their values, all else by its `repr`.

        Raises InputError where the file could not be written.
        """
        if path is not None:
            path = check_can_write(path)
        digest = sha256()
        for part in parts:
            data = part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode()
            digest.update(f"{getattr(part, 'shape', '')}{len(data)}:".encode() + data)
        return cls(path, digest.hexdigest())

    def find(self) -> Kept | None:
        """What was kept; None where nothing was. Raises InputError for a file of another call, or of another kind."""
        if self.path is None or not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                notes, picture = file.metadata() or {}, file.get_tensor("picture")
            call, scale, step = notes["call"], int(notes["scale"]), int(notes["step"])
        except (SafetensorError, OSError, KeyError, ValueError):
            raise InputError(f"keep={str(self.path)!r}: not the state of unfinished style; name another file") from None
        if call != self.call:
            raise InputError(
                f"keep={str(self.path)!r}: the state of other pictures or settings; remove it to begin anew, or name "
                "another file"
            )
        return Kept(scale, step, picture)

    def note(self, kept: Kept, *, now: bool = False) -> None:
        """Write the state if it is time, or at once."""
        if self.path is None or not (now or monotonic() - self._last >= EVERY):
            return
        notes = {"call": self.call, "scale": str(kept.scale), "step": str(kept.step)}
        write_whole(self.path, save({"picture": kept.picture.detach().cpu().to(torch.float32).contiguous()}, notes))
        self._last = monotonic()

    def done(self) -> None:
        """Remove the file: the work is finished."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
