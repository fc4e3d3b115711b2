"""Makes src/convscope/data/digits/lenet5.safetensors: LeNet-5, trained on MNIST as `convscope train digits` does.

    python scripts/make_digits_network.py

Seed 0, one thread: another number of threads adds in another order and rounds otherwise. What the network reads of the
test pictures stands in the file's note "test".
"""

import argparse
import json
from pathlib import Path

from convscope.nn.progress import progress_bar
from convscope.nn.train import Recipe
from convscope.nn.weights import read_arrays, write_arrays
from convscope.ops.fast.compiled import set_threads
from convscope.tasks import digits, trained

OUT = Path(__file__).parents[1] / "src" / "convscope" / "data" / "digits" / "lenet5.safetensors"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    set_threads(1)
    pictures = digits.load()
    with progress_bar() as tell:
        made = trained.fit(pictures, Recipe(seed=0), tell=tell)
    verdict = trained.judge(made.network, pictures)
    trained.save(made, options.out)
    arrays, notes = read_arrays(options.out)
    test = {"accuracy": verdict.accuracy, "loss": verdict.loss, "misread": [place for place, *_ in verdict.misread]}
    write_arrays(options.out, arrays, {**notes, "test": json.dumps(test)})
    print(verdict)


if __name__ == "__main__":
    main()
