"""Receptive fields of every layer, beside torchlens: what is told, and in which time.

    python benchmarks/fields.py [--threads 2] [--rounds 5] [--only NETWORK] [--peer FOLDER]

torchlens goes into a folder of its own: pip install --no-deps --target FOLDER torchlens==2.36.1 tqdm graphviz. The
networks are SqueezeNet 1.1, EfficientNet-Lite0 and ResNet-50 (random weights) at 224 x 224. "Fields" is one run of
the network and the receptive field of each of its layers, as `convscope.lens.layers` gives them; torchlens records the
network and is then asked for the size of each operation's field. Its own "graph alone" and the bare forward pass stand
beside it.
"""

import argparse
import os
import statistics
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from beside import machine, race, ratio
from torch import nn

from convscope.lens import layers
from convscope.lens.models import load

sys.path.append(str(Path(__file__).parent.parent / "tests" / "lens"))
from networks import ResNet  # graphs of the literature are kept with the tests

SHAPE = (3, 224, 224)


def networks() -> dict[str, nn.Module]:
    resnet = ResNet((3, 4, 6, 3), width=64, growing=True).eval()
    return {name: load(name).model for name in ("squeezenet", "efficientnet-lite0")} | {"ResNet-50": resnet}


def told_by_torchlens(torchlens: Any, model: nn.Module, x: torch.Tensor) -> dict[str, tuple[int, ...] | str]:
    """{layer: size of its field, or why there is none}; the last operation inside a module is the module's."""
    told: dict[str, tuple[int, ...] | str] = {}
    for op in torchlens.trace(model, x).layer_list:
        try:
            size: tuple[int, ...] | str = tuple(int(cells) for cells in op.receptive_field.size)
        except Exception as problem:  # what it raises for fields that it does not tell
            size = str(problem)
        name, _, run = (str(op.module) if op.module else op.label).partition(":")
        told[name if run in ("", "1") else f"{name}@{run}"] = size
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("squeezenet", "efficientnet-lite0", "ResNet-50"))
    parser.add_argument("--peer", type=Path, help="the folder that torchlens was installed into")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torchlens: Any = None
    if options.peer:
        sys.path.append(str(options.peer))
        import torchlens
    print(f"{machine(options.threads)}; load {os.getloadavg()[0]:.1f}")
    x = torch.zeros(1, *SHAPE)
    for name, model in networks().items():
        if options.only not in (None, name):
            continue
        ours = {info.name: info.field for info in layers(model, SHAPE)}
        contestants: dict[str, Any] = {
            "fields": lambda model=model: layers(model, SHAPE),
            "bare forward pass": lambda model=model: model(x),
        }
        if torchlens:
            contestants["torchlens, fields"] = lambda model=model: told_by_torchlens(torchlens, model, x)
            contestants["torchlens, graph alone"] = lambda model=model: torchlens.trace(model, x)
        with torch.no_grad():
            times = race(contestants, options.rounds)
        known = [field for field in ours.values() if field is not None]
        print(f"{name}: {len(known)} of {len(ours)} layers told, {sum(field.whole for field in known)} see everything")
        if torchlens:
            with torch.no_grad():
                theirs = told_by_torchlens(torchlens, model, x)
            both = [
                (tuple(field.size), theirs[layer])
                for layer, field in ours.items()
                if field is not None and isinstance(theirs.get(layer), tuple)
            ]
            alike = sum(mine == other for mine, other in both)
            print(f"  torchlens tells {len(both)} of these layers, {alike} alike")
            reasons = Counter(str(theirs.get(layer, "no operation ends there")) for layer in ours)
            reason, count = next(((r, n) for r, n in reasons.most_common() if not r.startswith("(")), ("", 0))
            if count:
                print(f"  ... of {count} it says: {reason}")
        for contestant, timing in times.items():
            middle, low, high = ratio(times["fields"], timing)
            text = f"  {contestant:<24}{1e3 * statistics.median(timing.rounds):9.1f} ms"
            print(f"{text}  {middle:7.2f} times fields ({low:.2f} to {high:.2f})", flush=True)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
