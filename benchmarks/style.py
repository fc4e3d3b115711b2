"""Style transfer beside a plain loop in PyTorch: time to the same loss, and memory; photorealism by itself.

    python benchmarks/style.py [--quick] [--parts race memory photorealistic] [--photos FOLDER] [--paintings FOLDER]

The plain loop is the usual one: one scale, the network as it is, its layers cut off after the last one asked for,
every pixel moved by `torch.optim.LBFGS` (a rate of 1, max_iter=20, history_size=100; "wolfe": with its line search) or
`torch.optim.Adam`, and cut to 0 to 1 before each evaluation. Both begin with the content and make the same loss small,
that of `lens.styles.losses`. It is written out once more here, `Wanted`, for the plain loop to use, and to judge all
pictures afterwards, as uint8.

"race": a round is one run of each. "times" is the seconds until the plain loop's picture is as good as convscope's
finished one, over convscope's seconds, the median and the range over the rounds ("> x": not within x times). Every
fifth evaluation is looked at, off the clock; rounds after the first end where the first one got there. Each side counts
what it needs to be ready: targets, convscope's copy of the network.

"memory": each in a process of its own (Linux), with as many evaluations at that size; MiB is the peak above what was
held with the network loaded, on a GPU what PyTorch allocated there.
"photorealistic": likewise, lambda 1e4, for convscope alone.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import torch
from beside import REST, machine
from matting import forgotten_peak, resident
from torch import Tensor, nn

from convscope.lens.anysize import as_photograph, resized
from convscope.lens.models import Network, load, preprocessing_of
from convscope.lens.styles import Stage, recommended, style
from convscope.lens.styles.scales import within
from convscope.pictures import Picture

STRENGTH = 10.0
"""What style counts for by default in `style`."""

LOOK = 5  # evaluations
CLOSE = 0.01
"""How far the two ways to compute the loss may lie apart: convscope's picture is rounded to uint8 between them."""

PEERS: dict[str, Callable[[list[Tensor]], torch.optim.Optimizer]] = {
    "lbfgs": partial(torch.optim.LBFGS, lr=1, max_iter=20, history_size=100, tolerance_grad=0, tolerance_change=0),
    "wolfe": partial(
        torch.optim.LBFGS, lr=1, max_iter=20, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe"
    ),
    "adam": partial(torch.optim.Adam, lr=0.02),
}


class Wanted(nn.Module):
    """The loss of pictures (1, 3, h, w), values 0 to 1, in plain PyTorch; see `lens.styles.losses`."""

    def __init__(self, network: Network, content: Tensor, painting: Tensor) -> None:
        super().__init__()
        terms, prepared = recommended(network), preprocessing_of(network)
        low, high = (torch.tensor(end).reshape(-1, 1, 1).to(content) for end in (prepared.black, prepared.full))
        self.low, self.span, self.flipped = low, high - low, prepared.order == "BGR"
        indices = [int(name.removeprefix("features.")) for name in terms.layers]
        self.blocks: Any = network.model.get_submodule("features")[: max(indices) + 1]  # type: ignore[index]
        self.content = {int(name.split(".")[1]): float(weight) for name, weight in terms.content.items()}
        self.style = {int(name.split(".")[1]): float(weight) for name, weight in terms.style.items()}
        self.tv = float(terms.tv)
        with torch.no_grad():
            seen, painted = self.seen(self.inputs(content)), self.seen(self.inputs(painting))
            self.targets = {k: seen[k] for k in self.content}
            self.grams = {k: gram_matrix(painted[k]) for k in self.style}

    def inputs(self, shares: Tensor) -> Tensor:
        return self.low + self.span * (shares.flip(1) if self.flipped else shares)

    def seen(self, x: Tensor) -> dict[int, Tensor]:
        x, found = nn.functional.pad(x, (1, 1, 1, 1), mode="reflect"), {}
        for k, block in enumerate(self.blocks):
            x = block(x)
            if k in self.content or k in self.style:
                found[k] = x
        return found

    def forward(self, shares: Tensor) -> Tensor:
        x = self.inputs(shares)
        seen = self.seen(x)
        loss = x.new_zeros(())
        for k, weight in self.content.items():
            loss = loss + weight / sum(self.content.values()) * relative(seen[k], self.targets[k])
        for k, weight in self.style.items():
            part = relative(gram_matrix(seen[k]), self.grams[k])
            loss = loss + STRENGTH * weight / sum(self.style.values()) * part
        roughness = x.diff(dim=2).abs().mean() + x.diff(dim=3).abs().mean()
        return loss + self.tv * roughness / self.span.mean()


