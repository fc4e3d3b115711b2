"""What all rooms of one lab share."""

from collections import OrderedDict
from threading import Lock
from typing import Annotated, final

import numpy as np
from fastapi import Depends, Request

from convscope.web.decoding import Decoder
from convscope.web.jobs import Jobs
from convscope.web.settings import Settings
from convscope.web.uploads import Uploads

REMEMBERED = 8
"""Decoded uploads at hand."""


@final
class Lab:
    """The settings, the queue of jobs, the uploads and who decodes them."""

    def __init__(self, settings: Settings):
        limits = settings.limits
        self.settings = settings
        self.jobs = Jobs(limits.waiting)
        self.uploads = Uploads(settings.folder / "uploads", limits.kept)
        self.decoder = Decoder(limits.seconds, limits.pixels)
        self.listening = 0
        """pages that follow a job now"""
        self._decoded: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = Lock()

    def decoded(self, identity: str) -> np.ndarray:
        """The uploaded picture, uint8 (h, w, 1) or (h, w, 3). Raises InputError where it is none, or is gone."""
        with self._lock:
            if identity in self._decoded:
                self._decoded.move_to_end(identity)
                return self._decoded[identity]
        pixels = self.decoder.picture(self.uploads.read(identity), "the uploaded file")
        with self._lock:
            self._decoded[identity] = pixels
            while len(self._decoded) > REMEMBERED:
                self._decoded.popitem(last=False)
        return pixels

    def close(self) -> None:
        self.jobs.close()
        self.decoder.close()


def _lab(request: Request) -> Lab:
    return request.app.state.lab


TheLab = Annotated[Lab, Depends(_lab)]
"""The lab, as a parameter of whatever answers requests."""
