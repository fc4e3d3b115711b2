"""Several atlases of one subject become one: halves made on two machines, or layers asked for one after another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from convscope.atlas.format import Json
from convscope.atlas.store import Store, unlike_networks
from convscope.errors import InputError
from convscope.files import AnyPath


@dataclass(frozen=True)
class Merged:
    """What a merge gave: the target holds the records and an unfinished manifest; pages are still to be made.

    facts: of all, as a manifest holds them. plan: keys of the records that the whole atlas needs. keys: of the
    records that are there. missing: keys that the plan or a finished source names and that are not there.
    damaged: a line for each record that was left out because it does not fit its hash.
    """

    store: Store
    facts: Json
    plan: tuple[str, ...]
    keys: tuple[str, ...]
    missing: tuple[str, ...]
    damaged: tuple[str, ...]


def merge(sources: Sequence[AnyPath], target: AnyPath) -> Merged:
    """Copy the records of several atlases, finished or not, into one; every hash is checked on the way.

    The target may be new, an atlas of the same networks, or one of the sources; it is locked while it is written.
    What it has is kept as it is; where two sources have a record of one key, the first's is taken.

    Raises InputError for sources that are not of one subject, naming what differs, and as `Store` does.
    """
    if not sources:
        raise InputError("merge: no atlas is given; name those that are to become one")
    stores = [Store.open(source) for source in sources]
    manifests = [store.manifest() for store in stores]
    facts = manifests[0]["facts"]
    for store, manifest in zip(stores[1:], manifests[1:]):
        try:
            check_one_subject(manifests[0]["facts"], manifest["facts"], (stores[0].url, store.url))
            facts = united(facts, manifest["facts"])
        except (KeyError, TypeError, AttributeError) as problem:
            raise InputError(
                f"{stores[0].url} or {store.url} is damaged: its facts are not those of an atlas ({problem}); "
                "make it again"
            ) from problem
    plan = tuple(dict.fromkeys(key for manifest in manifests for key in manifest["plan"]))
    into, damaged, wanted = Store(target), [], dict.fromkeys(plan)
    with into.lock():
        into.begin(facts, plan)
        for store, manifest in zip(stores, manifests):
            wanted |= dict.fromkeys(manifest["records"])
            for key in sorted({*store.keys(), *manifest["records"]}):
                if not into.has(key):
                    damaged += _copy(store, key, manifest["records"].get(key), into)
    keys = tuple(into.keys())
    missing = [key for key in wanted if not into.has(key)]
    return Merged(into, facts, plan, keys, tuple(missing), tuple(damaged))


def check_one_subject(one: Json, other: Json, names: tuple[str, str]) -> None:
    """Whether two atlases, called by their names, can be parts of one, by their facts.

    Raises InputError, saying what differs, where version, seed, recipe, the pictures' count or classes, or a
    network's weights, input shape or preprocessing are not the same.
    """
    of_one, of_other = f"in {names[0]}", f"in {names[1]}"
    unlike = _unlike(one, other, ("version", "seed", "recipe"), "", of_one, of_other)
    unlike += _unlike(one.get("gallery"), other.get("gallery"), ("count", "classes"), "pictures: ", of_one, of_other)
    unlike += unlike_networks(one, other, ("weights", "input_shape", "preprocessing"), (of_one, of_other))
    if unlike:
        raise InputError(f"not parts of one atlas: {unlike[0]}; merge atlases made with the same settings")


def united(one: Json, other: Json) -> Json:
    """The facts of two parts as those of one atlas: all networks, their layers in running order, all drawn units.

    What was gathered of a layer is kept where it is the same in both, or the layer is of one part only; else its
    "units" is None, to be gathered anew. So it is of all layers where the parts are of different networks, since it
    tells of similar units of the others.
    """
    networks = _joined(one["networks"], other["networks"], "label", _network)
    if {network["label"] for network in one["networks"]} != {network["label"] for network in other["networks"]}:
        networks = [{**network, "layers": [*map(_ungathered, network["layers"])]} for network in networks]
    galleries = [part["gallery"] for part in (one, other) if part.get("gallery")]
    skipped = _all(*(gallery.get("skipped", []) for gallery in galleries))
    return {**one, "networks": networks, "gallery": {**galleries[0], "skipped": skipped} if galleries else None}


def _network(one: Json, other: Json) -> Json:
    layers = _joined(one["layers"], other["layers"], "name", _layer)
    verdicts = one.get("verdicts") or other.get("verdicts")  # both are of all pictures
    return {**one, "layers": layers, "verdicts": verdicts, "seen": _all(one["seen"], other["seen"])}


def _layer(one: Json, other: Json) -> Json:
    mine, theirs = one["records"], other["records"]
    records = {kind: mine[kind] or theirs[kind] for kind in ("units", "kernels", "links")}
    joined = {
        **one,
        "drawn": sorted({*one["drawn"], *other["drawn"]}),
        "parents": _all(one["parents"], other["parents"]),
        "records": {**records, "draw": _all(mine["draw"], theirs["draw"])},
    }
    return joined if mine["units"] == theirs["units"] else _ungathered(joined)


def _ungathered(layer: Json) -> Json:
    return {**layer, "records": {**layer["records"], "units": None}}


def _joined(one: list[Json], other: list[Json], name: str, join: Callable[[Json, Json], Json]) -> list[Json]:
    """Two lists of named things as one, in an order that is each list's own; what both have is joined."""
    theirs = {thing[name]: thing for thing in other}
    joined = {thing[name]: join(thing, theirs[thing[name]]) if thing[name] in theirs else thing for thing in one}
    order = list(joined)
    for place, thing in enumerate(other):
        if thing[name] not in joined:
            after = next((later[name] for later in other[place:] if later[name] in joined), None)
            before = other[place - 1][name] if place else None  # has its place already, if there is one
            where = order.index(before) + 1 if before else order.index(after) if after else len(order)
            order.insert(where, thing[name])
    return [joined.get(each) or theirs[each] for each in order]


def _copy(store: Store, key: str, json_sha256: str | None, into: Store) -> list[str]:
    try:
        record = store.record(key, json_sha256)
    except InputError as problem:
        return [str(problem)]
    into.put(record)
    return []


def _unlike(
    one: Json | None, other: Json | None, keys: Sequence[str], what: str, of_one: str, of_other: str
) -> list[str]:
    pairs = [(key, (one or {}).get(key), (other or {}).get(key)) for key in keys]
    return [f"{what}{key} {mine} {of_one}, {theirs} {of_other}" for key, mine, theirs in pairs if mine != theirs]


def _all(*lists: Sequence[Any]) -> list[Any]:
    """What is in any of them, once."""
    return list(dict.fromkeys(thing for each in lists for thing in each))
