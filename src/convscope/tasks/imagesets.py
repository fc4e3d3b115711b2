"""Labelled pictures of 28 x 28 from a folder: four IDX files like MNIST's, or a folder a class."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, UInt8
from PIL import Image

from convscope import imagefiles
from convscope.errors import InputError
from convscope.tasks import idx

SIDE = 28
_IDX_PARTS = ("train-images", "train-labels", "t10k-images", "t10k-labels")


@dataclass(frozen=True, eq=False)
class ImageData:
    """Training and test pictures (grey, 0 black to 255 white) with their labels.

    A label is a place in `classes`, the classes' names. `skipped` has one line for each file that was no
    sound picture.
    """

    train_images: UInt8[np.ndarray, "n 28 28"]
    train_labels: Int64[np.ndarray, " n"]
    test_images: UInt8[np.ndarray, "t 28 28"]
    test_labels: Int64[np.ndarray, " t"]
    classes: tuple[str, ...]
    name: str
    skipped: tuple[str, ...] = ()


def from_folder(folder: Path) -> ImageData:
    """The set in `folder`, in either form.

    IDX: train-images-idx3-ubyte, train-labels-idx1-ubyte and the same with t10k (also spelled
    train-images.idx3-ubyte, each perhaps with .gz); the classes are 0 to 9 unless a classes.txt beside them
    has one name a line.

    Pictures: train/ and test/ that hold a folder for each class, or the class folders alone, of each of
    which a sixth is then held out for the test, the same pictures every time. Classes are in the order of
    their names, by value if all are numbers. See `fitted` for pictures of other sizes.

    Raises InputError for a folder that holds neither, or holds it incompletely.
    """
    try:
        if not folder.is_dir():
            what = "not a folder" if folder.exists() else "no such folder"
            raise InputError(f"data={folder}: {what}; name one with IDX files or with class folders of pictures")
        files = {part: _idx_file(folder, part) for part in _IDX_PARTS}
        if any(files.values()):
            return _from_idx(folder, files)
        return _from_class_folders(folder)
    except OSError as problem:
        raise InputError(
            f"data={folder}: {problem.filename} cannot be looked into ({problem.strerror}); change its permissions, "
            "or name another folder"
        ) from problem


def _idx_file(folder: Path, part: str) -> Path | None:
    kind = "idx3-ubyte" if part.endswith("images") else "idx1-ubyte"
    spellings = (folder / f"{part}{joint}{kind}{packed}" for joint in "-." for packed in ("", ".gz"))
    return next((file for file in spellings if file.is_file()), None)


def _from_idx(folder: Path, files: dict[str, Path | None]) -> ImageData:
    missing = [part for part, file in files.items() if file is None]
    if missing:
        raise InputError(f"data={folder}: no IDX file for {', '.join(missing)}; put it beside the others")
    train_images, train_labels, test_images, test_labels = (
        idx.read(file, 3 if part.endswith("images") else 1) for part, file in files.items() if file
    )
    classes = _class_names(folder)
    return checked(train_images, train_labels, test_images, test_labels, classes, folder.resolve().name)


def _class_names(folder: Path) -> tuple[str, ...]:
    file = folder / "classes.txt"
    if not file.is_file():
        return tuple("0123456789")
    try:
        names = tuple(line.strip() for line in file.read_text("utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"{file}: cannot be read ({problem}); save it as UTF-8 text") from problem
    if not names:
        raise InputError(f"{file}: names no class; write one name a line, or remove the file for 0 to 9")
    if len(set(names)) < len(names):
        raise InputError(f"{file}: the same name stands twice; give each class a name of its own")
    return names


def checked(
    train_images: np.ndarray,
    train_labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    classes: tuple[str, ...],
    name: str,
    skipped: tuple[str, ...] = (),
) -> ImageData:
    """ImageData of parts that fit together; raises InputError, with `name`, where they do not."""
    for part, images, labels in (("train", train_images, train_labels), ("test", test_images, test_labels)):
        if len(images) != len(labels):
            raise InputError(
                f"{name}: {len(images)} {part} images but {len(labels)} labels; give one for each"
            )
        if not len(images):
            raise InputError(f"{name}: no {part} images; add some")
        if images.shape[1:] != (SIDE, SIDE):
            size = f"{images.shape[1]} x {images.shape[2]}"
            raise InputError(f"{name}: {part} images are {size}; must be {SIDE} x {SIDE}, scale them first")
        wrong = np.flatnonzero(labels >= len(classes))
        if wrong.size:
            raise InputError(
                f"{name}: {part} label {labels[wrong[0]]} (item {wrong[0]}) is out of range, {len(classes)} "
                f"classes have 0..{len(classes) - 1}; correct it, or name all in a classes.txt, one a line"
            )
    if len(np.unique(train_labels)) < 2:
        raise InputError(f"{name}: the training images are all of one class; give at least two classes")
    train_labels, test_labels = train_labels.astype(np.int64), test_labels.astype(np.int64)
    return ImageData(train_images, train_labels, test_images, test_labels, classes, name, skipped)


def _from_class_folders(folder: Path) -> ImageData:
    train, test = folder / "train", folder / "test"
    apart = train.is_dir() and test.is_dir()
    classes = _folders(train if apart else folder)
    if len(classes) < 2:
        raise InputError(
            f"data={folder}: holds neither IDX files ({_IDX_PARTS[0]}-idx3-ubyte, ...) nor two or more class "
            f"folders of pictures (folders in it: {len(classes)}); name another folder"
        )
    skipped: list[str] = []
    images, labels = _pictures(train if apart else folder, classes, skipped)
    counts = np.bincount(labels, minlength=len(classes))
    least = 1 if apart else 2
    for name, count in zip(classes, counts):
        if count < least:
            why = f"; the first of {len(skipped)} skipped files is {skipped[0]}" if skipped else ""
            raise InputError(
                f"data={folder}: class {name} has {count} sound pictures, give it {least} or more{why}"
            )
    name = folder.resolve().name
    if not apart:
        kept, held = hold_out(labels, np.maximum(counts // 6, 1), seed=0)
        parts = images[kept], labels[kept], images[held], labels[held]
        return checked(*parts, classes, name, tuple(skipped))
    strange = sorted(set(_folders(test)) - set(classes))
    if strange:
        raise InputError(f"data={folder}: test/{strange[0]} is no class of train/; make the folders match")
    parts = images, labels, *_pictures(test, classes, skipped)
    return checked(*parts, classes, name, tuple(skipped))


def _visible(entries: Iterable[Path]) -> list[Path]:
    return sorted(entry for entry in entries if not entry.name.startswith((".", "__")))


def _folders(folder: Path) -> tuple[str, ...]:
    names = [entry.name for entry in _visible(folder.iterdir()) if entry.is_dir()]
    if all(name.isdecimal() for name in names):
        names.sort(key=int)
    return tuple(names)


def _pictures(
    folder: Path, classes: tuple[str, ...], skipped: list[str]
) -> tuple[UInt8[np.ndarray, "n 28 28"], Int64[np.ndarray, " n"]]:
    """The sound pictures of every class folder; appends one line to `skipped` for each of the others."""
    images, labels = [], []
    for label, name in enumerate(classes):
        inside = folder / name
        for file in _visible(inside.iterdir()) if inside.is_dir() else ():
            if file.is_dir():
                continue
            try:
                images.append(fitted(imagefiles.read_grey(file)))
                labels.append(label)
            except InputError as problem:
                skipped.append(str(problem))
    return np.array(images, np.uint8).reshape(-1, SIDE, SIDE), np.array(labels, np.int64)


def fitted(picture: Float32[np.ndarray, "h w"]) -> UInt8[np.ndarray, "28 28"]:
    """A grey picture brought to 28 x 28: its longer side scaled to 28, its proportions kept, centred.

    What remains beside it takes the median of its edge pixels. Black and white stay as they are.
    """
    height, width = picture.shape
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    square = np.full((SIDE, SIDE), np.median(edge), np.float32)
    rows = max(1, round(SIDE * height / max(height, width)))
    columns = max(1, round(SIDE * width / max(height, width)))
    if (rows, columns) != picture.shape:
        smooth = Image.Resampling.BILINEAR  # averages over all it covers when it shrinks
        picture = np.asarray(Image.fromarray(picture).resize((columns, rows), smooth, reducing_gap=3))
    top, left = (SIDE - rows) // 2, (SIDE - columns) // 2
    square[top : top + rows, left : left + columns] = picture
    return np.rint(square).astype(np.uint8)


def hold_out(
    labels: Int64[np.ndarray, " n"], quotas: np.ndarray, seed: int
) -> tuple[Int64[np.ndarray, " kept"], Int64[np.ndarray, " held"]]:
    """Places in `labels` to keep and to hold out, both rising; of class k `quotas[k]` are held, by chance."""
    chance = np.random.default_rng(seed)
    held = [chance.permutation(np.flatnonzero(labels == k))[:quota] for k, quota in enumerate(quotas)]
    chosen = np.zeros(len(labels), bool)
    chosen[np.concatenate(held)] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
