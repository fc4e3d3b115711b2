"""The command line: parse, call, print. Heavy imports stand inside their command: `--help` answers at once.

Exit status: 0 done, 1 done and the answer is no (grade, recover), 2 the input cannot be used (one line on stderr says
why), 130 stopped with Ctrl-C.
"""

import os
import signal
import sys
from typing import Any

STOPPED = 130  # 128 + SIGINT, as shells have it
_stopping = False


def main() -> None:
    """What the installed `convscope` runs."""
    # PyTorch's threads otherwise wait by spinning, and beside any other busy program that slows it tenfold
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGINT, _stop)
        signal.signal(signal.SIGALRM, _stop)
        sys.unraisablehook = _tell_lost
    try:
        from convscope.cli.app import app

        app(prog_name="convscope")
    except SystemExit as end:
        if end.code == STOPPED:
            os._exit(STOPPED)  # at once: a thread may wait for ever for a lock that the stopped one never gave back
        raise
    except BaseException as end:  # before the commands were there to say more
        if not (_stopping or isinstance(end, KeyboardInterrupt)):
            raise
        print("convscope: stopped", file=sys.stderr)
        os._exit(STOPPED)


def _stop(*_: Any) -> None:
    """Ctrl-C, and once more after two seconds, and so on: an exception in code that C calls (compilers do) is lost."""
    global _stopping
    _stopping = True  # code in C may also turn it into an exception of another kind
    signal.alarm(2)
    raise KeyboardInterrupt


def _tell_lost(lost: Any) -> None:
    if lost.exc_type is not KeyboardInterrupt:  # that one comes again
        sys.__unraisablehook__(lost)
