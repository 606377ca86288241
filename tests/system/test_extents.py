"""Where bytes lie, on a real file system that shares them."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.system import extents
from harness.system.extents import apart, digest_of, own_descriptor
from harness.system.files import Files

BLOCK = 4096
BLOCKS = 40


@contextmanager
def opened(*paths: Path) -> Iterator[list[int]]:
    """Open files for reading and writing."""
    with ExitStack() as stack:
        yield [stack.enter_context(path.open("r+b")).fileno() for path in paths]


def pair(folder: Path) -> tuple[Path, Path]:
    """A file and a reflink of it."""
    one, other = folder / "one", folder / "other"
    one.write_bytes(os.urandom(BLOCKS * BLOCK))
    other.touch()
    with opened(one, other) as (source, target):
        Files().clone(source, target)
    return one, other


def covered(ranges: list[tuple[int, int]] | None) -> set[int]:
    """The blocks in some ranges."""
    assert ranges is not None
    return {block for start, end in ranges for block in range(start // BLOCK, -(-end // BLOCK))}


def test_reflinks_differ_nowhere(sharing: Path) -> None:
    """Until one is written: then there, and nowhere else, at once and before anything is synced."""
    one, other = pair(sharing)
    with opened(one, other) as (a, b):
        assert apart(a, b) == []
        assert digest_of(a) == digest_of(b) is not None
        os.pwrite(a, b"x", 7 * BLOCK + 5)
        assert apart(a, b) == [(7 * BLOCK, 8 * BLOCK)]
        assert digest_of(a) != digest_of(b)
        os.pwrite(b, b"x", BLOCKS * BLOCK + 1)  # longer
        # the file system keeps more room behind the end than was written
        assert covered(apart(a, b)) & set(range(BLOCKS + 1)) == {7, BLOCKS}


def test_a_memory_map_is_seen(sharing: Path) -> None:
    """Also one that was written before the reflink was made, and again after."""
    one, other = sharing / "one", sharing / "other"
    one.write_bytes(b"a" * BLOCKS * BLOCK)
    other.touch()
    with opened(one, other) as (a, b), mmap.mmap(a, 0) as mapped:
        mapped[3 * BLOCK] = 1
        Files().clone(a, b)
        assert os.pread(b, 1, 3 * BLOCK) == b"\x01"
        assert apart(a, b) == []
        mapped[3 * BLOCK] = 2
        assert 3 in covered(apart(a, b))  # with what was written back together with it


# What writers do: (what, block, how many blocks). Punching and cutting leave holes.
WRITES = st.lists(
    st.tuples(
        st.sampled_from(["write", "same", "direct", "punch", "zero", "cut", "allocate"]),
        st.integers(0, BLOCKS + 3),
        st.integers(1, 6),
    ),
    max_size=8,
)


def written(descriptor: int, what: str, block: int, count: int) -> None:
    """Write as told."""
    start, amount = block * BLOCK, count * BLOCK
    if what == "write":
        os.pwrite(descriptor, os.urandom(amount - 1), start + 1)
    elif what == "same":
        os.pwrite(descriptor, os.pread(descriptor, amount, start), start)
    elif what == "cut":
        os.ftruncate(descriptor, start)
        os.ftruncate(descriptor, BLOCKS * BLOCK)
    elif what == "direct":
        direct = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_DIRECT)
        with mmap.mmap(-1, amount) as aligned:
            aligned[:] = os.urandom(amount)
            os.pwrite(direct, aligned, start)
        os.close(direct)
    else:
        mode = {"punch": 3, "zero": 17, "allocate": 1}[what]
        _fallocate(descriptor, mode, start, amount)


def _fallocate(descriptor: int, mode: int, offset: int, amount: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.fallocate(descriptor, mode, ctypes.c_long(offset), ctypes.c_long(amount)):
        raise OSError(ctypes.get_errno(), "fallocate")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(on_one=WRITES, on_other=WRITES)
def test_what_is_not_named_is_the_same(
    sharing: Path,
    on_one: list[tuple[str, int, int]],
    on_other: list[tuple[str, int, int]],
) -> None:
    """Whatever is written to either, and however: every block that differs is named."""
    one, other = pair(sharing)
    with opened(one, other) as (a, b):
        for descriptor, writes in ((a, on_one), (b, on_other)):
            for write in writes:
                written(descriptor, *write)
        named = covered(apart(a, b))
        sizes = os.fstat(a).st_size, os.fstat(b).st_size
        differing = {
            block
            for block in range(-(-min(sizes) // BLOCK))
            if os.pread(a, BLOCK, block * BLOCK) != os.pread(b, BLOCK, block * BLOCK)
        }
        assert differing <= named
        if not on_one and not on_other:
            assert named == set()


@pytest.mark.parametrize("flag", [0x2, 0x4, 0x8, 0x80, 0x100, 0x200, 0x400, 0x800])
def test_a_place_that_is_none_is_read(
    sharing: Path, monkeypatch: pytest.MonkeyPatch, flag: int
) -> None:
    """Unknown, delayed, encoded, encrypted, not aligned, in line, a tail, not written yet."""
    one, other = pair(sharing)
    asked = extents._asked
    monkeypatch.setattr(
        extents,
        "_asked",
        lambda descriptor: ((s, p, n, flags | flag) for s, p, n, flags in asked(descriptor)),
    )
    with opened(one, other) as (a, b):
        assert covered(apart(a, b)) == set(range(BLOCKS))
        assert digest_of(a) is None


def test_many_pieces(sharing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is asked as often as there is more to tell."""
    one, other = pair(sharing)
    monkeypatch.setattr(extents, "_AT_ONCE", 3)
    with opened(one, other) as (a, b):
        for block in range(0, BLOCKS, 2):
            os.pwrite(a, b"x", block * BLOCK)
        assert covered(apart(a, b)) == set(range(0, BLOCKS, 2))


def test_other_file_systems_are_not_asked(folder: Path, sharing: Path) -> None:
    """Nobody can tell there, nor of files of two."""
    one, _ = pair(sharing)
    elsewhere = folder / "elsewhere"
    elsewhere.write_bytes(one.read_bytes())
    with opened(one, elsewhere) as (a, b):
        assert apart(a, b) is None
        assert apart(b, b) is None
        assert digest_of(b) is None


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc here")
def test_only_a_descriptor_that_reads_is_found(folder: Path) -> None:
    """None of a path alone, none that only writes, and of no other file of that name."""
    path = folder / "file"
    path.write_bytes(b"x")
    status = path.stat()
    for flags in (os.O_WRONLY, getattr(os, "O_PATH", os.O_WRONLY)):
        held = os.open(path, flags)
        assert own_descriptor(status) is None
        os.close(held)
    with path.open("rb") as file:
        assert own_descriptor(status) == file.fileno()
        path.unlink()
        path.write_bytes(b"y")
        assert own_descriptor(path.stat()) is None
