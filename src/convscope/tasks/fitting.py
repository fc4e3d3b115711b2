"""One way to train any network of the tasks: examples in, weights of the best epoch out, by PyTorch Lightning."""

import signal
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler

from convscope.errors import InputError
from convscope.tasks.extras import lightning

Progress = Callable[[int, int, str], None]
Vary = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
Row = dict[str, float]
WARM_UP = 0.1
"""The share of the steps in which the rate climbs; from there it falls to zero along a cosine."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: AdamW (Loshchilov and Hutter 2019) on cross-entropy.

    rate: the highest learning rate. decay: of the weights. patience: epochs without a better validation accuracy
    after which it stops, 0 for never. smoothing: of the labels. seed: orders the examples, and sets what dropout
    and the variations draw.

    Raises InputError for numbers out of range.
    """

    epochs: int = 10
    batch: int = 64
    rate: float = 1e-3
    decay: float = 0.0
    patience: int = 0
    smoothing: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        whole = self.epochs >= 1 and self.batch >= 1 and self.patience >= 0 and self.seed >= 0
        if not (whole and self.rate > 0 and self.decay >= 0 and 0 <= self.smoothing < 1):
            raise InputError(
                f"{self}: epochs and batch must be at least 1, rate above 0, smoothing from 0 to below 1, the others "
                "not negative"
            )


@dataclass(frozen=True)
class Machines:
    """Where Lightning trains, in its own words; and "auto" for a precision, which takes bfloat16 where the processor
    or the graphics card multiplies matrices of it."""

    accelerator: str = "cpu"
    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"
    precision: str = "32-true"

    @property
    def spelled(self) -> str:
        """The precision that Lightning is to be given."""
        if self.precision != "auto":
            return self.precision
        fast = torch.cpu._is_amx_tile_supported() if self.accelerator == "cpu" else torch.cuda.is_available()
        return "bf16-mixed" if fast else "32-true"


class Samples(ABC):
    """Examples to learn from, or to be asked about. Batches are made whole, as most data are fastest made so."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitems__(self, places: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Inputs (n, ...) and targets (n,), int64, of the examples at n places."""


