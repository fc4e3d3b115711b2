"""Files that are written whole or not at all, and folders asked about before long work starts."""

import os
import tempfile
from pathlib import Path

from convscope.errors import InputError

AnyPath = str | os.PathLike[str]


def write_whole(path: AnyPath, data: bytes | str) -> Path:
    """Write `data` (text as UTF-8) to `path`: a reader finds the old file or the new one, never a part.

    The bytes go to a hidden file beside `path`, reach the disk, and take the name in one step; whatever stops
    the program in between leaves `path` as it was. Missing folders above are made. Returns the path.

    Raises InputError where the place cannot be written: read-only, full, a folder of that name, a file in
    the way.
    """
    path = Path(path)
    content = data.encode() if isinstance(data, str) else data
    beside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner may read
        Path(beside).replace(path)
    except BaseException as problem:
        if beside is not None:
            Path(beside).unlink(missing_ok=True)
        if isinstance(problem, OSError):
            raise InputError(_cannot_write(path, problem)) from problem
        raise
    return path


def check_can_write(path: AnyPath) -> Path:
    """Say now, before long work, that the file `path` could not be written at its end; leaves nothing behind.

    Raises InputError as `write_whole` would.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"cannot write {path}: a folder has that name; name a file")
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"1")
    except OSError as problem:
        raise InputError(_cannot_write(path, problem)) from problem
    return path


def claim_folder(path: AnyPath, marker: str) -> Path:
    """Make the folder `path`, or accept one that is empty or that an earlier run marked; returns it.

    `marker` is the name of a file that this program's own folders hold (it is written when the folder is
    claimed), so that a second run may go on in its own folder and never writes among somebody's other files.

    Raises InputError where the folder holds other things, is a file or cannot be written.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise InputError(f"cannot write into {path}: it is a file; name a folder")
    if path.is_dir() and not (path / marker).exists():
        half_written = f".{marker}."  # what a run killed while claiming the folder may have left
        strangers = sorted(child.name for child in path.iterdir() if not child.name.startswith(half_written))
        if strangers:
            more = ", ..." if len(strangers) > 1 else ""
            raise InputError(
                f"{path} holds other files ({strangers[0]}{more}) and is not a folder that convscope made "
                f"(no {marker} in it); name a new or empty folder"
            )
    check_can_write(path / marker)
    if not (path / marker).exists():
        write_whole(path / marker, "")
    return path


def _cannot_write(path: Path, problem: OSError) -> str:
    reason = problem.strerror or type(problem).__name__
    return (
        f"cannot write {path}: {reason[0].lower()}{reason[1:]}; name a place that can be written and has room"
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
