from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import apsw
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.backend.schema import APPLICATION_ID, TABLES, USER_VERSION
from harness.errors import WorkloadError
from harness.workloads.platform_parts.baseline import build
from harness.workloads.platform_parts.words import make_words
from tests.workloads.baselines import DEFAULT, SMALL

# what an undone step that is not quite forgotten would leave: rows that count on a wrong id
MISCOUNTED = (
    "SELECT id FROM bots WHERE name NOT LIKE '% ' || id",
    "SELECT id FROM users WHERE email NOT LIKE '%' || id || '@%'",
    "SELECT m.id FROM messages m JOIN messages r ON r.id = m.reply_to"
    " WHERE r.conversation_id <> m.conversation_id",
)


def test_same_seed_same_bytes(folder: Path) -> None:
    """The same arguments give the same bytes again, also with the pools made anew."""
    images = []
    for name in ("a", "b"):
        make_words.cache_clear()
        build(folder / name, size_bytes=SMALL, seed=4, journal_mode="wal")
        images.append((folder / name).read_bytes())
    assert images[0] == images[1]


@pytest.mark.parametrize("hash_seed", ["1", "77"])
def test_same_bytes_in_another_process(
    folder: Path, default_baseline: Path, hash_seed: str
) -> None:
    """Neither hash randomisation nor what fresh memory holds nor the clock reaches the bytes."""
    script = (
        "import sys; from pathlib import Path\n"
        "from harness.workloads.platform_parts.baseline import build\n"
        f"build(Path(sys.argv[1]), size_bytes={DEFAULT}, seed=1, journal_mode='wal')"
    )
    perturbed = {"PYTHONHASHSEED": hash_seed, "MALLOC_PERTURB_": hash_seed, "TZ": "Asia/Tokyo"}
    subprocess.run(
        [sys.executable, "-c", script, str(folder / "other")],
        check=True,
        env=os.environ | perturbed,
        cwd=Path(__file__).parents[3],
    )
    digests = [
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder / "other", default_baseline)
    ]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("other", [-1, 2, 0])
def test_other_seed_other_bytes(folder: Path, small_baseline: Path, other: int) -> None:
    """Another seed gives other rows, also the seed with the other sign."""
    build(folder / "other", size_bytes=SMALL, seed=other, journal_mode="wal")
    assert (folder / "other").read_bytes() != small_baseline.read_bytes()


def test_default_size_to_the_byte(default_baseline: Path) -> None:
    """The default is 2,691,072 bytes, alone in its folder."""
    assert default_baseline.stat().st_size == 2_691_072
    assert [path.name for path in default_baseline.parent.iterdir()] == [default_baseline.name]


@settings(max_examples=12, deadline=None)
@example(pages=66, seed=1, mode="wal")  # one page is missing and every next step adds two
@example(pages=143, seed=1, mode="delete")  # a step undone, and messages after it
@given(pages=st.integers(64, 200), seed=st.integers(1, 2), mode=st.sampled_from(["wal", "delete"]))
def test_any_size_is_met_exactly(pages: int, seed: int, mode: str) -> None:
    """Any number of pages from 64 is met exactly, full of rows, whole, and without a side file."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "p.sqlite3"
        build(path, size_bytes=pages * 4096, seed=seed, journal_mode=mode)
        assert path.stat().st_size == pages * 4096
        assert os.listdir(name) == ["p.sqlite3"]
        connection = apsw.Connection(str(path))
        assert connection.pragma("page_count") == pages
        assert connection.pragma("freelist_count") == 0
        assert connection.pragma("journal_mode") == mode
        assert connection.pragma("integrity_check") == "ok"
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        for miscounted in MISCOUNTED:
            assert connection.execute(miscounted).fetchall() == []
        connection.close()


@pytest.mark.parametrize(("mode", "version"), [("wal", 2), ("delete", 1)])
def test_header(folder: Path, mode: str, version: int) -> None:
    """The header carries the journal mode, 4096-byte pages and both pinned numbers."""
    build(folder / "p", size_bytes=SMALL, seed=1, journal_mode=mode)
    header = (folder / "p").read_bytes()[:100]
    assert (header[18], header[19]) == (version, version)
    assert int.from_bytes(header[16:18], "big") == 4096
    assert int.from_bytes(header[60:64], "big") == USER_VERSION != 0
    assert int.from_bytes(header[68:72], "big") == APPLICATION_ID != 0


@pytest.mark.parametrize(
    ("size_bytes", "nearest"),
    [
        (2_691_073, "2691072 or 2695168"),
        (262_143, "nearest possible: 262144"),
        (0, "nearest possible: 262144"),
        (-5, "nearest possible: 262144"),
        (63 * 4096, "nearest possible: 262144"),
    ],
)
def test_impossible_size(folder: Path, size_bytes: int, nearest: str) -> None:
    """A size that cannot be made is refused, with the nearest ones, and no file is left."""
    with pytest.raises(WorkloadError, match=nearest):
        build(folder / "p", size_bytes=size_bytes, seed=1, journal_mode="wal")
    assert not (folder / "p").exists()


def test_does_not_overwrite(folder: Path) -> None:
    """A file that is there is left alone."""
    (folder / "p").write_bytes(b"precious")
    with pytest.raises(WorkloadError, match="exists"):
        build(folder / "p", size_bytes=SMALL, seed=1, journal_mode="wal")
    assert (folder / "p").read_bytes() == b"precious"


def test_unknown_journal_mode(folder: Path) -> None:
    """A journal mode that is neither wal nor delete is refused."""
    with pytest.raises(WorkloadError, match="persist"):
        build(folder / "p", size_bytes=SMALL, seed=1, journal_mode="persist")


def test_failed_build_leaves_nothing(folder: Path) -> None:
    """A build that the kernel stops half way (a limit on file size) leaves no half baseline."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL // 2, hard))
    try:
        with pytest.raises(apsw.Error, match=r"full|I/O"):
            build(folder / "p", size_bytes=SMALL, seed=1, journal_mode="wal")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(folder) == []


def test_filled_as_in_life(default_baseline: Path) -> None:
    """Every table has rows, messages hold most pages, some overflow, and indexes have room."""
    connection = apsw.Connection(str(default_baseline))
    counts = {t: connection.execute(f"SELECT count(*) FROM {t}").get for t in TABLES}
    assert min(counts.values()) >= 15, counts
    pages: dict[str, list[int]] = defaultdict(list)
    for name, kind, unused in connection.execute("SELECT name, pagetype, unused FROM dbstat"):
        pages[name if kind != "overflow" else "overflow"].append(unused)
    everything = sum(map(len, pages.values()))
    assert everything == 657
    assert (len(pages["messages"]) + len(pages["overflow"])) / everything > 0.6
    assert pages["overflow"]
    roomy = pages["messages_author"]
    assert sum(unused > 400 for unused in roomy) > len(roomy) / 3  # VACUUM leaves one at most
    connection.close()
