"""The records of an atlas as the pages need them: found by network, layer and unit, each read when it is asked for."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from convscope.atlas.site.scripts import brief
from convscope.atlas.store import Store

Data = dict[str, Any]
At = tuple[int, int]
"""A layer: the network's place in the atlas, the layer's place in the network."""


@dataclass(frozen=True)
class Picture:
    """A kept real picture. path: None where it was gone when it was to be kept."""

    path: str | None
    name: str
    width: int | None
    height: int | None
    of: str | None


@dataclass(frozen=True)
class Face:
    """What stands for a unit among others: its drawing, or else the part of a real picture that excites it most.

    part: (width, height, box) of the whole picture at `path`, the box null for all of it; empty where `path` is cut.
    """

    path: str
    drawn: bool
    part: tuple[Any, ...] = ()


class Folders:
    """Paths as "number of the folder/name", since a page holds many of one folder."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def short(self, path: str | None) -> str | None:
        """The path with its folder's number in its folder's stead."""
        if path is None:
            return None
        folder, _, name = path.rpartition("/")
        return f"{self._numbers.setdefault(folder, len(self._numbers))}/{name}"

    def face(self, face: Face | None) -> str | list[Any] | None:
        """A face for a script: the path of a drawing, or a list of a path and what there is of a part."""
        if face is None:
            return None
        path = self.short(face.path)
        return path if face.drawn else [path, *face.part]

    @property
    def names(self) -> list[str]:
        """The folders by number."""
        return list(self._numbers)


class Shelf:
    """All of a store's records that belong to the atlas of these facts. Keeps in mind the last few that were read."""

    def __init__(self, store: Store, facts: Data):
        self._store = store
        self.facts = facts
        self.networks: list[Data] = facts["networks"]
        self._labels = {network["label"]: place for place, network in enumerate(self.networks)}
        self._layers = [
            {layer["name"]: place for place, layer in enumerate(network["layers"])} for network in self.networks
        ]
        self.numbers = lru_cache(maxsize=16)(store.numbers)
        self.drawn = lru_cache(maxsize=8)(self._find_drawn)
        self._names = lru_cache(maxsize=32)(lambda key: frozenset(store.files(key)))
        self.faces: dict[At, list[Face | None]] = {}

    def member(self, label: str | int) -> int:
        """A network's place, by place or by label."""
        return label if isinstance(label, int) else self._labels[label]

    def place(self, member: int, layer: str) -> int | None:
        """A layer's place in its network; None where the atlas does not have it."""
        return self._layers[member].get(layer)

    def layer(self, at: At) -> Data:
        return self.networks[at[0]]["layers"][at[1]]

    def record(self, at: At, kind: str) -> Data | None:
        """The numbers of a layer's one record of a kind (units, kernels, links), None where there is none."""
        key = self.layer(at)["records"][kind]
        return None if key is None else self.numbers(key)

    def file(self, key: str, name: str) -> str | None:
        """Path of a record's file, None where the record has no such file."""
        return self._store.path(key, name) if name in self._names(key) else None

    def kernel(self, at: At, unit: int) -> str | None:
        """Path of a unit's kernel picture."""
        key = self.layer(at)["records"]["kernels"]
        return None if key is None else self.file(key, f"unit-{unit}.png")

    def pictures(self, member: int) -> dict[int, Picture]:
        """Whole pictures that were kept, by number."""
        found = {}
        for key in self.networks[member]["seen"]:
            for one in self.numbers(key)["pictures"]:
                path = None if one["file"] is None else self._store.path(key, one["file"])
                found[one["number"]] = Picture(path, one["name"], one["width"], one["height"], one["class"])
        return found

    def json(self, at: At) -> str | None:
        """Path of the record that says all of a layer's units, see docs/format.md."""
        key = self.layer(at)["records"]["units"]
        return None if key is None else f"records/{key}.json"

    def _find_drawn(self, at: At) -> dict[int, Data]:
        """Of each drawn unit its drawings' paths, and how they were made."""
        found = {}
        for key in self.layer(at)["records"]["draw"]:
            numbers = self._store.numbers(key)
            for column, unit in enumerate(numbers["units"]):
                values = numbers["value"][column]
                found[unit] = {
                    "files": [self.file(key, f"unit-{unit}-{facet}.webp") for facet in range(len(values))],
                    "values": [brief(value) for value in values],
                    **{name: numbers[name] for name in ("size", "how", "command")},
                }
        return found

    def find_faces(self, at: At, units: Data, pictures: dict[int, Picture]) -> None:
        """Note what stands for each unit of a layer; for what repeats a unit, of a layer whose faces were found."""
        faces: list[Face | None] = [None] * self.layer(at)["shape"][0]
        for unit, drawn in self.drawn(at).items():
            path = drawn["files"][0]
            faces[unit] = None if path is None else Face(path, drawn=True)
        for unit, other in enumerate(units["copy"]):
            if other is not None and faces[unit] is None:
                faces[unit] = self.face(at[0], *other)
        faces = [self._real(at, units, unit, pictures) if face is None else face for unit, face in enumerate(faces)]
        self.faces[at] = faces

    def _real(self, at: At, units: Data, unit: int, pictures: dict[int, Picture]) -> Face | None:
        """The part of a real picture that excites a unit most; None where there is none, or it is gone."""
        top = units.get("top")
        if not top or not top["picture"][unit]:
            return None
        if top.get("crop"):
            crop = self.file(self.layer(at)["records"]["units"], top["crop"][unit][0])
            return None if crop is None else Face(crop, drawn=False)
        picture, box = pictures.get(top["picture"][unit][0]), top["box"][unit][0] if top.get("box") else None
        if picture is None or picture.path is None:
            return None
        return Face(picture.path, drawn=False, part=(picture.width, picture.height, box))

    def face(self, member: int, layer: str, unit: int) -> Face | None:
        """What stands for a unit, of a layer whose faces were found; None where nothing does."""
        place = self.place(member, layer)
        return self.faces[member, place][unit] if place is not None and (member, place) in self.faces else None