@dataclass(frozen=True)
class Held(Samples):
    """Examples that lie in memory as they are."""

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def __getitems__(self, places: Sequence[int]) -> tuple[Tensor, Tensor]:
        chosen = torch.as_tensor(places)
        return self.inputs[chosen], self.targets[chosen]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """PyTorch's random numbers from `seed` in the block; afterwards they go on as if nothing had been."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def fit(
    model: nn.Module,
    train: Samples,
    validation: Samples,
    recipe: Recipe,
    *,
    vary: Vary | None = None,
    after_step: Callable[[nn.Module], None] | None = None,
    checkpoint: Path | None = None,
    subject: str = "",
    machines: Machines | None = None,
    progress: Progress | None = None,
) -> tuple[Row, ...]:
    """Train `model` in place; it ends with the weights of the epoch that read the validation examples best.

    model: gives logits (n, classes) for a batch's inputs. vary: changes every training batch, drawing from the
    generator it gets. after_step: may change the weights after each step. checkpoint: a file that holds every
    finished epoch; a training of the same `subject` and recipe goes on from it, to the same weights as one that was
    never stopped. The caller takes it away. progress(done, total, what) is called with every step.

    Gives a row for each epoch: epoch, train_loss, validation_loss, validation_accuracy (a share), seconds.

    On several devices each process runs this call; all but the first end with it (SystemExit).

    Raises InputError for examples that are too few, devices that are not there and losses that are not finite;
    KeyboardInterrupt with one line that says what is kept.
    """
    pl = lightning()
    machines = machines or Machines()
    if not len(train) or not len(validation):
        raise InputError(f"{len(train)} examples to learn from and {len(validation)} to validate on: give some of each")
    keeper = _Keeper(checkpoint, f"{subject} {recipe}")
    loops = _loops(pl)
    callbacks = [loops.Keep(keeper), loops.Tell(progress or (lambda done, total, what: None))]
    if recipe.patience:
        callbacks.append(pl.callbacks.EarlyStopping("validation_accuracy", patience=recipe.patience, mode="max"))
    with _quiet(), seeded(recipe.seed), _interruptible(keeper):
        try:
            trainer = pl.Trainer(
                accelerator=machines.accelerator,
                devices=machines.devices,
                num_nodes=machines.nodes,
                strategy=machines.strategy,
                precision=machines.spelled,
                max_epochs=recipe.epochs,
                callbacks=callbacks,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
            )
        except (pl.utilities.exceptions.MisconfigurationException, ValueError, RuntimeError) as problem:
            raise InputError(f"{machines}: {problem}") from problem
        batches = DataLoader(train, recipe.batch, sampler=_Shuffled(len(train), recipe.seed), collate_fn=_as_it_is)  # type: ignore[arg-type]
        held = DataLoader(validation, 4 * recipe.batch, collate_fn=_as_it_is)  # type: ignore[arg-type]
        known = keeper.found()
        trainer.fit(
            loops.Lesson(model, recipe, vary, after_step), batches, held, ckpt_path=known, weights_only=True
        )
        if trainer.global_rank:
            raise SystemExit(0)
    assert keeper.best is not None
    model.load_state_dict(keeper.best)
    model.cpu().eval()
    return tuple(keeper.rows)


def answers(model: nn.Module, samples: Samples, batch: int = 256, progress: Progress | None = None) -> np.ndarray:
    """Logits (n, classes), float32, of all examples; the network is left in the mode it was in."""
    training, found = model.training, []
    model.eval()
    try:
        with torch.inference_mode():
            for start in range(0, len(samples), batch):
                inputs, _ = samples.__getitems__(range(start, min(start + batch, len(samples))))
                found.append(model(inputs).float().numpy())
                if progress is not None:
                    progress(start + len(inputs), len(samples), "")
    finally:
        model.train(training)
    return np.concatenate(found)


class _Shuffled(Sampler[int]):
    """Another order every epoch, that depends on the seed and the epoch alone."""

    def __init__(self, count: int, seed: int):
        self.count, self.seed, self.epoch = count, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        yield from np.random.default_rng([self.seed, self.epoch]).permutation(self.count).tolist()


class _Keeper:
    """The rows of the finished epochs and the best one's weights, in memory and in the checkpoint."""

    def __init__(self, file: Path | None, subject: str):
        self.file, self.subject = file, subject
        self.rows: list[Row] = []
        self.best: dict[str, Tensor] | None = None
        self.kept = False

    def found(self) -> str | None:
        """The checkpoint, where it is one of this training."""
        if self.file is None or not self.file.exists():
            return None
        with suppress(Exception):  # whatever is wrong with it: trained anew
            state = torch.load(self.file, weights_only=True, map_location="cpu")["callbacks"]["Keep"]
            self.kept = state["subject"] == self.subject
        return str(self.file) if self.kept else None

    def state(self) -> dict[str, Any]:
        return {"subject": self.subject, "rows": self.rows, "best": self.best}

    def take(self, state: dict[str, Any]) -> None:
        self.rows, self.best = list(state["rows"]), state["best"]

    def add(self, row: Row, model: nn.Module) -> None:
        if not np.isfinite(row["train_loss"]):
            raise InputError(f"epoch {row['epoch']:.0f}: the loss is {row['train_loss']}; lower --rate")
        better = all(row["validation_accuracy"] > each["validation_accuracy"] for each in self.rows)
        if better:
            self.best = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        self.rows.append(row)

    def write(self, save: Callable[[str], None], first: bool) -> None:
        """Every process takes part in saving, the first one gives the file its name."""
        if self.file is not None:
            part = self.file.with_name(f".{self.file.name}.part")
            save(str(part))
            if first:
                part.replace(self.file)
            self.kept = True


