"""Cut the power all along a record, put each disk that may be left in place, and judge it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import apsw

from tests.guard.power.cuts import images, sites, without
from tests.guard.power.disk import Disk, Event, Image
from tests.guard.power.placing import put
from tests.guard.power.recorder import Recorder, copied
from tests.recovery.helpers import content

STATE = "state"  # the folder that HARNESS_STATE_DIR names


class Law(Protocol):
    """What must be true of a disk after a power cut."""

    marks: frozenset[str]  # on which of them it depends

    def __call__(self, known: frozenset[str]) -> str:
        """Judge what lies on the disk, with what was known (marks) at the cut; "" when all is well.

        It may do with the disk what it likes.
        """


@dataclass
class Recording:
    """What was done to the disk, and what must be true after a power cut."""

    root: Path
    before: Disk
    events: list[Event]
    real_inodes: dict[int, int]
    law: Law
    identified: str | None = None  # a file of which the inode matters
    seen: set[tuple[bytes, frozenset[str]]] = field(default_factory=set)  # what was judged

    @classmethod
    def of(cls, recorder: Recorder, law: Law, *, identified: Path | None = None) -> Recording:
        """Take what was recorded."""
        name = str(identified.relative_to(recorder.root)) if identified else None
        return cls(recorder.root, recorder.before, recorder.events, recorder.real_inodes, law, name)

    @property
    def sites(self) -> set[str]:
        """Every place that syncs."""
        return sites(self.events)

    def put(self, image: Image) -> None:
        """Let the power come back with this on the disk."""
        put(image, self.root, self.real_inodes)


def failures(
    recording: Recording,
    events: Sequence[Event] | None = None,
    *,
    each: int = 4,
    samples: int = 4,
    seed: int = 1,
    most: int = 5,
) -> Iterator[tuple[Image, str]]:
    """Cut the power all along and give up to ``most`` images that the law refuses.

    An image that was judged before is not judged again. ``events``: others than were recorded.
    """
    seen = recording.seen if events is None else set(recording.seen)
    events = recording.events if events is None else events
    for image, known in images(recording.before, events, each=each, samples=samples, seed=seed):
        key = image.key(recording.identified), known & recording.law.marks
        if key in seen:
            continue
        seen.add(key)
        recording.put(image)
        with settled(recording.root):
            wrong = recording.law(known)
        if wrong:
            yield image, wrong
            most -= 1
            if most == 0:
                return


def noticed(recording: Recording, syncs: set[str], **how: Any) -> str:
    """Say what goes wrong when the syncs of these places are taken away; "" when nothing does."""
    if not syncs & recording.sites:
        return ""
    for image, wrong in failures(recording, without(recording.events, syncs), most=1, **how):
        return f"{wrong} ({image.told})"
    return ""


@contextmanager
def settled(root: Path) -> Iterator[None]:
    """Let the guard keep its state below ``root``."""
    before = os.environ.get("HARNESS_STATE_DIR")
    os.environ["HARNESS_STATE_DIR"] = str(root / STATE)
    try:
        yield
    finally:
        os.environ.pop("HARNESS_STATE_DIR")
        if before is not None:
            os.environ["HARNESS_STATE_DIR"] = before


def content_aside(database: Path) -> dict[str, Any]:
    """What a database holds, asked of a copy so that nothing is recorded and no lock is lost."""
    with copied(database.parent) as copy:
        return content(copy / database.name)


def found_in(path: Path) -> dict[str, Any] | str:
    """What a database holds, or what is wrong with it."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            found = str(connection.pragma("integrity_check"))
        finally:
            connection.close()
        return content(path) if found == "ok" else f"is damaged: {found}"
    except apsw.Error as error:
        return f"cannot be read: {error}"
