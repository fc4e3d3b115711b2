"""The commands about spoken words: `train`, `evaluate`, `predict` and `ablate speech`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convscope.cli.commands import BAD_INPUT, Json, Seed, print_json, progress_bar, say_error
from convscope.cli.training import (
    Accelerator,
    Batch,
    Devices,
    Epochs,
    Nodes,
    Out,
    Patience,
    Rate,
    Resume,
    Seeds,
    Strategy,
    Threads,
    Weights,
    given,
    machines,
    say_left_out,
)
from convscope.errors import InputError

if TYPE_CHECKING:
    from convscope.tasks.speech.recordings import Recordings

Spoken = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR|CSV",
        readable=False,
        help="Recordings: a folder with a folder for each word, or of files named word_speaker_take.wav, or a .csv "
        "with the columns file, label and perhaps speaker. [default: synthetic voices]",
        show_default=False,
    ),
]
Words = Annotated[
    str | None,
    typer.Option(
        metavar="W,W,...",
        help="Only these words; or those that the synthetic voices say. [default: all; zero to nine]",
        show_default=False,
    ),
]
Voices = Annotated[
    int | None,
    typer.Option(metavar="N", help="How many synthetic voices speak. [default: 200]", show_default=False),
]
Language = Annotated[str, typer.Option(metavar="L", help="The language of the synthetic voices: en, de, fr, cmn, ...")]


def train(
    data: Spoken = None,
    words: Words = None,
    kernels: Annotated[
        str, typer.Option(metavar="K", help="Its kernels move along: both, frequency, time; or connected, for none.")
    ] = "both",
    pool: Annotated[bool, typer.Option("--pool/--no-pool", help="Only the larger of two neighbours goes on.")] = True,
    sections: Annotated[
        int, typer.Option(metavar="N", help="Parts of the frequencies with kernels of their own; 0 for none.")
    ] = 0,
    size: Annotated[int, typer.Option(metavar="N", help="How many weights, whatever the kernels.")] = 40_000,
    voices: Voices = None,
    language: Language = "en",
    epochs: Epochs = None,
    batch: Batch = None,
    rate: Rate = None,
    patience: Patience = None,
    seed: Seed = 0,
    out: Out = Path("speech.safetensors"),
    resume: Resume = True,
    threads: Threads = None,
    accelerator: Accelerator = "cpu",
    devices: Devices = 1,
    nodes: Nodes = 1,
    strategy: Strategy = "auto",
    as_json: Json = False,
) -> None:
    """Train a network to know spoken words: your own recordings, or synthetic voices that say any list of words.

    A tenth of the speakers chooses the epoch and how sure is sure enough, another tenth tests. Stopped with Ctrl-C, it
    goes on later where it was, to the same result.

    \b
    Examples:
      convscope train speech --words yes,no,stop --out commands.safetensors
      convscope train speech --data recordings --kernels frequency --out own.safetensors
    """
    from dataclasses import replace

    from convscope.tasks import keeping
    from convscope.tasks.speech import judging, training
    from convscope.tasks.speech.network import Settings
    from convscope.tasks.speech.splits import split

    recipe = replace(training.RECIPE, seed=seed, **given(epochs=epochs, batch=batch, rate=rate, patience=patience))
    where = machines(accelerator, devices, nodes, strategy, threads)
    Settings(2, kernels, pool, sections, size)  # says what is wrong with them before the recordings are read
    keeping.check_can_keep(out)
    spoken = _spoken(data, words, voices, language, seed, as_json)
    parts = split(spoken, seed=seed)
    settings = Settings(len(spoken.words), kernels, pool, sections, size)
    with progress_bar("train", quiet=as_json) as progress:
        trained = keeping.fitted(
            out,
            lambda checkpoint: training.train(
                spoken, parts, settings, recipe, checkpoint=checkpoint, machines=where, progress=progress
            ),
            lambda made: training.save(made, out),
            resume=resume,
        )
    verdict = judging.judge(trained, spoken.of(parts.test))
    if as_json:
        facts = {"weights": str(out), "split": parts.how, "history": trained.history, "test": verdict.as_dict()}
        print_json(facts)
        return
    typer.echo(
        f"{len(parts.train)} recordings of {spoken.name} learned from, {len(parts.validation)} to validate on, split "
        f"{parts.how}"
    )
    typer.echo(verdict)
    typer.echo(f"weights in {out}")


def evaluate(
    weights: Weights,
    data: Spoken = None,
    words: Words = None,
    voices: Voices = None,
    language: Language = "en",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """How well a network knows the words in recordings, by speaker; all of them are asked for.

    Without --data, synthetic voices say the network's words; with the seed of a training, those it learned from.

    \b
    Examples:
      convscope evaluate speech speech.safetensors --data recordings
      convscope evaluate speech speech.safetensors --seed 1 --json
    """
    from convscope.tasks.speech import judging, training

    trained = training.load(weights)
    spoken = _spoken(data, words or ",".join(trained.words) if data is None else words, voices, language, seed, as_json)
    verdict = judging.judge(trained, spoken)
    if as_json:
        print_json({"weights": str(weights), "test": verdict.as_dict()})
    else:
        typer.echo(verdict)


def predict(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", readable=False, help="Recordings, one word each.", show_default=False),
    ] = None,
    weights: Annotated[
        Path, typer.Option(metavar="FILE", readable=False, help="A network of `convscope train speech`.")
    ] = Path("speech.safetensors"),
    microphone: Annotated[bool, typer.Option("--mic", help="Listen to the microphone for two seconds.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            readable=False,
            help="Draw each word's spectrogram into this folder, with what carried the decision.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Name the word in each recording, of any length, rate and number of channels; or say that it is unknown.

    A file that cannot be read gets its line on stderr, the others are still read, and the exit status is 2.

    \b
    Examples:
      convscope predict speech yes.wav no.mp3 --weights commands.safetensors
      convscope predict speech --mic -o heard
    """
    from convscope.cli.lens import this_command
    from convscope.files import check_can_write, write_whole
    from convscope.pictures import png
    from convscope.tasks.speech import audio, predicting, training

    if not files and not microphone:
        raise InputError("predict speech: no recording; name files, or give --mic")
    trained = training.load(weights)
    sources = [(str(file), lambda file=file: audio.read(file)) for file in files or []]
    sources += [("microphone", audio.listen)] if microphone else []
    names = _file_names([name for name, _ in sources])
    if output is not None:
        check_can_write(output / f"{names[0]}.png")
    answers: list[dict[str, object]] = []
    for (source, listen), name in zip(sources, names, strict=True):
        try:
            heard = predicting.hear(trained, listen())
        except InputError as problem:
            line = str(problem) if str(problem).startswith(source) else f"{source}: {problem}"
            answers.append({"file": source, "error": line})
            if not as_json:
                say_error(line)
            continue
        answer = {"file": source, **heard.as_dict()}
        if output is not None:
            recipe = {"recording": source, "weights": str(weights), "command": this_command()}
            drawn = write_whole(output / f"{name}.png", png(predicting.drawn(trained, heard, name), recipe))
            answer["picture"] = str(drawn)
        answers.append(answer)
        if not as_json:
            typer.echo(f"{source}: {heard}")
    if as_json:
        print_json({"predictions": answers})
    if any("error" in answer for answer in answers):
        raise typer.Exit(BAD_INPUT)


