"""Which recordings are learned from and which are tested on: never the same speaker on both sides, where known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from convscope.errors import InputError
from convscope.tasks.speech.recordings import FSDD, Recordings

FSDD_TEST = range(5)
"""The takes that the Free Spoken Digit Dataset sets aside for the test."""
FEWEST = 3  # speakers, or recordings: one to learn from, one to validate on, one to test on
BY_SPEAKER = "by speaker"

Places = Int64[np.ndarray, " k"]


@dataclass(frozen=True)
class Split:
    """Places of recordings to learn from, to validate and to test on; `how` says what is never on both sides."""

    train: Places
    validation: Places
    test: Places
    how: str


def split(recordings: Recordings, validation: float = 0.1, test: float = 0.1, seed: int = 0) -> Split:
    """By speaker, where there are FEWEST or more and each recording has one: none is on two sides. Else by recording.

    The shares are of the speakers, one at least for each part; which, is the seed's choice. Raises InputError where
    there are too few recordings, and where a word is left with none to learn from.
    """
    how, member, held = _shuffled(recordings, seed)
    parts, groups = [], len(held)
    for share in (test, validation):
        count = min(max(round(share * groups), 1), len(held) - 2 + len(parts))  # one is left for each part to come
        taken = (np.arange(count) * len(held) + len(held) // 2) // count
        parts.append(np.flatnonzero(np.isin(member, held[taken])))
        held = np.delete(held, taken)
    train = np.flatnonzero(np.isin(member, held))
    _check_all_words(recordings, train)
    return Split(train, parts[1], parts[0], how)


def folds(recordings: Recordings, most: int = 6, validation: float = 0.1, seed: int = 0) -> dict[str, Split]:
    """Splits of which each tests on other speakers, all of them in turn: one each, or so many groups of them.

    To validate on, a share of the other speakers' recordings is held out, not a speaker: with six, every one counts.
    Split by recording where speakers are not known. Raises InputError as `split`.
    """
    how, member, order = _shuffled(recordings, 0)  # the same groups for every seed
    each = how == BY_SPEAKER and len(order) <= most
    groups = [np.array([k]) for k in sorted(order)] if each else np.array_split(order, most)
    found = {}
    for k, group in enumerate(groups):
        test = np.flatnonzero(np.isin(member, group))
        others = np.random.default_rng([seed, k]).permutation(np.setdiff1d(np.arange(len(member)), test))
        count = max(round(validation * len(others)), 1)
        train = np.sort(others[count:])
        _check_all_words(recordings, train)
        name = recordings.speakers[test[0]] if each else f"group {k + 1}"
        found[name] = Split(train, np.sort(others[:count]), test, how)
    return found


def _shuffled(recordings: Recordings, seed: int) -> tuple[str, Places, Places]:
    """How recordings are grouped, the group of each, and the groups in an order that deals out each word evenly."""
    by_speaker = all(recordings.speakers) and len(set(recordings.speakers)) >= FEWEST
    groups = np.array(recordings.speakers if by_speaker else range(len(recordings.labels)))
    every, first, member = np.unique(groups, return_index=True, return_inverse=True)
    if len(every) < FEWEST:
        raise InputError(f"data={recordings.name}: {len(every)} recordings; give {FEWEST} or more of each word")
    order = np.random.default_rng(seed).permutation(len(every))
    order = order[np.argsort(recordings.labels[first[order]], kind="stable")]
    return BY_SPEAKER if by_speaker else "by recording", member, order


def _check_all_words(recordings: Recordings, train: Places) -> None:
    missing = set(range(len(recordings.words))) - set(recordings.labels[train].tolist())
    if missing:
        word = recordings.words[min(missing)]
        raise InputError(f"data={recordings.name}: {word!r} is left with no recording to learn from; give more of it")


def fsdd_test(recordings: Recordings) -> Places:
    """The places of FSDD's own test recordings: takes 0 to 4. Raises InputError for names of other form."""
    matches = [FSDD.fullmatch(Path(name).stem) for name in recordings.names]
    if not all(matches):
        raise InputError(f"data={recordings.name}: the files are not named word_speaker_take, as FSDD's are")
    return np.flatnonzero([match is not None and int(match["take"]) in FSDD_TEST for match in matches])
