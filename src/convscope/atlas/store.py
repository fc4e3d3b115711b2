"""An atlas on disk: records and their pictures, a manifest, pages. Knows files, not networks.

    convscope-atlas.json        the manifest: facts about the network, which records and pages are current
    records/NAME-HASH.json      one record: its numbers and the list of its pictures
    pictures/NAME-HASH/*.png    its pictures
    *.html, zh/*.html, ...      the pages

HASH is the recipe's: everything the record depends on. A record is therefore never overwritten by another
one, one that is there need not be made again, and the pages of an older run stay right until the pages of the
new one stand.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from convscope.errors import InputError
from convscope.files import check_can_claim, claim_folder, write_whole

MANIFEST = "convscope-atlas.json"


@dataclass(frozen=True)
class Record:
    """What one task found: `numbers` (plain data, for JSON) and `pictures` (file name -> PNG bytes)."""

    key: str
    numbers: dict[str, Any]
    pictures: Mapping[str, bytes]


class Store:
    """The folder of one atlas; it is made with the first record.

    Raises InputError where `folder` is a file, holds something else than an atlas, or cannot be written.
    """

    def __init__(self, folder: str | Path):
        self.folder = check_can_claim(folder, MANIFEST)
        self.manifest()  # a damaged one is told of now, not after the work

    def has(self, key: str) -> bool:
        """Whether the record is there, with all its pictures."""
        try:
            record = json.loads(self._record(key).read_text(encoding="utf-8"))
            return all(
                (self.folder / self.picture(key, name)).stat().st_size == size
                for name, size in record["pictures"].items()
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # missing, or damaged in some way
            return False

    def put(self, record: Record) -> None:
        """Write the pictures, then the record that vouches for them."""
        if not (self.folder / MANIFEST).exists():
            claim_folder(self.folder, MANIFEST)
        for name, png in record.pictures.items():
            write_whole(self.folder / self.picture(record.key, name), png)
        sizes = {name: len(png) for name, png in record.pictures.items()}
        write_whole(self._record(record.key), _json({"numbers": record.numbers, "pictures": sizes}))

    def numbers(self, key: str) -> dict[str, Any]:
        """The numbers of a record that is there."""
        return json.loads(self._record(key).read_text(encoding="utf-8"))["numbers"]

    def picture(self, key: str, name: str) -> str:
        """Where a record's picture lies: a path relative to the folder, with forward slashes as in a link."""
        return str(PurePosixPath("pictures", key, name))

    def manifest(self) -> dict[str, Any]:
        """The manifest; empty while the first run into this folder has not finished.

        Raises InputError where the file has been damaged or is not an atlas's.
        """
        path = self.folder / MANIFEST
        try:
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            manifest = json.loads(text) if text else {}
        except (OSError, ValueError) as problem:
            raise InputError(
                f"cannot read {path} ({problem}); remove the folder and make the atlas again"
            ) from problem
        if not isinstance(manifest, dict):
            raise InputError(f"{path} is not the manifest of an atlas; name a new or empty folder")
        return manifest

    def publish(
        self, facts: Mapping[str, Any], keys: Iterable[str], pages: Mapping[str, bytes | str]
    ) -> None:
        """Write the pages and the manifest; remove what only an older run needed, or a killed one left."""
        old, keys = self.manifest(), set(keys)
        for name, content in pages.items():
            write_whole(self.folder / name, content)
        for name in set(old.get("pages", ())) - set(pages):
            (self.folder / name).unlink(missing_ok=True)
        manifest = {"facts": facts, "records": sorted(keys), "pages": sorted(pages)}
        write_whole(self.folder / MANIFEST, _json(manifest))
        try:
            self._tidy(keys)
        except OSError as problem:
            raise InputError(
                f"the atlas is written, but {problem.filename} of an older one cannot be removed "
                f"({problem.strerror}); remove it, or name a new folder"
            ) from problem

    def _tidy(self, keys: set[str]) -> None:
        for path in (self.folder / "records").glob("*.json"):
            if path.stem not in keys:
                path.unlink()
        for path in (self.folder / "pictures").glob("*/"):
            if path.name not in keys:
                shutil.rmtree(path)
        for path in self.folder.rglob(".*.part"):
            path.unlink()

    def _record(self, key: str) -> Path:
        return self.folder / "records" / f"{key}.json"


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
