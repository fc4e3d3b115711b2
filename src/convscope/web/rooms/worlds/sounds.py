"""Sounds: a word, recorded, uploaded or spoken by a synthetic voice; which it is, and what carried the decision."""

import base64
import importlib.util
import re
from typing import Annotated, Any, Literal

import numpy as np
import torch
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from convscope.errors import InputError
from convscope.lens.shown.portray import heat
from convscope.pictures import Picture, grey
from convscope.tasks.fitting import Held, answers
from convscope.tasks.speech import audio
from convscope.tasks.speech.look import FULL_COLOUR, carried
from convscope.tasks.speech.melspectrogram import BANDS, FRAMES, HOP, edges
from convscope.tasks.speech.predicting import UNKNOWN, hear
from convscope.web import sounding
from convscope.web.lab import Lab, TheLab
from convscope.web.rooms.worlds import networks
from convscope.web.uploads import IDENTITY

router = APIRouter()

VOICES = ("en-US", "en-US+f2", "en-GB-x-rp", "en-GB-scotland+f4", "en-US+m3", "en-029+f1")
Voice = Literal["en-US", "en-US+f2", "en-GB-x-rp", "en-GB-scotland+f4", "en-US+m3", "en-029+f1"]


class Saying(BaseModel):
    """What a synthetic voice is to say."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=24)]
    voice: Voice = "en-US"
    words_a_minute: Annotated[int, Field(ge=80, le=300)] = 160


class Asked(BaseModel):
    """source: `word:NAME`, which comes along, or `upload:ID`. about: the word the shares are for; "": the likeliest."""

    model_config = ConfigDict(extra="forbid")

    source: Annotated[str, Field(max_length=60)]
    about: Annotated[str, Field(max_length=20)] = ""


@router.get("/words")
def words() -> dict[str, Any]:
    """The words that the network knows, how well, and the synthetic voices, where they are installed."""
    network = networks.listener()
    return {
        "words": network.words,
        "examples": list(networks.voices()),
        "threshold": network.confidence.threshold,
        "measured": networks.measured(networks.WORDS),
        "voices": list(VOICES) if importlib.util.find_spec("espeakng_loader") else [],
    }


@router.post(
    "/sound",
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}},
)
async def sound(lab: TheLab, request: Request) -> dict[str, str]:
    """Keep a recording, the body as it is (wav, flac, ogg, mp3); answers with its source."""
    data = await request.body()
    if not data:
        raise InputError("the recording is empty; choose a file with sound")
    return await run_in_threadpool(_kept, lab, data)


@router.post("/said")
def said(lab: TheLab, asked: Saying) -> dict[str, str]:
    """Keep what a synthetic voice says; answers with its source."""
    order = asked.text, asked.voice, asked.words_a_minute
    data = lab.decoder.run(sounding.said, *order, what=f"word {asked.text!r}:", again="give another word")
    return {"source": f"upload:{lab.uploads.keep(data)}"}


@router.get("/sound", responses={200: {"content": {"audio/wav": {}}}})
def played(lab: TheLab, source: str) -> Response:
    """A sound as a WAV file: mono, 8 kHz, as the network hears it."""
    return Response(_file(lab, source), media_type="audio/wav", headers={"Cache-Control": "private, max-age=3600"})


@router.post("/heard")
def heard(lab: TheLab, asked: Asked) -> dict[str, Any]:
    """Which word it is, how sure, and what of its spectrogram spoke for a word or against it."""
    network = networks.listener()
    if asked.about and asked.about not in network.words:
        raise InputError(f"about={asked.about!r}: the network knows {', '.join(network.words)}; name one of them")
    found = hear(network, sounding.samples_of(_file(lab, asked.source)))
    about = asked.about or found.best
    picture = torch.from_numpy(found.picture)[None, None]
    logits = answers(network.network, Held(picture, torch.zeros(1, dtype=torch.int64)))
    shares = carried(network, found.picture, network.words.index(about))
    limit = float(np.percentile(np.abs(shares), FULL_COLOUR))
    plain = grey(-found.picture[::-1], -1, 0)
    return {
        "word": found.best,
        "known": found.word != UNKNOWN,
        "probabilities": network.confidence.probabilities(logits)[0].tolist(),
        "seconds": found.seconds,
        "cut": found.seconds > audio.SECONDS,
        "about": about,
        "rows": BANDS,
        "columns": FRAMES,
        "hertz": edges()[1:-1][::-1].round().tolist(),
        "step": HOP / audio.RATE,
        "heard": {"colours": _bytes(plain), "values": found.picture[::-1].round(3).tolist()},
        "carried": {
            "colours": _bytes(heat(plain, shares[::-1], limit)),
            "values": shares[::-1].round(4).tolist(),
            "limit": limit,
        },
        "python": _python(asked.source, about),
    }


def _kept(lab: Lab, data: bytes) -> dict[str, str]:
    name = "the recording"
    wav = lab.decoder.run(sounding.read, data, name, what=f"{name}: this file", again="save it again as WAV")
    return {"source": f"upload:{lab.uploads.keep(wav)}"}


def _file(lab: Lab, source: str) -> bytes:
    kind, _, value = source.partition(":")
    if kind == "word" and value in networks.voices():
        return sounding.written(networks.voices()[value])
    if kind == "upload" and re.fullmatch(IDENTITY, value):
        return lab.uploads.read(value)
    raise InputError(f"sound={source[:60]!r}: give word:NAME ({', '.join(networks.voices())}) or upload:ID")


def _bytes(picture: Picture) -> str:
    return base64.b64encode(picture.tobytes()).decode()


def _python(source: str, about: str) -> str:
    kind, _, value = source.partition(":")
    folder = 'files("convscope") / "data" / "worlds"'
    samples = f'np.load({folder} / "digits.npz")["{value}"] / np.float32(32768)'
    read = 'audio.read("word.wav")  # the sound, saved from the page'
    return "\n".join([
        "from importlib.resources import files",
        "",
        *(["import numpy as np", ""] if kind == "word" else []),
        f"from convscope.tasks.speech import {'' if kind == 'word' else 'audio, '}look, predicting, training",
        "",
        networks.python("training", networks.WORDS),
        f"samples = {samples if kind == 'word' else read}",
        "heard = predicting.hear(network, samples)",
        f'carried = look.carried(network, heard.picture, network.words.index("{about}"))',
        "print(heard)",
    ])  # fmt: skip