def ablate(
    data: Spoken = None,
    words: Words = None,
    seeds: Seeds = 3,
    kinds: Annotated[
        str | None,
        typer.Option(metavar="K;K;...", help="Only these kinds, with semicolons between.", show_default=False),
    ] = None,
    varied: Annotated[
        bool, typer.Option("--varied/--plain", help="Learn from words that are varied each time, or as they are.")
    ] = True,
    voices: Voices = 24,
    language: Language = "en",
    epochs: Epochs = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Along which axis should a kernel move? Networks of equal size on speakers that they never heard.

    Each speaker, or each of six groups of them, is left out in turn; the recordings are tested as they are, under
    other vocal tracts and at other times. Stopped with Ctrl-C, it goes on after the runs that were over.

    \b
    Examples:
      convscope ablate speech --data recordings --seeds 3
      convscope ablate speech --plain --kinds "frequency;time" --json
    """
    from dataclasses import replace

    from convscope.tasks.runs import digest, until_done
    from convscope.tasks.speech.ablate import KINDS
    from convscope.tasks.speech.ablate import ablate as ablated
    from convscope.tasks.speech.training import RECIPE

    machines("cpu", 1, 1, "auto", threads)
    chosen = tuple(kind.strip() for kind in kinds.split(";")) if kinds else tuple(KINDS)
    spoken = _spoken(data, words, voices, language, 0, as_json)
    recipe = replace(RECIPE, **given(epochs=epochs))
    subject = (digest(spoken.samples, spoken.labels), spoken.words, recipe)
    with until_done("speech", *subject) as kept, progress_bar("ablate", quiet=as_json) as progress:
        found = ablated(spoken, chosen, seeds, varied, recipe, kept=kept, progress=progress)
    if as_json:
        print_json(found.as_dict())
    else:
        typer.echo(str(found))


def _spoken(
    data: Path | None, words: str | None, voices: int | None, language: str, seed: int, quiet: bool
) -> "Recordings":
    """The recordings that the options mean; what of them could not be used is said on stderr."""
    from convscope.tasks.speech import recordings
    from convscope.tasks.speech import voices as synthetic

    chosen = tuple(word.strip() for word in words.split(",")) if words else None
    with progress_bar("read" if data else "speak", quiet=quiet) as progress:
        if data is None:
            how = given(voices=voices)
            return synthetic.spoken(
                chosen or recordings.DIGITS, language=language, seed=seed, progress=progress, **how
            )
        found = recordings.read(data, chosen, progress)
    say_left_out("recordings", found.skipped)
    return found


def _file_names(sources: list[str]) -> list[str]:
    """A name for the picture of each; equal ones are numbered."""
    stems = [Path(source).stem for source in sources]
    return [stem if stems.count(stem) == 1 else f"{stem}-{k + 1}" for k, stem in enumerate(stems)]
