"""Makes src/convscope/data/text/movies.tsv.xz from the data of Hutto & Gilbert (2014).

    python scripts/make_movies.py hutto_ICWSM_2014.tar.gz

The archive is additional_resources/hutto_ICWSM_2014.tar.gz in the source distribution of vaderSentiment 3.3.2.
"""

import argparse
import lzma
import tarfile
from pathlib import Path

from convscope.files import write_whole

MEMBER = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
OUT = Path(__file__).parents[1] / "src" / "convscope" / "data" / "text" / "movies.tsv.xz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    with tarfile.open(options.archive) as archive:
        member = archive.extractfile(MEMBER)
        if member is None:
            raise SystemExit(f"{options.archive}: no {MEMBER} in it")
        lines = member.read().decode("utf-8").splitlines()
    rows = ["rating\ttext"]
    for line in lines:
        _, rating, text = line.split("\t")
        rows.append(f"{float(rating):.2f}\t{' '.join(text.split())}")
    packed = lzma.compress(("\n".join(rows) + "\n").encode(), preset=9 | lzma.PRESET_EXTREME)
    write_whole(options.out, packed)
    print(f"{len(rows) - 1} texts, {len(packed)} bytes in {options.out}")


if __name__ == "__main__":
    main()
