"""A lab in a process of its own, which takes no long work: so that its memory is its own, too."""

import sys
from pathlib import Path

from convscope.web.serve import serve
from convscope.web.settings import Limits, Settings

if __name__ == "__main__":
    settings = Settings(Path(sys.argv[1]), limits=Limits(waiting=0))
    serve(settings, "127.0.0.1", 0, opened=False, say=lambda address: print(address, flush=True))