def _loops(pl: Any) -> Any:
    """The classes that Lightning calls, made once it is there."""

    class Lesson(pl.LightningModule):
        def __init__(
            self,
            network: nn.Module,
            recipe: Recipe,
            vary: Vary | None,
            after_step: Callable[[nn.Module], None] | None,
        ):
            super().__init__()
            self.network, self.recipe = network, recipe
            self.vary, self.after_step = vary, after_step

        def on_train_epoch_start(self) -> None:
            self.network.train()

        def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
            # of the step alone, so that a training that was stopped draws on as if it had not been
            numbers = np.random.SeedSequence([self.recipe.seed, self.global_step, self.global_rank])
            torch.manual_seed(int(numbers.generate_state(1, np.uint64)[0] >> 1))
            inputs, targets = batch
            if self.vary is not None:
                generator = torch.Generator(inputs.device)
                generator.manual_seed(torch.initial_seed())
                inputs, targets = self.vary(inputs, targets, generator)
            logits = self.network(inputs).float()
            loss = nn.functional.cross_entropy(logits, targets, label_smoothing=self.recipe.smoothing)
            self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(targets))
            return loss

        def on_train_batch_end(self, *_: Any) -> None:
            if self.after_step is not None:
                with torch.no_grad():
                    self.after_step(self.network)

        def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
            inputs, targets = batch
            logits = self.network(inputs).float()
            told = {
                "validation_loss": nn.functional.cross_entropy(logits, targets),
                "validation_accuracy": (logits.argmax(1) == targets).float().mean(),
            }
            self.log_dict(told, sync_dist=True, batch_size=len(targets))

        def configure_optimizers(self) -> Any:
            steps = max(int(self.trainer.estimated_stepping_batches), 1)
            warm = max(round(WARM_UP * steps), 1)

            def share(step: int) -> float:
                if step < warm:
                    return (step + 1) / warm
                return 0.5 * (1 + np.cos(np.pi * min((step - warm) / max(steps - warm, 1), 1.0)))

            optimizer = torch.optim.AdamW(self.parameters(), self.recipe.rate, weight_decay=self.recipe.decay)
            schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    class Keep(pl.Callback):
        state_key = "Keep"

        def __init__(self, keeper: _Keeper):
            self.keeper, self.start = keeper, time.monotonic()

        def on_train_epoch_start(self, *_: Any) -> None:
            self.start = time.monotonic()

        def on_train_epoch_end(self, trainer: Any, lesson: Lesson) -> None:
            told = {name: float(value) for name, value in trainer.callback_metrics.items()}
            row = {"epoch": float(trainer.current_epoch + 1), **told, "seconds": time.monotonic() - self.start}
            self.keeper.add(row, lesson.network)
            self.keeper.write(trainer.save_checkpoint, trainer.is_global_zero)

        def state_dict(self) -> dict[str, Any]:
            return self.keeper.state()

        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            self.keeper.take(state_dict)

    class Tell(pl.Callback):
        def __init__(self, tell: Progress):
            self.tell = tell

        def on_train_batch_end(self, trainer: Any, lesson: Lesson, outputs: Any, *_: Any) -> None:
            what = f"epoch {trainer.current_epoch + 1}, loss {float(outputs['loss']):.3f}"
            seen = trainer.callback_metrics.get("validation_accuracy")
            if seen is not None:
                what += f", validation {float(seen):.1%}"
            if trainer.is_global_zero:
                self.tell(trainer.global_step, int(trainer.estimated_stepping_batches), what)

    return SimpleNamespace(Lesson=Lesson, Keep=Keep, Tell=Tell)


def _as_it_is(batch: Any) -> Any:
    return batch


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's advice is for its own users: workers, loggers, devices that are not used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _interruptible(keeper: _Keeper) -> Iterator[None]:
    """Ctrl-C as Python has it, which Lightning turns into the end of the program."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except (SystemExit, KeyboardInterrupt) as stop:
        if not isinstance(stop.__context__, KeyboardInterrupt) and isinstance(stop, SystemExit):
            raise
        with suppress(ValueError):  # not in the main thread, where nothing was changed either
            signal.signal(signal.SIGINT, handler)
        again = "the epochs that were over are kept, the same command (without --fresh) goes on"
        over = again if keeper.kept else "no epoch was over"
        raise KeyboardInterrupt(f"stopped while training; {over}") from None


