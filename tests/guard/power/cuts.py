"""What may be on a disk after a power cut, of all that may: the extremes, and a random sample."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tests.guard.power.disk import (
    Change,
    Cut,
    Disk,
    Event,
    Image,
    Mark,
    Names,
    Sync,
    SyncFolder,
    Write,
)

SECTOR_BYTES = 512


def without(events: Sequence[Event], syncs: set[str]) -> list[Event]:
    """Take the syncs of some places in the code away."""
    return [event for event in events if getattr(event, "site", None) not in syncs]


def images(
    before: Disk, events: Sequence[Event], *, each: int, samples: int, seed: int
) -> Iterator[tuple[Image, frozenset[str]]]:
    """Cut the power all along a record: what is on the disk, and what was known (marks) by then.

    Between two syncs what may arrive only becomes more, so it is enough to cut before each sync,
    before each mark and at the end.

    Args:
        before: the disk at the beginning; it is left as it is.
        events: what was done.
        each: of how many changes (at a time) it is tried that one alone is lost, one alone is kept,
            and all up to one are.
        samples: how many random images are made at a time.
        seed: of the random ones.
    """
    disk, known = before.copy(), set[str]()
    chance = random.Random(seed)  # noqa: S311 - a sample, to be had again
    changed = True
    for number, event in enumerate([*events, Mark("the end")]):
        if isinstance(event, Change):
            changed = True
        elif changed or isinstance(event, Mark):
            at = f"before event {number} ({event})" if not isinstance(event, Mark) else event.text
            for image in _cut(disk, at, chance, each, samples):
                yield image, frozenset(known)
            changed = False
        if isinstance(event, Mark):
            known.add(event.text)
        disk.follow(event)


def _cut(disk: Disk, at: str, chance: random.Random, each: int, samples: int) -> Iterator[Image]:
    pending = disk.pending
    names = [c for c in pending if isinstance(c, Names)]
    data = [c for c in pending if not isinstance(c, Names)]
    yield disk.image(pending, f"{at}: all kept", old_times=False)
    yield disk.image([], f"{at}: all lost")
    if not pending:
        return
    yield disk.image(pending, f"{at}: all kept, old times")
    yield disk.image(data, f"{at}: data kept, names lost")
    yield disk.image(names, f"{at}: names kept, data lost")
    yield disk.image(names, f"{at}: names kept, zeros for data", sizes=data)
    for one in _some(names, each, chance):
        others = [c for c in names if c is not one]
        yield disk.image([one], f"{at}: only {_told(one)}")
        yield disk.image([*data, one], f"{at}: data and only {_told(one)}")
        yield disk.image([*data, *others], f"{at}: all but {_told(one)}")
        yield disk.image(others, f"{at}: names but {_told(one)}")
    for one in _some(data, each, chance):
        others = [c for c in pending if c is not one]
        yield disk.image(others, f"{at}: all but {_told(one)}")
        yield disk.image([*names, one], f"{at}: names and only {_told(one)}")
        yield disk.image([one], f"{at}: only {_told(one)}")
        upto = pending[: pending.index(one)]
        yield disk.image(upto, f"{at}: all before {_told(one)}")
        if isinstance(one, Write):
            yield disk.image([*upto, _torn(one, chance)], f"{at}: torn in {_told(one)}")
    for number in range(samples):
        yield _at_random(disk, f"{at}: random {number}", chance)


def _some(changes: list[Change], most: int, chance: random.Random) -> list[Change]:
    """Give all, or the first, the last and some between."""
    if len(changes) <= most:
        return changes
    between = chance.sample(range(1, len(changes) - 1), max(0, most - 2))
    return [changes[n] for n in sorted({0, len(changes) - 1, *between})]


def _torn(write: Write, chance: random.Random) -> Write:
    """Give what arrives when it stops within a sector, or at a sector's end."""
    length = len(write.data)
    cut = chance.randrange(length) if length else 0
    if length > SECTOR_BYTES and chance.random() < 0.5:
        cut -= cut % SECTOR_BYTES
    return Write(write.inode, write.offset, write.data[:cut], write.mtime_ns)


def _scattered(write: Write, chance: random.Random) -> Iterator[Write]:
    """Give some of the sectors; a line appended to a file arrives from its beginning."""
    if len(write.data) % SECTOR_BYTES:
        yield _torn(write, chance)
        return
    for start in range(0, len(write.data), SECTOR_BYTES):
        if chance.random() < 0.5:
            piece = write.data[start : start + SECTOR_BYTES]
            yield Write(write.inode, write.offset + start, piece, write.mtime_ns)


def _at_random(disk: Disk, told: str, chance: random.Random) -> Image:
    """Let every file arrive in a way of its own, and every name or not."""
    share = {"all": 1, "none": 0, "prefix": 1, "some": 0.5, "most": 0.9, "torn": 1, "scattered": 1}
    ways = (*share, "zeros")
    way: dict[int, str] = {}
    kept: list[Change] = []
    sizes: list[Change] = []
    most = chance.choice((0.1, 0.5, 0.9))
    left: dict[int, int] = {}
    for change in disk.pending:
        if isinstance(change, Names):
            if chance.random() < most:
                kept.append(change)
            continue
        how = way.setdefault(change.inode, chance.choice(ways))
        if how == "prefix":
            mine = sum(not isinstance(c, Names) and c.inode == change.inode for c in disk.pending)
            left.setdefault(change.inode, chance.randrange(mine + 1))
            left[change.inode] -= 1
        if how == "zeros":
            sizes.append(change)
        elif how == "torn" and isinstance(change, Write):
            kept.append(_torn(change, chance))
        elif how == "scattered" and isinstance(change, Write):
            kept += _scattered(change, chance)
        elif chance.random() < share[how] and left.get(change.inode, 0) >= 0:
            kept.append(change)
    return disk.image(kept, f"{told} ({way})", sizes=sizes, old_times=chance.random() < 0.5)


def _told(change: Change) -> str:
    if isinstance(change, Write):
        return f"write of {len(change.data)} bytes at {change.offset} of file {change.inode}"
    if isinstance(change, Cut):
        return f"size {change.size_bytes} of file {change.inode}"
    return "names " + ", ".join(
        f"{path} {'gone' if inode is None else f'= {inode}'}" for path, inode in change.changes
    )


def sites(events: Sequence[Event]) -> set[str]:
    """Name every place in the code that syncs."""
    return {event.site for event in events if isinstance(event, Sync | SyncFolder)}