def gram_matrix(seen: Tensor) -> Tensor:
    rows = seen.flatten(2)
    return rows @ rows.mT / rows.shape[2]


def relative(seen: Tensor, wanted: Tensor) -> Tensor:
    return (seen - wanted).square().mean() / wanted.square().mean()


@dataclass(frozen=True)
class Pair:
    """A content and a style, their longest sides `size`, beside a network."""

    network: Network
    content: Picture
    painting: Picture
    size: int

    @property
    def wanted(self) -> Wanted:
        weight = next(self.network.model.parameters())
        return Wanted(self.network, *(shares(one).to(weight.device) for one in (self.content, self.painting)))


@dataclass
class Run:
    """seconds: all of it; looks: (evaluation, seconds so far, picture); marks: when each scale began."""

    seconds: float = 0.0
    evaluations: int = 0
    looks: list[tuple[int, float, Picture]] = field(default_factory=list)
    marks: dict[int, float] = field(default_factory=dict)


class _Enough(Exception):
    pass


def ours(pair: Pair, **settings: Any) -> tuple[Run, Picture, float]:
    """A run, its picture, and the loss that convscope itself gives it."""
    run, begin = Run(), clock(pair)

    def watch(stage: Stage) -> None:
        run.marks.setdefault(stage.scale, clock(pair) - begin)

    made = style(pair.content, pair.painting, model=pair.network, size=pair.size, watch=watch, **settings)
    run.seconds = clock(pair) - begin
    return run, made.picture, made.losses["total"]


def plain(pair: Pair, peer: str, *, seconds: float = float("inf"), evaluations: float = float("inf")) -> Run:
    """The usual loop, until either has been spent."""
    run, begin, paused = Run(), clock(pair), 0.0
    wanted = pair.wanted
    x = shares(pair.content).to(wanted.low).requires_grad_()
    optimiser = PEERS[peer]([x])

    def closure() -> Tensor:
        nonlocal paused
        with torch.no_grad():
            x.clamp_(0, 1)
        now = clock(pair)
        run.seconds = now - begin - paused
        if run.evaluations % LOOK == 0 or run.evaluations >= evaluations:
            run.looks.append((run.evaluations, run.seconds, picture_of(x)))
        if run.seconds >= seconds or run.evaluations >= evaluations:
            raise _Enough
        paused += clock(pair) - now
        optimiser.zero_grad()
        loss = wanted(x)
        loss.backward()
        run.evaluations += 1
        return loss

    try:
        while True:
            optimiser.step(closure)  # type: ignore[arg-type]
    except _Enough:
        return run


