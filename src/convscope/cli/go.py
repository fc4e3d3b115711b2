"""The commands about Go: `train`, `evaluate`, `predict` and `ablate go`, and `convscope go gtp` to play."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convscope.cli.commands import Json, Seed, print_json, progress_bar, say_error
from convscope.cli.lens import this_command
from convscope.cli.training import (
    Accelerator,
    Batch,
    Chart,
    Devices,
    Epochs,
    Nodes,
    Out,
    Patience,
    Precision,
    Rate,
    Resume,
    Seeds,
    Strategy,
    Threads,
    Weights,
    given,
    machines,
    say_left_out,
    say_notice,
)
from convscope.errors import InputError

if TYPE_CHECKING:
    from convscope.tasks.go.sgf import Game
    from convscope.tasks.go.training import Trained

Games = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR",
        readable=False,
        help="SGF records: a folder, an archive (zip, tar) or a file; may be given several times. "
        "[default: the games that come with convscope]",
        show_default=False,
    ),
]
Size = Annotated[int, typer.Option(metavar="N", help="Lines of the board; other games are left out.")]
Player = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        readable=False,
        help="A network of `convscope train go`. [default: trained now on the games that come with convscope, or kept "
        "from before]",
        show_default=False,
    ),
]


def train(
    games: Games = None,
    size: Size = 19,
    features: Annotated[
        str, typer.Option(metavar="F", help="What it is shown: the bare board, or planes of what the rules make of it.")
    ] = "planes",
    width: Annotated[int, typer.Option(min=1, metavar="N", help="Kernels a layer.")] = 64,
    depth: Annotated[int, typer.Option(min=1, metavar="N", help="Layers of convolution before the head.")] = 6,
    epochs: Epochs = None,
    batch: Batch = None,
    rate: Rate = None,
    patience: Patience = None,
    seed: Seed = 0,
    out: Out = Path("go.safetensors"),
    resume: Resume = True,
    threads: Threads = None,
    accelerator: Accelerator = "cpu",
    devices: Devices = 1,
    nodes: Nodes = 1,
    strategy: Strategy = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """Train a network to name the next move in games of Go.

    Eight games of ten are learned from, one of ten chooses the epoch that is kept, and the last tenth tests. Stopped
    with Ctrl-C, it goes on later where it was, to the same result.

    \b
    Examples:
      convscope train go --size 9 --out nine.safetensors
      convscope train go --games /usr/share/goban --features board --out professional.safetensors
    """
    from convscope.tasks import keeping
    from convscope.tasks.go import training
    from convscope.tasks.go.network import Settings

    settings = Settings(size, features, width, depth)
    recipe = replace(training.RECIPE, seed=seed, **given(epochs=epochs, batch=batch, rate=rate, patience=patience))
    where = machines(accelerator, devices, nodes, strategy, threads, precision)
    keeping.check_can_keep(out)
    found = _read(games, size)
    with progress_bar("train", quiet=as_json) as progress:
        trained = keeping.fitted(
            out,
            lambda checkpoint: training.train(
                found, settings, recipe, checkpoint=checkpoint, machines=where, progress=progress
            ),
            lambda made: training.save(made, out),
            resume=resume,
        )
    for row in () if as_json else trained.history:
        typer.echo(
            f"epoch {row['epoch']:>3.0f}  loss {row['train_loss']:.4f}  validation loss {row['validation_loss']:.4f}  "
            f"first {row['validation_accuracy']:.1%}  {row['seconds']:,.0f} s"
        )
    _tell_test(trained, found, as_json, {"weights": str(out), "history": trained.history})
    if not as_json:
        typer.echo(f"weights in {out}")


def evaluate(weights: Weights, games: Games = None, as_json: Json = False) -> None:
    """How often a network names the move that was played, first or among its first five, beside three simple guesses.

    It is asked about the tenth of the games that training on them leaves out.

    \b
    Examples:
      convscope evaluate go nine.safetensors
      convscope evaluate go professional.safetensors --games /usr/share/goban --json
    """
    from convscope.tasks.go import training

    trained = training.load(weights)
    _tell_test(trained, _read(games, trained.settings.size), as_json, {"weights": str(weights)})


def predict(
    record: Annotated[Path, typer.Argument(metavar="GAME.sgf", readable=False, help="A game record.")],
    move: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Ask for move N: the board is shown as it was before it. [default: the one after the last]",
            show_default=False,
        ),
    ] = None,
    weights: Player = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE.png", readable=False, help="Draw the board too.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """What a network would play in a game: the board, its five likeliest points, and what was played.

    \b
    Examples:
      convscope predict go game.sgf --move 47
      convscope predict go game.sgf --move 47 --weights professional.safetensors -o board.png
    """
    from convscope import pictures
    from convscope.files import check_can_write, write_whole
    from convscope.tasks.go.predict import predict as predicted

    if output is not None:
        pictures.check_ending(output.suffix)
        check_can_write(output)
    game = _one(record)
    trained = _player(weights, game.size, as_json)
    found = predicted(trained.probabilities, game, move)
    if output is not None:
        recipe = {"game": game.source, "move": found.number, "command": this_command()}
        write_whole(output, pictures.encoded(found.picture, output.suffix, recipe))
    if as_json:
        print_json(found.as_dict() | ({} if output is None else {"file": str(output)}))
    else:
        typer.echo(found.text(colour=True))  # typer takes the colours out where it writes to no terminal
        if output is not None:
            typer.echo(f"written: {output}")


def ablate(
    games: Games = None,
    size: Size = 19,
    seeds: Seeds = 3,
    epochs: Epochs = None,
    batch: Batch = None,
    rate: Rate = None,
    out: Chart = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """What pooling and full connection cost where a move is bound to its point: networks of equally many weights.

    Stopped with Ctrl-C, it goes on after the runs that were over.

    \b
    Examples:
      convscope ablate go --size 9
      convscope ablate go --games /usr/share/goban --seeds 3 --json
    """
    from convscope.files import check_can_write, write_whole
    from convscope.pictures import check_ending, encoded
    from convscope.tasks.go import ablation
    from convscope.tasks.runs import until_done

    if out is not None:
        check_ending(out.suffix)
        check_can_write(out)
    settings = replace(ablation.SMALL, size=size)
    recipe = replace(ablation.SHORT, **given(epochs=epochs, batch=batch, rate=rate))
    where = machines("cpu", 1, 1, "auto", threads, "auto")
    found = _read(games, size)
    subject = ([game.key for game in found], settings, recipe)
    with until_done("go", *subject) as kept, progress_bar("ablate", quiet=as_json) as progress:
        comparison = ablation.ablate(
            found, range(seeds), settings, recipe, machines=where, kept=kept, progress=progress
        )
    if out is not None:
        write_whole(out, encoded(ablation.chart(comparison), out.suffix, {"command": this_command()}))
    if as_json:
        print_json(comparison.as_dict())
    else:
        typer.echo(ablation.told(comparison))


def gtp(
    weights: Player = None,
    size: Annotated[int, typer.Option(metavar="N", help="Lines of the board, where no weights are given.")] = 19,
    temperature: Annotated[
        float, typer.Option(min=0, metavar="T", help="0 plays the likeliest point; more, less likely ones too.")
    ] = 0.0,
    seed: Seed = 0,
) -> None:
    """Play under the Go Text Protocol (version 2), on stdin and stdout, for any Go program that speaks it.

    \b
    Examples:
      convscope go gtp --weights nine.safetensors
      gogui -program "convscope go gtp --size 9 --temperature 0.5"
    """
    from convscope.tasks.go.gtp import Session, serve
    from convscope.tasks.go.rules import Board

    if weights is not None:
        size = _player(weights, size, True).settings.size
    Board(size)  # refuses sizes that no board has
    player = cache(lambda: _player(weights, size, True))  # when the first move is asked for: it may take a training
    session = Session(lambda boards: player().probabilities(boards), size, temperature, seed)
    lines = typer.get_text_stream("stdin", errors="replace")
    serve(session, lines, lambda answer: typer.echo(answer, nl=False))


def _read(games: list[Path] | None, size: int) -> "tuple[Game, ...]":
    """The games of one size, from where the options say; on stderr, what was found."""
    from convscope.tasks.go.games import shipped
    from convscope.tasks.go.sgf import read_games

    if not games:
        return shipped(size)
    found = read_games(games)
    own = tuple(game for game in found.games if game.size == size)
    others = len(found.games) - len(own)
    say_notice(
        f"{len(own)} games on {size}x{size} read, {len(found.skipped)} records skipped, {found.duplicates} duplicates "
        f"dropped" + (f", {others} on other boards left out" if others else "")
    )
    say_left_out("records", tuple(map(str, found.skipped)))
    if not own:
        sizes = ", ".join(f"{one}x{one}" for one in sorted({game.size for game in found.games}))
        there = f"all are on {sizes}; choose that by --size" if sizes else "name a folder of SGF records"
        raise InputError(f"games={', '.join(map(str, games))}: no game on {size}x{size}; {there}")
    return own


def _one(record: Path) -> "Game":
    """The game in a file; the first, where there are several."""
    from convscope.tasks.go.sgf import read_games

    if record.is_dir():
        raise InputError(f"{record}: is a folder; name one game record in it")
    found = read_games(record)
    if not found.games:
        raise InputError(f"{next(iter(found.skipped), f'{record}: no record')}; give the SGF record of a game")
    first, *others = found.games
    if others:
        say_error(f"{record}: holds {len(found.games)} games; this is the first")
    return first


def _player(weights: Path | None, size: int, quiet: bool) -> "Trained":
    """The network of a file, or the one for boards of that size that is trained here when it is first needed."""
    from convscope.tasks.go import training

    if weights is not None:
        return training.load(weights)
    with progress_bar("train", quiet=quiet) as progress:
        return training.cached(size, progress=progress)


def _tell_test(trained: "Trained", games: "tuple[Game, ...]", as_json: bool, facts: dict[str, Any]) -> None:
    """Evaluate on the part of the games that was not learned from, and print it, or it and `facts` as JSON."""
    from convscope.tasks.go import training
    from convscope.tasks.go.games import split
    from convscope.tasks.go.positions import Positions

    size, features = trained.settings.size, trained.settings.features
    learn, _, test = (Positions(part, size, features) for part in split(games))
    with progress_bar("test", quiet=as_json) as progress:
        verdict = training.evaluate(trained, learn, test, progress)
    if as_json:
        print_json({**facts, "test": verdict.as_dict()})
    else:
        typer.echo(str(verdict))
