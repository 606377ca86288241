"""What the comparison settles by itself, and when it needs SQLite's word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from harness.truth.sqlite import SqliteTruth
from harness.truth.sqlite_pages.checks import Witness
from harness.truth.sqlite_pages.file_format.btree import walk
from tests.truth.making import alter, guard_copy, image, judged, root, run


@contextmanager
def _questions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Count how often SQLite is asked, and let it answer."""
    asked: list[object] = []
    real = Witness.connection

    def counted(self: Witness) -> apsw.Connection:
        asked.append(self)
        return real(self)

    with monkeypatch.context() as patch:
        patch.setattr(Witness, "connection", counted)
        yield asked


def test_rows_that_come_and_go_need_no_question(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Freed space, split pages and a longer free list are settled from the pages alone."""
    truth, live = judged(folder, page_size=512, rows=600)
    with _questions(monkeypatch) as asked:
        run(
            live,
            "INSERT INTO bots(user_id, body) SELECT 1, hex(randomblob(90)) FROM users LIMIT 40",
        )
        run(live, "DELETE FROM bots WHERE id > 600", "UPDATE sqlite_sequence SET seq = 600")
        changed = [a != b for a, b in zip(*_pages(folder), strict=False)]
        assert sum(changed) > 5
        assert truth.judge(live).exact
        assert asked == []


def _pages(folder: Path) -> list[list[bytes]]:
    files = [image(folder / name) for name in ("pristine.sqlite3", "live/app.sqlite3")]
    return [[pages.page_bytes(n + 1) for n in range(pages.page_count)] for pages in files]


@contextmanager
def _own_collation(folder: Path) -> Iterator[tuple[SqliteTruth, Path]]:
    """A database that a stock connection cannot check."""
    path = folder / "pristine.sqlite3"
    connection = apsw.Connection(str(path))
    connection.create_collation("own", lambda a, b: (a > b) - (a < b))
    connection.execute("CREATE TABLE t(a, b); CREATE INDEX i ON t(a COLLATE own)").fetchall()
    rows = [(f"{n:05}", "x" * 50) for n in range(300)]
    connection.executemany("INSERT INTO t VALUES(?, ?)", rows)
    connection.execute("CREATE TABLE gone AS SELECT * FROM t; DROP TABLE gone").fetchall()
    connection.close()
    yield guard_copy(path)


def test_what_sqlite_cannot_check_is_checked_alone(folder: Path) -> None:
    """Where a collation is missing: clean is clean, and broken free lists and pages are seen."""
    with _own_collation(folder) as (truth, live):
        run(live, "CREATE TABLE u AS SELECT 1", "DROP TABLE u")
        assert truth.judge(live).exact
        pages = image(live)
        trunk, table = pages.header.first_trunk, root(live, "t")
        leaf = min(walk(pages, table, pages.content).leaves)
        damages = [
            (32, bytes(8), "belong to nobody"),
            ((trunk - 1) * pages.page_size + 8, table.to_bytes(4, "big"), "is used twice"),
            ((leaf - 1) * pages.page_size + 7, b"\x09", "do not add up"),
        ]
        for at, data, sentence in damages:
            alter(live, at, data)
            assert sentence in " ".join(truth.judge(live).differences)
            assert not truth.judge(live).rows
            truth.reset(live)


def test_a_schema_in_disorder_is_damage_though_it_reads_the_same(folder: Path) -> None:
    """Every row of the schema is there, by name as it was, and SQLite finds them out of order."""
    truth, live = judged(folder, page_size=4096)
    pages = image(live)
    last = 108 + 2 * (len(pages.node(1).cells) - 2)  # where the last two are named, of page 1
    places = bytes(pages.data[last : last + 4])
    alter(live, last, places[2:] + places[:2])
    judgement = truth.judge(live)
    assert not judgement.rows
    assert any("out of order" in line for line in judgement.differences), judgement.differences
    truth.reset(live)
    assert truth.judge(live).exact
