"""Packages that only some tasks need, fetched when first used."""

import importlib
import importlib.metadata
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

from convscope.errors import InputError


def need(package: str, extra: str) -> ModuleType:
    """The module `package`. Raises InputError where it is not installed, with the extra that brings it.

    >>> need("colorsys", "go").rgb_to_hls(0, 0, 0)
    (0.0, 0.0, 0.0)
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as problem:
        if problem.name != package.partition(".")[0]:
            raise
        raise InputError(
            f"{extra}: the package {package} is not installed; pip install 'convscope[{extra}]'"
        ) from None


def lightning() -> Any:
    """PyTorch Lightning, without its advertisements. Raises InputError where it is not installed."""
    with _without_a_broken_torchvision(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its own imports deprecate is no news for whoever trains a network
        package = need("pytorch_lightning", "go,speech,text")
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return package


@contextmanager
def _without_a_broken_torchvision() -> Iterator[None]:
    """Hide a torchvision that was built for another PyTorch.

    Lightning brings torchmetrics, which asks once, when imported, whether torchvision is installed, and fails with it.
    """
    if "pytorch_lightning" in sys.modules or not _is_broken("torchvision"):
        yield
        return
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "torchvision":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    sys.modules["torchvision"] = None  # type: ignore[assignment]  # import's own way to say: not there
    try:
        with patch("lightning_utilities.core.imports._version", version):
            yield
    finally:
        del sys.modules["torchvision"]


def _is_broken(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return False  # not there, which is well
    except RuntimeError:
        return True
    return False
