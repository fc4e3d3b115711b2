"""Arrays in safetensors files, written whole, with notes beside them."""

import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from convscope.errors import InputError
from convscope.files import write_whole


def write_arrays(file: str | os.PathLike[str], arrays: dict[str, np.ndarray], notes: dict[str, str]) -> Path:
    """Write named arrays and notes. Raises InputError where the place cannot be written."""
    return write_whole(file, save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, notes))


def read_arrays(file: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a safetensors file and its notes. Raises InputError for what is no such file."""
    try:
        with safe_open(file, framework="np") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
    except FileNotFoundError:
        raise InputError(f"{file}: no such file; check the path, or make one by `convscope train`") from None
    except PermissionError:
        raise InputError(f"{file}: may not be read (permission denied); change its permissions") from None
    except (SafetensorError, OSError, TypeError) as problem:
        raise InputError(f"{file}: not a safetensors file ({problem}); give weights that convscope wrote") from None
