"""Who draws: each a function (task, marks) -> pictures in the network's units, with the time at each mark.

A mark is a number of steps after which the picture is kept; the last one ends the run. All peers step with the same
rate from first to last, so that the picture at a mark is what a run of just so many steps would have made.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from convscope.lens.models import Network, Preprocessing

SIZE = 224
RECIPE = {"lucent": 512, "dreamlens": 120, "horama": 1000}
"""Steps that each peer takes if nobody says otherwise."""


@dataclass(frozen=True)
class Task:
    """What everybody draws alike: these units of this layer of this network.

    terms: "default" (each raises what it raises by default: convscope one position, the others the channel's mean),
    "channel" (all raise the channel's mean) or "neuron" (all raise the position in the middle).
    vector: the layer's values have no positions. batch: pictures in a batch, for peers that know batches.
    """

    network: Network
    layer: str
    units: Sequence[int]
    terms: str
    vector: bool
    seed: int
    batch: int


@dataclass
class Drawn:
    """Pictures (units, c, h, w), in the network's units, and the seconds for all units, for each mark."""

    pictures: dict[int, list[np.ndarray]] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)

    def keep(self, mark: int, pictures: Iterable[np.ndarray], seconds: float) -> None:
        self.pictures.setdefault(mark, []).extend(pictures)
        self.seconds[mark] = self.seconds.get(mark, 0.0) + seconds


class Recorder:
    """Sees the picture of every step, counts, and keeps it (in the network's units) at the marks."""

    def __init__(self, drawn: Drawn, marks: Sequence[int], to_network: Callable[[Tensor], Tensor]) -> None:
        self.drawn, self.marks, self.to_network = drawn, marks, to_network
        self.step, self.begin = 0, time.perf_counter()

    def __call__(self, pictures: Tensor) -> Tensor:
        """Before a step. The first call sees the picture after 0 steps."""
        if self.step in self.marks:
            self.keep(pictures)
        self.step += 1
        return pictures

    def keep(self, pictures: Tensor) -> None:
        seconds = time.perf_counter() - self.begin
        many = self.to_network(pictures.detach()).reshape(-1, *pictures.shape[-3:])
        self.drawn.keep(self.step, many.numpy().copy(), seconds)


def convscope(task: Task, marks: Sequence[int]) -> Drawn:
    """One mark is all it knows: its own number of steps, called 0 here (-n: cut to n steps, to warm up)."""
    from convscope.lens import draw

    how: dict = {"whole": True} if task.terms == "channel" else {}
    if marks[-1] < 0:
        how["steps"] = -marks[-1]
    drawn, begin = Drawn(), time.perf_counter()
    drawing = draw(task.network, task.layer, list(task.units), seed=task.seed, **how)
    drawn.keep(0, drawing.pictures, time.perf_counter() - begin)
    return drawn


def lucent(task: Task, marks: Sequence[int]) -> Drawn:
    """render_vis with param.image and the standard transforms, `batch` units in a batch."""
    from lucent.optvis import objectives, param, render, transform

    into = to_network(task.network)
    name = task.layer.replace(".", "_")
    goal = objectives.neuron if task.terms == "neuron" and not task.vector else objectives.channel
    drawn = Drawn()
    torch.manual_seed(task.seed)
    np.random.seed(task.seed)  # noqa: NPY002  (where its transforms draw from)
    for units in chunks(task.units, task.batch):
        recorder = Recorder(drawn, marks, into)
        parameters, image = param.image(SIZE, batch=len(units))
        render.render_vis(
            task.network.model,
            objectives.Objective.sum([goal(name, unit, batch=i) for i, unit in enumerate(units)]),
            lambda parameters=parameters, image=image: (parameters, image),
            transforms=[recorder, *transform.standard_transforms, into],
            preprocess=False,
            thresholds=(marks[-1],),
            progress=False,
            show_image=False,
        )
        recorder.keep(image())
    return drawn


def dreamlens(task: Task, marks: Sequence[int]) -> Drawn:
    """FeatureVisualizer.maximize_channels with RenderConfig's values, `batch` units in a batch."""
    from dreamlens import FeatureVisualizer, RenderConfig, TransformConfig

    into, drawn = to_network(task.network), Drawn()
    torch.manual_seed(task.seed)
    np.random.seed(task.seed)  # noqa: NPY002
    visualizer = FeatureVisualizer(task.network.model, quiet=True, preprocess=into)
    standard = visualizer.build_transforms(height=SIZE, width=SIZE)
    middle = None
    if task.terms == "neuron" and not task.vector:
        middle = tuple(cells // 2 for cells in positions(task))
    for units in chunks(task.units, task.batch):
        recorder = Recorder(drawn, marks, into)
        moves = TransformConfig(transforms=[recorder, standard])
        config = RenderConfig(width=SIZE, height=SIZE, steps=marks[-1], transform=moves)
        result = visualizer.maximize_channels(task.layer, units, config, positions=middle)
        recorder.keep(result.image())
    return drawn


def horama(task: Task, marks: Sequence[int]) -> Drawn:
    """`fourier`, one unit at a time; crops of 0.9 to 1.0 of the picture, since the picture is no larger than them."""
    import horama as peer
    from horama import fourier_fv

    low, high = bounds(task.network)
    module = task.network.model.get_submodule(task.layer)
    drawn, kept = Drawn(), []
    torch.manual_seed(task.seed)
    hook = module.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    step = fourier_fv.optimization_step
    try:
        for unit in task.units:

            def objective(pictures: Tensor, unit: int = unit) -> Tensor:
                kept.clear()
                task.network.model(pictures)
                values = kept[-1][:, unit]
                if task.terms == "neuron" and not task.vector:
                    values = values[:, values.shape[1] // 2, values.shape[2] // 2]
                return values.mean()

            recorder = Recorder(drawn, marks, lambda pictures: pictures)
            fourier_fv.optimization_step = lambda goal, image, *rest, recorder=recorder: step(
                goal, recorder(image), *rest
            )
            picture, _ = peer.fourier(
                objective,
                total_steps=marks[-1],
                image_size=SIZE,
                model_input_size=SIZE,
                values_range=(float(low.min()), float(high.max())),
                box_size=(0.8, 0.9),  # from the upper bound to as much above it as the lower one lies below
                device="cpu",
            )
            recorder.keep(picture)
    finally:
        hook.remove()
        fourier_fv.optimization_step = step
    return drawn


CONTESTANTS = {"convscope": convscope, "lucent": lucent, "dreamlens": dreamlens, "horama": horama}


def to_network(network: Network) -> Callable[[Tensor], Tensor]:
    """RGB pictures (n, 3, h, w) of values 0 to 1 -> the network's units and order of channels."""
    low, high = bounds(network)
    backwards = described(network).order == "BGR"
    return lambda pictures: low + (high - low) * (pictures.flip(1) if backwards else pictures)


def bounds(network: Network) -> tuple[Tensor, Tensor]:
    """What the network gets for black and for white, (3, 1, 1) each."""
    how = described(network)
    return torch.tensor(how.black).reshape(-1, 1, 1), torch.tensor(how.full).reshape(-1, 1, 1)


def described(network: Network) -> Preprocessing:
    if network.preprocessing is None:
        raise SystemExit("the benchmark needs networks whose preprocessing is known")
    return network.preprocessing


def positions(task: Task) -> tuple[int, ...]:
    """Rows and columns of the layer."""
    shapes: list[tuple[int, ...]] = []
    hook = task.network.model.get_submodule(task.layer).register_forward_hook(
        lambda _module, _inputs, output: shapes.append(tuple(output.shape[2:]))
    )
    with torch.no_grad():
        task.network.model(torch.zeros(1, *task.network.input_shape))
    hook.remove()
    return shapes[-1]


def chunks(units: Sequence[int], size: int) -> list[list[int]]:
    return [list(units[i : i + size]) for i in range(0, len(units), size)]
