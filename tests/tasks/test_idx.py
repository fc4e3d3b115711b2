"""IDX files: sound ones in every dress, and each way of being wrong with its line."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from convscope.errors import InputError
from convscope.tasks import idx

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 3, 7), np.uint8)


def pack(array: np.ndarray, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def written(folder: Path, content: bytes, name: str = "file") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize("dress", [bytes, gzip.compress])
@pytest.mark.parametrize("name", ["plain", "named.gz"])
def test_reads_back_plain_and_gzipped_whatever_the_name(tmp_path, dress, name):
    file = written(tmp_path, dress(pack(PICTURES)), name)
    assert (idx.read(file, 3) == PICTURES).all()


def test_labels(tmp_path):
    labels = np.array([3, 1, 2], np.uint8)
    assert (idx.read(written(tmp_path, pack(labels)), 1) == labels).all()


@pytest.mark.parametrize(
    ("content", "dimensions", "line"),
    [
        (b"", 3, "not an IDX file.*begins with nothing"),
        (b"\x89PNG\r\n\x1a\n", 3, "not an IDX file.*89 50 4e 47"),
        (b"\0\0\x07\x03" + bytes(50), 3, "not an IDX file.*00 00 07 03"),
        (pack(PICTURES, 0x0D), 3, r"type 0x0d \(float\); only 0x08 \(unsigned byte\)"),
        (pack(PICTURES), 1, r"holds pictures \(3 dimensions\), but labels \(1 dimension\).*interchanged"),
        (pack(PICTURES[0, 0]), 3, r"holds labels \(1 dimension\), but pictures \(3 dimensions\)"),
        (pack(PICTURES[0]), 3, r"holds an array \(2 dimensions\)"),
        (pack(PICTURES)[:9], 3, "truncated within its header"),
        (pack(PICTURES)[:-1], 3, "announces 5 x 3 x 7 = 105 bytes, 104 follow"),
        (pack(PICTURES) + b"\n", 3, "bytes follow after the 5 x 3 x 7 = 105"),
        (gzip.compress(pack(PICTURES) + b"\n"), 3, "bytes follow after"),
        (gzip.compress(pack(PICTURES))[:-12], 3, r"gzip data ends too early \(truncated file\)"),
        (gzip.compress(pack(PICTURES))[:-8] + bytes(8), 3, "gzip data is corrupt.*CRC"),
        (b"\x1f\x8b" + bytes(40), 3, "gzip data is corrupt"),
        (b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**31, 2**31), 3, "at most 1073741824 are read"),
    ],
)
def test_bad_files(tmp_path, content, dimensions, line):
    file = written(tmp_path, content)
    with pytest.raises(InputError, match=line) as caught:
        idx.read(file, dimensions)
    assert str(file) in str(caught.value)


def test_a_gzip_bomb_is_not_unpacked_beyond_its_header(tmp_path, monkeypatch):
    monkeypatch.setattr(gzip.GzipFile, "read", only_small_reads(gzip.GzipFile.read))
    file = written(tmp_path, gzip.compress(pack(PICTURES) + bytes(10_000_000)))
    with pytest.raises(InputError, match="bytes follow after"):
        idx.read(file, 3)


def only_small_reads(read):
    def limited(self, size=-1):
        assert 0 <= size <= PICTURES.size + 1
        return read(self, size)

    return limited


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read \(No such file"):
        idx.read(tmp_path / "none", 3)
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory"):
        idx.read(tmp_path, 3)


def test_another_hash(tmp_path):
    with pytest.raises(InputError, match=r"has MD5 [0-9a-f]{32}, not 00; install convscope again"):
        idx.read(written(tmp_path, pack(PICTURES)), 3, md5="00")
