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

    Raises InputError where the place cannot be written: read-only, full, a file in the way, a folder or a
    device of that name.
    """
    path = Path(path)
    content = data.encode() if isinstance(data, str) else data
    beside = None
    try:
        _check_not_special(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # of a long name only a part, so that the two names together fit where the name itself does
        handle, beside = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent)
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


def check_can_write(path: AnyPath, room: int = 1) -> Path:
    """Say now, before long work, that `room` bytes could not be written to `path` at its end; leaves nothing behind.

    Raises InputError as `write_whole` would.
    """
    path = Path(path)
    try:
        _check_not_special(path)
        folder = path.parent
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(room))
    except OSError as problem:
        raise InputError(_cannot_write(path, problem)) from problem
    return path


def check_can_claim(path: AnyPath, marker: str) -> Path:
    """Say now that `claim_folder` would refuse; leaves nothing behind. Raises InputError as that does."""
    path = Path(path)
    try:
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
    except OSError as problem:
        raise InputError(_cannot_write(path, problem)) from problem
    check_can_write(path / marker)
    return path


def claim_folder(path: AnyPath, marker: str) -> Path:
    """Make the folder `path`, or accept one that is empty or that an earlier run marked; returns it.

    `marker` is the name of a file that this program's own folders hold (it is written when the folder is
    claimed), so that a second run may go on in its own folder and never writes among somebody's other files.

    Raises InputError where the folder holds other things, is a file or cannot be written.
    """
    path = check_can_claim(path, marker)
    if not (path / marker).exists():
        write_whole(path / marker, "")
    return path


def _check_not_special(path: Path) -> None:
    """Taking the name of a device or a pipe would destroy it."""
    if path.is_dir():
        raise InputError(f"cannot write {path}: a folder has that name; name a file")
    if path.exists() and not path.is_file():
        raise InputError(f"cannot write {path}: it is a device or a pipe; name an ordinary file")


def _cannot_write(path: Path, problem: OSError) -> str:
    reason = problem.strerror or type(problem).__name__
    return (
        f"cannot write {path}: {reason[0].lower()}{reason[1:]}; name a place that can be written and has room"
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
