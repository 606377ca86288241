"""A backup that is a reflink is known unread, and nothing that was written passes for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from harness.errors import RestoreError
from harness.recovery.sqlite.seal import Seal, Times, seal_in, seal_of_clones
from harness.recovery.sqlite.sealed import SealedFile
from harness.system import extents
from harness.system.files import Files

DATA = os.urandom(40 * 4096)


@contextmanager
def captured(folder: Path) -> Iterator[tuple[SealedFile, Seal]]:
    """A backup that is a reflink of a database, with its second name."""
    live, backup = folder / "live", folder / "backup"
    live.write_bytes(DATA)
    backup.touch()
    with live.open("rb") as source, backup.open("wb") as target:
        Files().clone(source.fileno(), target.fileno())
    (folder / "state").mkdir()
    sealed = SealedFile(backup, None, Files(), {os.geteuid()})
    sealed.hold()
    sealed.give_second_name(folder / "state" / "second", len(DATA))
    seal = sealed.sealed(len(DATA))
    assert not seal.sha256
    try:
        yield sealed, seal
    finally:
        sealed.let_go()


def proven(sealed: SealedFile, seal: Seal) -> bytes:
    """What is proven, through the descriptor."""
    with sealed.proven(seal) as descriptor:
        return os.pread(descriptor, len(DATA) + 1, 0)


def garble(path: Path) -> None:
    """Write one byte in place, past every library."""
    with path.open("r+b") as file:
        file.seek(9 * 4096)
        file.write(b"x" if DATA[9 * 4096] != ord("x") else b"y")


def replace(path: Path) -> None:
    """Put another file of that size there."""
    path.unlink()
    path.write_bytes(DATA[:-1] + b"?")


def everything(folder: Path, harm: Callable[[Path], object]) -> None:
    """Harm all three files in the same way."""
    for name in ("live", "backup", "state/second"):
        harm(folder / name)


def last_one_written(folder: Path) -> None:
    """Write the second name when nobody else has its blocks any more."""
    for name in ("live", "backup"):
        (folder / name).unlink()
    second, deadline = folder / "state/second", time.monotonic() + 20
    while _is_shared(second):  # their blocks are given up behind our back
        assert time.monotonic() < deadline
        os.statvfs(folder)
        time.sleep(0.01)
    garble(second)


def _is_shared(path: Path) -> bool:
    with path.open("rb") as file:
        return any(flags & extents._SHARED for *_, flags in extents._asked(file.fileno()))


# What is done, and whether the baseline can still be had: held by a guard that lives, and by the
# next one after a kill.
HARM: dict[str, tuple[Callable[[Path], object], bool, bool]] = {
    "nothing": (lambda folder: None, True, True),
    "live written": (lambda folder: garble(folder / "live"), True, True),
    "backup written": (lambda folder: garble(folder / "backup"), True, True),
    "backup replaced": (lambda folder: replace(folder / "backup"), True, True),
    "backup gone": (lambda folder: (folder / "backup").unlink(), True, True),
    "second written": (lambda folder: garble(folder / "state/second"), True, True),
    "second gone": (lambda folder: (folder / "state/second").unlink(), True, True),
    "all given away": (lambda folder: everything(folder, lambda p: p.chmod(0o640)), True, True),
    "both gone": (lambda f: [(f / n).unlink() for n in ("backup", "state/second")], True, False),
    "both written": (
        lambda f: [garble(f / n) for n in ("backup", "state/second")],
        False,
        False,
    ),
    "all written": (lambda folder: everything(folder, garble), False, False),
}


@pytest.mark.parametrize("killed", [False, True], ids=["alive", "killed"])
@pytest.mark.parametrize("harm", HARM)
def test_what_was_written_is_no_baseline(sharing: Path, harm: str, killed: bool) -> None:
    """And whatever else was done, what was captured is found."""
    do, alive_finds, next_finds = HARM[harm]
    with captured(sharing) as (held, seal):
        sealed = held
        if killed:
            held.let_go()
            sealed = SealedFile(held.backup, held.second, Files(), {os.geteuid()})
            found = seal_in(seal.described())
            assert found == seal
        do(sharing)
        if next_finds if killed else alive_finds:
            assert proven(sealed, seal) == DATA
        else:
            with pytest.raises(RestoreError):
                proven(sealed, seal)
        sealed.let_go()


def test_the_last_one_is_written_where_it_lies(sharing: Path) -> None:
    """Where nobody else has its blocks any more they do not tell; the times do."""
    with captured(sharing) as (sealed, seal):
        sealed.let_go()
        last_one_written(sharing)
        with (sharing / "state/second").open("rb") as file:
            alone = seal_of_clones(len(DATA), file.fileno())
        assert alone is not None
        assert alone.extents == seal.extents  # the check itself is checked
        with pytest.raises(RestoreError, match="is missing"):
            proven(sealed, seal)


def test_a_hard_link_vouches_for_nothing(sharing: Path) -> None:
    """Two names of one file are one file; files of other blocks are no reflinks."""
    one, other = sharing / "one", sharing / "other"
    one.write_bytes(DATA)
    os.link(one, other)
    (sharing / "third").write_bytes(DATA)
    with ExitStack() as stack:
        names = ("one", "other", "third")
        a, b, c = (stack.enter_context((sharing / n).open("rb")).fileno() for n in names)
        assert seal_of_clones(len(DATA), a) is not None
        assert seal_of_clones(len(DATA), a, b) is None
        assert seal_of_clones(len(DATA), a, c) is None


def test_what_a_journal_says_is_a_seal_or_none() -> None:
    """Whatever stands there, it is taken or it is none; nothing is raised."""
    for seal in (Seal(7, "ab"), Seal(7, "", "cd", (Times(1, 2), Times(3, 4)))):
        assert seal_in(seal.described()) == seal
    bad: list[dict[str, object]] = [
        {},
        {"size_bytes": 7},
        {"size_bytes": "7", "sha256": "ab"},
        {"size_bytes": 7, "sha256": ""},
        {"size_bytes": 7, "extents": "", "times": [[1, 2]]},
    ]
    bad += [
        {"size_bytes": 7, "extents": "cd", "times": times}
        for times in (None, 1, [1], [[1]], [[1, "2"]], [[1, 2, 3]])
    ]
    assert [seal_in(one) for one in bad] == [None] * len(bad)