def race(pairs: dict[str, Pair], options: argparse.Namespace) -> None:
    """Seconds to the same loss, pair by pair."""
    ours(small(next(iter(pairs.values()))), steps=2)  # loaded and warm
    times: dict[str, list[tuple[float, bool]]] = {peer: [] for peer in options.peers}
    for name, pair in pairs.items():
        judge = pair.wanted
        first: dict[str, tuple[int, bool]] = {}
        lines: dict[str, str] = {}
        spent: list[float] = []
        found: dict[str, list[tuple[float, bool]]] = {peer: [] for peer in options.peers}
        for turn in range(options.rounds):
            time.sleep(REST)
            run, picture, said = ours(pair)
            goal = loss_of(judge, picture)
            if abs(said - goal) > CLOSE * goal:
                raise SystemExit(f"{name}: convscope's loss is {said:.4f}, the plain one {goal:.4f}; they must agree")
            spent.append(run.seconds)
            if turn == 0:
                ends = [*list(run.marks.values())[1:], run.seconds]
                parts = " + ".join(f"{b - a:.1f}" for a, b in zip([0.0, *ends], ends))
                print(
                    f"\n{name}, {' x '.join(map(str, pair.content.shape[:2]))}: loss {loss_of(judge, pair.content):.3f}"
                    f" at first, {goal:.3f} at convscope's end ({said:.3f} before rounding); its scales {parts} s"
                )
            for peer in options.peers:
                time.sleep(REST)
                if turn == 0:
                    answer = plain(pair, peer, seconds=options.budget * run.seconds)
                    losses = [loss_of(judge, picture) for _, _, picture in answer.looks]
                    there = next((k for k, loss in enumerate(losses) if loss <= goal), None)
                    first[peer] = answer.evaluations if there is None else answer.looks[there][0], there is not None
                    taken = answer.looks[-1 if there is None else there][1]
                    lines[peer] = (
                        f"{1e3 * answer.seconds / answer.evaluations:.0f} ms an evaluation; loss by seconds: "
                        + "  ".join(f"{answer.looks[k][1]:.1f}: {losses[k]:.3f}" for k in spread(len(losses), 6))
                    )
                else:
                    taken = plain(pair, peer, evaluations=first[peer][0]).seconds
                found[peer].append((taken / run.seconds, first[peer][1]))
        print(f"  {'convscope':10}{statistics.median(spent):7.1f} s ({min(spent):.1f} to {max(spent):.1f})")
        for peer in options.peers:
            print(f"  {peer:10}{told(found[peer])}  at evaluation {first[peer][0]}\n{'':12}{lines[peer]}", flush=True)
            times[peer] += found[peer]
    print(f"\nall {len(pairs)} pairs, {options.rounds} rounds, longest side {options.size}")
    for peer, ratios in times.items():
        print(f"  {peer:10}{told(ratios)}")


