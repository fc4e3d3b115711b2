"""What stands in an atlas's files, written and read: names, records, arrays, the manifest. See docs/format.md."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from convscope.errors import InputError

MANIFEST = "atlas.json"
FORMAT = "convscope-atlas"
VERSION = 1

Json = dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,119}")


@dataclass(frozen=True)
class Record:
    """What a task found. key: names it. numbers: plain data for JSON, finite. files: name -> bytes (WebP, PNG)."""

    key: str
    numbers: Json
    files: Mapping[str, bytes] = field(default_factory=dict)


def packed(array: np.ndarray) -> Json:
    """An array of numbers or truths as plain data: dtype (little endian), shape, and its bytes in C order as base64.

    Unlike other numbers of a record these may be infinite or NaN. Raises ValueError for an array of anything else.

    >>> packed(np.array([[1, 2]], np.uint8))
    {'dtype': '|u1', 'shape': [1, 2], 'base64': 'AQI='}
    """
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{array.dtype}: only numbers and truths are packed")
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return {
        "dtype": little.dtype.str,
        "shape": list(array.shape),
        "base64": base64.b64encode(little.tobytes()).decode(),
    }


def unpacked(data: Json) -> np.ndarray:
    """The array that was `packed`, in this machine's byte order. Raises InputError for what is none.

    >>> unpacked({"dtype": "<f4", "shape": [2], "base64": "AACAPwAAwP8="})
    array([ 1., nan], dtype=float32)
    """
    try:
        dtype = np.dtype(data["dtype"])
        if dtype.kind not in "biuf":
            _damaged(f"dtype {dtype}")
        content = base64.b64decode(data["base64"], validate=True)
        return np.frombuffer(content, dtype).reshape(data["shape"]).astype(dtype.newbyteorder("="))
    except (ValueError, TypeError, KeyError) as problem:
        raise InputError(f"an array of the atlas is damaged ({problem}); make the atlas again") from problem


def is_name(name: object) -> bool:
    """Whether a key or a file's name can be part of a path everywhere: letters, digits, `._-`, not hidden, <= 120."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def checked(name: str) -> str:
    """The same name. Raises InputError for one that could lead to another folder."""
    if not is_name(name):
        raise InputError(f"{name!r}: no name of a file of an atlas (letters, digits, ._-); the atlas is not used")
    return name


def is_page(path: object) -> bool:
    """Whether a page may lie there: a relative path, neither the manifest's nor among the records."""
    parts = path.split("/") if isinstance(path, str) else [""]
    return all(map(is_name, parts)) and parts[0] not in (MANIFEST, "records", "files")


def json_bytes(value: Any) -> bytes:
    """Compact JSON as UTF-8. Raises ValueError for numbers that are not finite."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # half a character, as the name of a file may hold, becomes \udcff, which in JSON means just that
    return text.encode(errors="backslashreplace")


def record_bytes(record: Record) -> bytes:
    """A record's JSON, which vouches for its files.

    Raises ValueError for names that `is_name` does not know, and for numbers that are not finite.
    """
    for name in (record.key, *record.files):
        if not is_name(name):
            raise ValueError(f"{name!r}: no name for a file of an atlas")
    files = {name: {"size": len(data), "sha256": sha256(data)} for name, data in record.files.items()}
    return json_bytes({"key": record.key, "numbers": record.numbers, "files": files})


def parse_record(key: str, data: bytes) -> Json:
    """A record's JSON: key, numbers, files (name -> size, sha256). Raises InputError where it is damaged."""
    try:
        record = _load(data)
        numbers, files = record["numbers"], record["files"]
        if record["key"] != key or not isinstance(numbers, dict):
            _damaged("key or numbers")
        for name, told in files.items():
            if not (is_name(name) and _is_hash(told["sha256"]) and _is_whole(told["size"])):
                _damaged(f"file {name!r}")
        return record
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise InputError(f"the record {key} is damaged ({problem}); make the atlas again") from problem


def manifest_bytes(state: str, facts: Json, plan: list[str], records: Json, pages: Json) -> bytes:
    """The manifest. state: "unfinished" or "finished". records, pages: key, path -> SHA-256."""
    head = {"format": FORMAT, "version": VERSION, "state": state}
    return json_bytes({**head, "facts": facts, "plan": plan, "records": records, "pages": pages})


def parse_manifest(data: bytes, where: str) -> Json:
    """The manifest. Raises InputError for one that is damaged, of another format, or that names strange files."""
    try:
        manifest = _load(data)
        if manifest["format"] != FORMAT:
            _damaged(f"format {manifest['format']!r}")
        version = manifest["version"]
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise InputError(
            f"{where} is no manifest of an atlas, or damaged ({problem}); name another folder, or remove this one"
        ) from problem
    if version != VERSION:
        raise InputError(
            f"{where} has version {version!r} of the format, this program knows {VERSION}; "
            "use the convscope that made it, or name a new folder"
        )
    try:
        if manifest["state"] not in ("unfinished", "finished") or not isinstance(manifest["facts"], dict):
            _damaged("state or facts")
        networks = manifest["facts"].get("networks", [])
        if not all(isinstance(network.get("label"), str) for network in networks):
            _damaged("labels of networks")
        names = [*manifest["plan"], *manifest["records"]]
        strange = [*(name for name in names if not is_name(name)), *(p for p in manifest["pages"] if not is_page(p))]
        if strange:
            _damaged(f"it names {strange[0]!r}")
        if not all(map(_is_hash, [*manifest["records"].values(), *manifest["pages"].values()])):
            _damaged("hashes")
        return manifest
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise InputError(f"{where} is damaged ({problem}); name another folder, or remove this one") from problem


def sha256(data: bytes) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _load(data: bytes) -> Any:
    return json.loads(data, parse_constant=_damaged)


def _damaged(what: str) -> NoReturn:
    raise ValueError(what)


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
