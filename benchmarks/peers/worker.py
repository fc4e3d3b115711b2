"""One contestant's process: reads a task a line (JSON), draws, and answers with seconds and memory (JSON).

python worker.py NAME NETWORK THREADS
"""

import json
import os
import resource
import sys
from pathlib import Path

STUBS = Path(__file__).parent / "stubs"
try:
    import torchvision
except (ImportError, RuntimeError):  # not there, or made for another torch
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    sys.path.insert(0, str(STUBS))
    import torchvision  # noqa: F401

    sys.path.remove(str(STUBS))
sys.path.append(str(STUBS))  # last: what is installed comes before what is stubbed

import numpy as np  # noqa: E402
import torch  # noqa: E402
from contestants import CONTESTANTS, Task  # noqa: E402

from convscope.lens.models import load  # noqa: E402


def memory(which: str) -> int:
    """Bytes that this process holds ("VmRSS") or held at most ("VmHWM") since `forget_peak`."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith(which))
    except (OSError, StopIteration):
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def forget_peak() -> None:
    """Where the system knows how; elsewhere the peak is that of the whole life of the process."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def main() -> None:
    name, source, threads = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a contestant prints is no answer
    torch.set_num_threads(int(threads))
    network = load(source)
    before = memory("VmRSS")
    for line in sys.stdin:
        job = json.loads(line)
        marks, out = job.pop("marks"), job.pop("out")
        forget_peak()
        drawn = CONTESTANTS[name](Task(network, **job), marks)
        answer = {
            "seconds": list(drawn.seconds.items()),
            "memory": memory("VmHWM") - before,
            "stubbed": sorted(n for n, m in sys.modules.items() if "." not in n and is_stub(m)),
        }
        np.savez(out, **{str(mark): np.stack(pictures) for mark, pictures in drawn.pictures.items()})
        print(json.dumps(answer), file=answers, flush=True)


def is_stub(module: object) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and STUBS in Path(file).parents


if __name__ == "__main__":
    main()