def told(ratios: list[tuple[float, bool]]) -> str:
    """The median and the range; a ratio that is only a bound is told by ">"."""
    ordered = sorted(ratios, key=lambda ratio: (not ratio[1], ratio[0]))  # who never came is slower than who did
    chosen = ordered[0], ordered[(len(ordered) - 1) // 2], ordered[-1]
    low, middle, high = (f"{'' if reached else '> '}{ratio:.2f}" for ratio, reached in chosen)
    return f"{middle} times ({low} to {high})"


def small(pair: Pair) -> Pair:
    page, painting = (resized(one, *within(one, 64)) for one in (pair.content, pair.painting))
    return Pair(pair.network, page, painting, 64)


def spread(count: int, most: int) -> list[int]:
    """Some of `count` places, the first and the last among them."""
    return sorted({round(k) for k in np.linspace(0, count - 1, min(count, most))})


def alone(who: str, size: int, steps: int, options: argparse.Namespace) -> None:
    """In a process of its own: prints the seconds, and the MiB of the peak above what was held before."""
    pair = next(iter(chosen(options, size).values()))
    settings: dict[str, Any] = {"photorealistic": 1e4} if who == "photorealistic" else {}
    if who in PEERS:
        run: Callable[[Pair, int], Run] = lambda pair, steps: plain(pair, who, evaluations=steps)  # noqa: E731
    else:
        run = lambda pair, steps: ours(pair, steps=steps, **settings)[0]  # noqa: E731
    run(small(pair), 1)  # what is loaded at the first call is not counted
    cuda = options.device == "cuda"
    before = torch.cuda.memory_allocated() / 2**20 if cuda else forgotten_peak()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    seconds = run(pair, steps).seconds
    peak = torch.cuda.max_memory_allocated() / 2**20 if cuda else resident("VmHWM")
    print(f"{seconds:.3f} {peak - before:.0f}")


def apart(who: str, size: int, steps: int) -> tuple[float, float]:
    """(seconds, MiB) of `alone`, with the same options."""
    command = [sys.executable, __file__, *sys.argv[1:], "--alone", who, str(size), str(steps)]
    seconds, rise = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return float(seconds), float(rise)


def memory(options: argparse.Namespace) -> None:
    print(f"\nmemory, {options.steps} evaluations at the full size")
    for size in options.sizes:
        results = {who: apart(who, size, options.steps) for who in ("convscope", *options.peers)}
        for who, (seconds, rise) in results.items():
            share = rise / results["convscope"][1]
            print(f"{size:6}  {who:10}{seconds:8.1f} s{rise:8.0f} MiB{share:7.2f} times", flush=True)


def photorealistic(options: argparse.Namespace) -> None:
    print("\nphotorealistic=1e4")
    for size in options.photorealistic:
        steps = options.steps if size <= 1024 else max(options.steps // 6, 1)
        seconds, rise = apart("photorealistic", size, steps)
        print(f"{size:6}  {seconds:8.1f} s{rise:8.0f} MiB  {steps} steps at each scale", flush=True)


def chosen(options: argparse.Namespace, size: int) -> dict[str, Pair]:
    """Pairs by name: the first photographs and paintings of the folders, or scikit-image's."""
    contents = files(options.photos) or own("astronaut", "chelsea", "coffee")
    paintings = files(options.paintings) or own("hubble_deep_field", "immunohistochemistry", "retina")
    network = load("squeezenet")
    network.model.to(options.device).eval().requires_grad_(False)
    found: dict[str, Pair] = {}
    for (one, page), (other, painting) in list(zip(contents.items(), paintings.items()))[: options.pairs]:
        page, painting = (resized(each, *within(each, size)) for each in (page, painting))
        found[f"{one} as {other}"] = Pair(network, page, painting, size)
    return found


def own(*names: str) -> dict[str, Picture]:
    return {name: getattr(skimage.data, name)() for name in names}


def files(folder: Path | None) -> dict[str, Picture]:
    """Three of its pictures, evenly apart."""
    if folder is None:
        return {}
    found = sorted(path for path in folder.rglob("*") if path.suffix in (".webp", ".jpg", ".png"))
    if not found:
        raise SystemExit(f"{folder}: no picture (.webp, .jpg, .png) in it")
    return {found[k].stem: as_photograph(found[k]) for k in spread(len(found), 3)}


def shares(picture: Picture) -> Tensor:
    return torch.from_numpy(picture.copy()).movedim(-1, 0)[None].contiguous() / 255


def picture_of(shares: Tensor) -> Picture:
    return (255 * shares.detach()[0]).round().to(torch.uint8).movedim(0, -1).cpu().numpy()


def loss_of(judge: Wanted, picture: Picture) -> float:
    with torch.no_grad():
        return float(judge(shares(picture).to(judge.low)))


def clock(pair: Pair) -> float:
    if next(pair.network.model.parameters()).is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ["race", "memory", "photorealistic"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=["lbfgs"])
    parser.add_argument("--photos", type=Path, help="a folder of contents (default: scikit-image's photographs)")
    parser.add_argument("--paintings", type=Path, help="a folder of styles (default: scikit-image's pictures)")
    parser.add_argument("--pairs", type=int, default=3, help="of a content and a style, at most 3")
    parser.add_argument("--size", type=int, default=512, help="the longest side in the race")
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024], help="those of which memory is measured")
    parser.add_argument("--photorealistic", type=int, nargs="+", default=[512, 1024, 2048], help="its sizes")
    parser.add_argument("--steps", type=int, default=60, help="where memory is measured")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", type=float, default=4, help="how many times as long as convscope a peer may take")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--quick", action="store_true", help="one pair and round, at 256 pixels; small sizes elsewhere")
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.rounds, options.size, options.steps = 1, 1, 256, 12
        options.sizes, options.photorealistic = [256], [256]
    torch.set_num_threads(options.threads)
    if options.alone:
        who, size, steps = options.alone
        return alone(who, int(size), int(steps), options)
    device = f", {torch.cuda.get_device_name()}" if options.device == "cuda" else ""
    print(f"{machine(options.threads)}{device}; load {os.getloadavg()[0]:.1f}")
    if "race" in options.parts:
        race(chosen(options, options.size), options)
    if "memory" in options.parts:
        memory(options)
    if "photorealistic" in options.parts:
        photorealistic(options)
    print(f"load at the end {os.getloadavg()[0]:.1f}")
    return None


if __name__ == "__main__":
    main()
