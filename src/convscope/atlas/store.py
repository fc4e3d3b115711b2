"""An atlas as files: records and what belongs to them, a manifest, pages. Knows files, not networks.

    atlas.json              the manifest: facts about the networks; which records and pages are current
    records/KEY.json        one record: its numbers, and size and SHA-256 of its files
    files/KEY/NAME          its files, pictures mostly
    index.html, ...         the pages

A key stands for everything the record depends on. A record is therefore never overwritten by another one, one that
is there need not be made again, and the pages of an older job stay right until those of the new one stand.
docs/format.md says it all, for programs that read an atlas without this one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from convscope.atlas.folder import folder
from convscope.atlas.format import (
    MANIFEST,
    Json,
    Record,
    checked,
    is_name,
    is_page,
    manifest_bytes,
    packed,
    parse_manifest,
    parse_record,
    record_bytes,
    sha256,
    unpacked,
)
from convscope.errors import InputError
from convscope.files import AnyPath

__all__ = ["MANIFEST", "Record", "Store", "packed", "unlike_networks", "unpacked"]

_OWN = re.compile(r"records/[^/]+\.json|files/[^/]+/[^/]+")
_HALF_WRITTEN = re.compile(r"(.*/)?\.[^/]+\.[a-z0-9_]{8}\.part")


@dataclass(frozen=True)
class _Known:
    """What is remembered of a record that is whole: SHA-256 of its JSON, the names of its files."""

    sha256: str
    files: tuple[str, ...]


class Store:
    """The files of one atlas, in a folder or under any URL that fsspec knows; made with the first thing written.

    Raises InputError for a place that holds something else or an atlas of another format, and for one that cannot be
    written. `Store.open` takes only an atlas that is there, and does not ask whether it can be written.
    """

    def __init__(self, url: AnyPath, *, new: bool = True):
        self.url = str(url)
        self._folder = folder(url)
        self._known: dict[str, _Known] = {}
        self._sizes: dict[str, int] | None = None
        self._claimed = bool(self.manifest())  # a damaged or foreign one is told of now, not after the work
        if new:
            self._folder.check_can_claim(MANIFEST)
        elif not self._claimed:
            raise InputError(f"{self.url} is not an atlas (no {MANIFEST} in it); name a folder of `convscope atlas`")

    @classmethod
    def open(cls, url: AnyPath) -> "Store":
        """An atlas that is there, to be read. Raises InputError for what is none."""
        return cls(url, new=False)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only job that writes here; a job that is killed lets the next one in, too.

        Only local folders can be locked. Elsewhere two jobs do no harm but work twice: what one key names is the same.

        Raises InputError where another job is at work.
        """
        with self._folder.lock(MANIFEST):
            self._forget()  # others may have been here until now
            self._claimed = bool(self.manifest())
            yield

    def has(self, key: str) -> bool:
        """Whether the record is there, with all its files in their full length. Lists the folder once for all keys."""
        if key not in self._known:
            there, path = self._listed(), _record(key)
            try:
                data = self._folder.read(path) if path in there else b""
                files = parse_record(key, data)["files"]
            except (FileNotFoundError, InputError):  # missing, or damaged in some way
                return False
            if any(there.get(self.path(key, name)) != told["size"] for name, told in files.items()):
                return False
            self._known[key] = _Known(sha256(data), tuple(files))
        return True

    def keys(self) -> list[str]:
        """The keys of all records that are there as `has` means it, ascending, whether a manifest names them or not."""
        return sorted(key for key in {*_keys(self._listed()), *self._known} if self.has(key))

    def put(self, record: Record) -> None:
        """Write a record: first its files, then the JSON that vouches for them.

        Raises ValueError for keys and names that are no plain names (letters, digits, `._-`, not hidden, at most 120)
        and for numbers that are not finite; InputError where the place cannot be written.
        """
        data = record_bytes(record)
        if not self._claimed:
            self._write_manifest("unfinished", {}, (), {}, {})
        for name, content in record.files.items():
            self._folder.write(self.path(record.key, name), content)
        self._folder.write(_record(record.key), data)
        self._known[record.key] = _Known(sha256(data), tuple(record.files))

    def numbers(self, key: str) -> Json:
        """The numbers of a record. Raises InputError where it is missing or damaged."""
        return parse_record(key, self.read(_record(key)))["numbers"]

    def files(self, key: str) -> list[str]:
        """The names of a record's files. Raises InputError where it is missing or damaged."""
        return list(self._known[key].files if self.has(key) else parse_record(key, self.read(_record(key)))["files"])

    def path(self, key: str, name: str) -> str:
        """Where a record's file lies: a path relative to the atlas, with forward slashes as in a link.

        Raises InputError for names that could lead elsewhere.
        """
        return f"files/{checked(key)}/{checked(name)}"

    def read(self, path: str) -> bytes:
        """The bytes of a file by its path in the atlas. Raises InputError where there is none, or it lies outside."""
        try:
            return self._folder.read("/".join(map(checked, path.split("/"))))
        except FileNotFoundError as problem:
            raise InputError(f"{self.url} lacks {path}; make the atlas again, what is there is kept") from problem

    def record(self, key: str, json_sha256: str | None = None) -> Record:
        """A record with all its files, every hash checked. json_sha256: of its JSON, where a manifest says it.

        Raises InputError where something is missing, changed or damaged.
        """
        data = self.read(_record(key))
        parsed = parse_record(key, data)
        files = {name: self.read(self.path(key, name)) for name in parsed["files"]}
        changed = [
            self.path(key, name) for name, told in parsed["files"].items() if sha256(files[name]) != told["sha256"]
        ]
        if json_sha256 not in (None, sha256(data)):
            changed.append(_record(key))
        if changed:
            raise InputError(f"{self.url}: {changed[0]} is changed; make the atlas again")
        return Record(key, parsed["numbers"], files)

    def manifest(self) -> Json:
        """The manifest (docs/format.md); empty where nothing is written yet.

        Raises InputError for one that is damaged, of another format or version, or that names files elsewhere.
        """
        try:
            return parse_manifest(self._folder.read(MANIFEST), f"{self.url}/{MANIFEST}")
        except FileNotFoundError:
            return {}

    def begin(self, facts: Json, plan: Sequence[str] = ()) -> None:
        """Say what the atlas is to be of. plan: keys of all the records it needs, as far as they are known.

        Nothing is removed: pages and records of an older job stand until `publish`.

        Raises InputError where the atlas here is of other networks, or of another one of the same label.
        """
        old = self.manifest()
        before, now = ([one["label"] for one in each.get("networks", ())] for each in (old.get("facts", {}), facts))
        unlike = unlike_networks(old.get("facts", {}), facts)
        if before and not set(before) & set(now):
            unlike = [f"networks {', '.join(before)} here, {', '.join(now)} now"]
        if unlike:
            raise InputError(
                f"{self.url} is an atlas of another network: {unlike[0]}; name another folder, or another label"
            )
        self._write_manifest("unfinished", facts, plan, {}, old.get("pages", {}))

    def publish(self, facts: Json, keys: Iterable[str], pages: Mapping[str, bytes | str]) -> None:
        """Write pages and manifest; remove what only an older job needed, or a killed one left. keys: all that stay.

        pages: relative path -> content. They come first; the manifest that vouches for all comes last.

        Raises ValueError for pages that would lie among the records; InputError where a record is missing.
        """
        old, records, contents = self.manifest(), {}, {}
        for key in sorted(set(keys)):
            if not self.has(key):
                raise InputError(f"{self.url} lacks the record {key}; make the atlas again, what is there is kept")
            records[key] = self._known[key].sha256
        for path, content in pages.items():
            if not is_page(path):
                raise ValueError(f"{path!r}: no place for a page of an atlas")
            contents[path] = content.encode(errors="replace") if isinstance(content, str) else content
        hashes, plan = {path: sha256(content) for path, content in contents.items()}, old.get("plan", ())
        # names first, so that pages that a job killed now leaves are known as the atlas's own
        self._write_manifest("unfinished", facts, plan, {}, {**old.get("pages", {}), **hashes})
        for path, content in contents.items():
            self._folder.write(path, content)
        self._write_manifest("finished", facts, plan, records, hashes)
        stay = {MANIFEST, *hashes, *map(_record, records)}
        stay |= {self.path(key, name) for key in records for name in self._known[key].files}
        self._tidy(stay, set(old.get("pages", ())))

    def verify(self) -> list[str]:
        """One line for each file that is missing, changed, half written or unknown; empty where all is well.

        In an unfinished atlas every record that is there is checked against its own word, and no page.
        """
        manifest, there = self.manifest(), self._folder.sizes()
        finished = manifest.get("state") == "finished"
        records = manifest["records"] if finished else dict.fromkeys(_keys(there))
        lines, vouched, doubtful = [], {MANIFEST, *map(_record, records)}, []
        for key, expected in sorted(records.items()):
            wrong, files = self._wrong(_record(key), expected, there), {}
            try:
                files = {} if wrong else parse_record(key, self.read(_record(key)))["files"]
            except InputError as problem:
                wrong = [f"{_record(key)}: {problem}"]
            if wrong:
                doubtful.append(f"files/{key}/")  # whether what is there belongs there, nobody can say
            lines += wrong
            for name, told in files.items():
                vouched.add(path := self.path(key, name))
                lines += self._wrong(path, told["sha256"], there, told["size"])
        for path, expected in sorted(manifest["pages"].items()) if finished else ():
            lines += self._wrong(path, expected, there)
        for path in sorted(set(there) - vouched):
            if _HALF_WRITTEN.fullmatch(path):
                lines.append(f"{path}: half written; it goes when the atlas is made again")
            elif _OWN.fullmatch(path) and not path.startswith(tuple(doubtful)):
                lines.append(f"{path}: no record names it; it goes when the atlas is made again")
        return lines

    def _wrong(self, path: str, expected: str | None, there: Mapping[str, int], size: int | None = None) -> list[str]:
        if path not in there:
            return [f"{path}: missing"]
        if size not in (None, there[path]):
            return [f"{path}: {there[path]} bytes of {size}"]
        return [] if expected in (None, sha256(self.read(path))) else [f"{path}: changed"]

    def _tidy(self, stay: set[str], old_pages: set[str]) -> None:
        """Remove what is the atlas's own and is not to stay; what is not known as its own is left alone."""
        above = {path.rpartition("/")[0] for path in stay | old_pages}
        for path in sorted(set(self._folder.sizes()) - stay):
            parent = path.rpartition("/")[0]
            half = _HALF_WRITTEN.fullmatch(path) and (parent in above or parent.startswith("files/"))
            if half or path in old_pages or _OWN.fullmatch(path):
                self._folder.remove(path)
        self._forget()

    def _write_manifest(self, state: str, facts: Json, plan: Sequence[str], records: Json, pages: Json) -> None:
        self._folder.write(MANIFEST, manifest_bytes(state, facts, list(plan), records, pages))
        self._claimed = True

    def _listed(self) -> Mapping[str, int]:
        if self._sizes is None:
            self._sizes = self._folder.sizes()
        return self._sizes

    def _forget(self) -> None:
        self._sizes, self._known = None, {}


def unlike_networks(
    one: Json, other: Json, what: Sequence[str] = ("weights",), names: tuple[str, str] = ("here", "now")
) -> list[str]:
    """What differs between the networks of the same label in two atlases' facts, in words.

    >>> unlike_networks({"networks": [{"label": "a", "weights": "b"}]}, {"networks": [{"label": "a", "weights": "c"}]})
    ["network 'a': weights b here, c now"]
    """
    lines, others = [], {network.get("label"): network for network in other.get("networks", ())}
    for network in one.get("networks", ()):
        label = network.get("label")
        for key in what if label in others else ():
            old, new = network.get(key), others[label].get(key)
            if old != new:
                short = slice(0, 12 if key == "weights" else None)
                lines.append(f"network {label!r}: {key} {str(old)[short]} {names[0]}, {str(new)[short]} {names[1]}")
    return lines


def _record(key: str) -> str:
    return f"records/{checked(key)}.json"


def _keys(paths: Iterable[str]) -> list[str]:
    names = [path.split("/")[1] for path in paths if re.fullmatch(r"records/[^/]+\.json", path)]
    return [key for name in names if is_name(key := name.removesuffix(".json"))]
