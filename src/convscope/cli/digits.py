"""`convscope train digits`, `convscope evaluate digits` and `convscope predict digits`."""

from pathlib import Path
from typing import Annotated

import typer

from convscope.cli.commands import BAD_INPUT, Data, Json, Seed, print_json, say_error, say_skipped
from convscope.cli.network import the_network
from convscope.errors import InputError

EPOCHS, BATCH = 20, 64  # those of nn.train.Recipe, which is too heavy to import for --help

Weights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        readable=False,
        help="A trained LeNet-5 (.safetensors). [default: trained now, or what was trained before]",
        show_default=False,
    ),
]


def train(
    data: Data = None,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="How often every picture is learned from.")] = EPOCHS,
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="Pictures per step.")] = BATCH,
    seed: Seed = 0,
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="T", help="Processor cores to use. [default: all]", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", readable=False, help="The weights to write.")] = Path(
        "lenet5.safetensors"
    ),
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--fresh", help="Go on where a stopped training of the same settings was, or begin anew."
        ),
    ] = True,
    as_json: Json = False,
) -> None:
    """Train LeNet-5 on handwritten digits, or on any pictures in the same form.

    Stopped with Ctrl-C, it goes on later where it was, to the same result.

    \b
    Examples:
      convscope train digits
      convscope train digits --seed 1 --epochs 20 --out lenet5-seed1.safetensors
      convscope train digits --data fashion-mnist --out fashion.safetensors --json
    """
    from convscope.nn.progress import progress_bar
    from convscope.nn.train import Recipe
    from convscope.ops.fast.compiled import set_threads
    from convscope.tasks import digits, trained

    recipe = Recipe(epochs=epochs, batch=batch, seed=seed)
    if threads:
        set_threads(threads)
    trained.check_can_keep(out)
    pictures = digits.load(data)
    say_skipped(pictures.skipped)
    with progress_bar(quiet=as_json) as tell:
        network = trained.fit_and_save(pictures, recipe, out, resume=resume, tell=tell)
    verdict = trained.judge(network.network, pictures)
    if as_json:
        print_json({"weights": str(out), "recipe": network.told, "history": network.history, "test": verdict.as_dict()})
        return
    for row in network.history:
        typer.echo(
            f"epoch {row['epoch']:>3.0f}  loss {row['train_loss']:.4f}  accuracy {row['train_accuracy']:.2%}  "
            f"validation loss {row['validation_loss']:.4f}  accuracy {row['validation_accuracy']:.2%}  "
            f"{row['images_per_second']:,.0f} images/s"
        )
    typer.echo(verdict)
    typer.echo(f"weights in {out}")


def evaluate(weights: Weights = None, data: Data = None, as_json: Json = False) -> None:
    """Read the test pictures: how many rightly, which class as which, and the worst mistakes.

    \b
    Examples:
      convscope evaluate digits
      convscope evaluate digits --weights fashion.safetensors --data fashion-mnist --json
    """
    from convscope.tasks import digits, trained

    pictures = digits.load(data)
    say_skipped(pictures.skipped)
    network = the_network(weights, pictures, quiet=as_json)
    if network.classes != pictures.classes:
        raise InputError(
            f"the network tells {', '.join(network.classes)} apart, and the classes of {pictures.name} are "
            f"{', '.join(pictures.classes)}; name weights and data that belong together"
        )
    verdict = trained.judge(network.network, pictures)
    if as_json:
        print_json({"recipe": network.told, "trained_on": network.data, "test": verdict.as_dict()})
    else:
        typer.echo(verdict)


def predict(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", readable=False, help="Photos or scans, one digit each.")
    ],
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Read the digit in each picture: the class, how sure the network is, and what it would say else.

    A digit may be dark on light or light on dark, anywhere in the picture; it is cut out, centred and scaled
    as MNIST's are. A file that cannot be read gets its line on stderr, the others are still read, and the
    exit status is 2.

    \b
    Examples:
      convscope predict digits seven.jpg
      convscope predict digits scans/*.png --weights lenet5.safetensors --json
    """
    from convscope import ops
    from convscope.tasks import digits

    network = the_network(weights, quiet=as_json)
    answers: list[dict[str, object]] = []
    failed = False
    for file in files:
        try:
            pixels = digits.read_digit(file)
        except InputError as problem:
            failed = True
            answers.append({"file": str(file), "error": str(problem)})
            if not as_json:
                say_error(problem)
            continue
        probabilities = ops.softmax(network.network.predict(digits.normalise(pixels[None])))[0]
        second, best = (int(index) for index in probabilities.argsort()[-2:])
        answer = {
            "file": str(file),
            "class": network.classes[best],
            "probability": float(probabilities[best]),
            "runner_up": network.classes[second],
            "runner_up_probability": float(probabilities[second]),
        }
        answers.append(answer)
        if not as_json:
            typer.echo(
                f"{file}: {answer['class']} ({answer['probability']:.1%}; "
                f"next {answer['runner_up']}, {answer['runner_up_probability']:.1%})"
            )
    if as_json:
        print_json({"predictions": answers})
    if failed:
        raise typer.Exit(BAD_INPUT)
