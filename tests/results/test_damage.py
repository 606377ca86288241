"""What is damaged or invented is one sentence with file, row and column, whoever reads it."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apsw
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

import harness
from harness import cli, registry
from harness.analysis.summary import load, write
from harness.errors import HarnessError
from harness.experiment.run.opening import check_stored
from harness.results.folder import CYCLES, RUN
from harness.results.reading import Results
from harness.results.records import CycleRecord
from harness.results.store import Store
from tests.stored_runs import cycle, make_run, struck, unsealed

PARQUET, SUMMARY = "cycles.parquet", "summary.json"
CLAIMS = ["reliability >= 0.9"]
TWO = ({"name": "one", "claims": CLAIMS}, {"name": "two", "claims": CLAIMS})
STORY = json.dumps({"version": 1, "ended": "refused"})
Damage = Callable[[Path], None]


def records() -> list[CycleRecord]:
    """Make cycles of two conditions, of every kind."""
    ends = ["cleaned", "restored", "refused", "dirty_known", "dirty_silent", "baseline_lost"]
    return [
        cycle(
            number,
            ends[number % 6],
            condition=name,
            faults=(struck("timeout", fired=number % 2 == 0),) if number % 3 == 0 else (),
            detail="" if number % 2 else f"why {number}",
            shadow_ok=number % 4 == 0 if number % 6 == 0 else None,
        )
        for name in ("one", "two")
        for number in range(48)
    ]


@cache
def files() -> dict[str, bytes]:
    """Make a run that has ended, once for all tests; its files by name."""
    with TemporaryDirectory() as folder:
        results = make_run(Path(folder) / "run", records(), conditions=TWO)
        write(results)
        return {path.name: path.read_bytes() for path in results.folder.iterdir()}


def stored(folder: Path) -> Path:
    """Give a copy of the run."""
    (run := folder / "run").mkdir(parents=True)
    for name, content in files().items():
        (run / name).write_bytes(content)
    return run


def sql(*statements: str) -> Damage:
    """Change the database by SQL, past the types that its tables demand."""

    def damage(run: Path) -> None:
        connection = apsw.Connection(str(run / CYCLES))
        (text,) = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE name = 'cycles'"
        ).fetchone()  # type: ignore[misc]  # it is there
        loose = str(text).replace("STRICT", "").rstrip().rstrip(",").replace("WITHOUT ROWID,", "")
        loose = loose.replace("WITHOUT ROWID", "").replace("INTEGER", "").replace("NOT NULL", "")
        connection.execute("ALTER TABLE cycles RENAME TO was")
        connection.execute(loose)
        connection.execute("INSERT INTO cycles SELECT * FROM was; DROP TABLE was")
        for statement in statements:
            connection.execute(statement)
        connection.close()

    return damage


def setting(value: str) -> Damage:
    """Set values in cycle 7 of condition 2."""
    return sql(f"UPDATE cycles SET {value} WHERE condition = 2 AND cycle = 7")


def edited(change: Callable[[dict[str, Any]], Any]) -> Damage:
    """Change run.json by hand."""

    def damage(run: Path) -> None:
        told = json.loads((run / RUN).read_text())
        change(told)
        (run / RUN).write_text(json.dumps(told))

    return damage


def column(name: str, change: Callable[[list[Any]], Any], kind: Any = None) -> Damage:
    """Change a column of cycles.parquet, of a run published without its database."""

    def damage(run: Path) -> None:
        (run / CYCLES).unlink()
        table = pq.read_table(run / PARQUET)
        at = table.column_names.index(name)
        old = table.column(name)
        new = pa.array(change(old.to_pylist()), type=kind or old.type)
        pq.write_table(table.set_column(at, name, new), run / PARQUET)

    return damage


def published(damage: Damage) -> Damage:
    """Do it to a run without its database."""

    def both(run: Path) -> None:
        (run / CYCLES).unlink()
        damage(run)

    return both


def rows(change: Callable[[Any], Any]) -> Damage:
    """Change the rows of cycles.parquet."""
    return published(
        lambda run: pq.write_table(change(pq.read_table(run / PARQUET)), run / PARQUET)
    )


def first(value: Any) -> Callable[[list[Any]], list[Any]]:
    """Put ``value`` into the row 55, which is cycle 7 of the second condition."""
    return lambda values: [*values[:55], value, *values[56:]]


def again(told: dict[str, Any]) -> None:
    """Have a condition twice."""
    told["experiment"]["conditions"].append(told["experiment"]["conditions"][0])


HERE = "condition 'two', cycle 7, column"
DAMAGES: dict[str, tuple[Damage, str]] = {
    "faults no json": (setting("faults = 'x['"), rf"{CYCLES}: {HERE} faults: 'x\[' is no JSON"),
    "faults a number": (setting("faults = '7'"), f"{CYCLES}: {HERE} faults: '7' is no list"),
    "faults cut": (setting("faults = '[[\"a\"]]'"), f"{HERE} faults: .* no entry of a ledger"),
    "faults joined": (setting("faults = '[],[]'"), f"{HERE} faults: .* is no JSON"),
    "text as a timing": (setting("backup_us = 'soon'"), f"{HERE} backup_us: 'soon' is no whole"),
    "digits as a timing": (setting("backup_us = '12'"), f"{HERE} backup_us: '12' is no whole"),
    "half a microsecond": (setting("backup_us = 1.5"), f"{HERE} backup_us: 1.5 is no whole"),
    "negative timing": (setting("cycle_us = -3"), f"{HERE} cycle_us: -3 is not from 0"),
    "endless timing": (setting("cycle_us = 9e999"), f"{HERE} cycle_us: inf is no whole"),
    "years of timing": (setting("cycle_us = 1 << 60"), f"{HERE} cycle_us: .* is not from 0"),
    "outcome 17": (setting("outcome = 17"), f"{HERE} outcome: 17 is not from 0 to 6"),
    "outcome -6": (setting("outcome = -6"), f"{HERE} outcome: -6 is not from 0 to 6"),
    "outcome a text": (setting("outcome = 'fine'"), f"{HERE} outcome: 'fine' is no whole"),
    "no outcome": (setting("outcome = NULL"), f"{HERE} outcome: None is no whole"),
    "another outcome": (setting("outcome = 0"), f"{HERE} checksum: it is not that of the row"),
    "flags": (setting("flags = 128"), f"{HERE} flags: 128 is not from 0 to 127"),
    "negative size": (setting("backup_bytes = -1"), f"{HERE} backup_bytes: -1 is not from 0"),
    "bytes as a text": (setting("detail = x'ff'"), rf"{HERE} detail: b'\\xff' is no text"),
    "text no utf-8": (setting("detail = CAST(x'ff' AS TEXT)"), f"{CYCLES}: cannot be read: "),
    "another detail": (setting("detail = 'fine'"), f"{HERE} checksum: it is not that of the row"),
    "negative cycle": (setting("cycle = -1"), "condition 'two', row 1, column cycle: -1 is not"),
    "a cycle gone": (
        sql("DELETE FROM cycles WHERE condition = 2 AND cycle = 47"),
        f"{CYCLES}: condition 'two': 47 cycles are here, and table totals says 48",
    ),
    "unknown condition": (
        sql("UPDATE conditions SET name = 'x' || char(10) || '::error::' WHERE id = 2"),
        rf"{CYCLES}: there are cycles of condition 'x\\n::error::', which run.json does not know",
    ),
    "nameless condition": (setting("condition = 9"), f"{CYCLES}: .* condition number 9, which has"),
    "no tables": (sql("DROP TABLE conditions"), f"{CYCLES}: cannot be read: "),
    "cut": (lambda run: cut(run / CYCLES), f"{CYCLES}: "),
    "a condition twice": (edited(again), f"{RUN}: experiment.conditions: 'one' is there twice"),
    "edited seed": (edited(lambda told: told.update(seed=8)), f"{RUN}: the seeds disagree: seed"),
    "every seed edited": (
        edited(lambda told: (told.update(seed=8), told["experiment"].update(seed=8))),
        f"{RUN}: sha256: it is not that",
    ),
    "confidence 1e-9": (
        edited(lambda told: told["experiment"].update(confidence=1e-9)),
        f"{RUN}: experiment.confidence: must be more than 0.5",
    ),
    "edited claim": (
        edited(lambda told: told["experiment"]["conditions"][0].update(claims=[])),
        f"{RUN}: sha256: it is not that",
    ),
    "another run without a checksum": (
        edited(
            lambda told: (
                told.pop("sha256"),
                told["experiment"].update(conditions=[{"name": "one", "demands": 7}]),
            )
        ),
        f"{RUN}: experiment: .*demands",
    ),
    "nan in run.json": (
        edited(lambda told: told["experiment"].update(confidence=float("nan"))),
        f"{RUN}: cannot be read: NaN",
    ),
    "published: infinite": (
        column("cycle_ms", first(float("inf"))),
        f"{PARQUET}: .* {HERE} cycle_ms: inf is not",
    ),
    "published: nan": (
        column("cycle_ms", first(float("nan"))),
        f"{PARQUET}: .* cycle_ms has a value that is no",
    ),
    "published: negative": (
        column("backup_ms", first(-1.0)),
        f"{PARQUET}: .* {HERE} backup_ms: -1.0 is not",
    ),
    "published: faults": (column("faults", first("{")), rf"{PARQUET}: .* {HERE} faults: '\{{' is"),
    "published: outcome": (
        column("outcome", first("fine"), pa.dictionary(pa.int32(), pa.string())),
        f"{PARQUET}: ",
    ),
    "published: a text for a size": (
        column("backup_bytes", lambda values: list(map(str, values)), pa.string()),
        f"{PARQUET}: .* column backup_bytes is of type string",
    ),
    "published: unknown condition": (
        column("condition", first("other")),
        f"{PARQUET}: .* cycles of 'other', which the run does",
    ),
    "published: cycle twice": (
        column("cycle", first(6)),
        f"{PARQUET}: .* condition 'two', cycle 6, column cycle: 6 is",
    ),
    "published: another size": (
        column("left_behind", first(5)),
        f"{PARQUET}: .* the cycles of condition 'two' are not",
    ),
    "published: a row gone": (
        rows(lambda table: table.slice(0, 95)),
        f"{PARQUET}: .* cycles of condition 'two' are not",
    ),
    "published: cut": (published(lambda run: cut(run / PARQUET)), f"{PARQUET}: cannot be read"),
}


def cut(path: Path) -> None:
    """Keep half of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Call the command line in this process; return its status and what it said of errors."""
    before, sys.argv = sys.argv, ["harness", *map(str, arguments)]
    try:
        cli.main()
        status = 0
    except SystemExit as error:
        status = int(error.code or 0)
    finally:
        sys.argv = before
    return status, capsys.readouterr().err


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_one_sentence(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever reads it: status 4, and one line that names file, row and column."""
    damage, sentence = DAMAGES[name]
    whole, run = stored(folder / "whole"), stored(folder / "damaged")
    damage(run)
    with pytest.raises(HarnessError, match=sentence) as caught:
        harness.load(run)
    assert caught.value.exit_code == 4
    told = f"harness: {caught.value}\n"
    assert told.count("\n") == 1
    formats = [("report", run, "--format", one) for one in registry.built_in("reports")]
    verbs = [("check", run), ("compare", run, whole), ("compare", whole, run), *formats]
    for arguments in verbs:
        status, error = said(capsys, *arguments)
        assert status == 4, arguments
        assert error.count("\n") == 1, arguments
        assert Path(run).name in error
        assert "Traceback" not in error


@pytest.mark.parametrize("name", ["outcome 17", "a cycle gone", "faults no json"])
def test_damage_is_not_gone_on_with(folder: Path, name: str) -> None:
    """--resume looks at what is there before it adds to it."""
    run = stored(folder)
    check_stored(run)
    damage, sentence = DAMAGES[name]
    damage(run)
    with pytest.raises(HarnessError, match=sentence):
        check_stored(run)


def test_a_file_beside_the_database_takes_nothing_from_it(folder: Path) -> None:
    """A newer cycles.parquet with other outcomes, or a damaged one, is not read."""
    run = stored(folder)
    wanted = Results(run).table()
    table = pq.read_table(run / PARQUET)
    at = table.column_names.index("outcome")
    fine = pa.array(["cleaned"] * len(table)).dictionary_encode()
    pq.write_table(table.set_column(at, "outcome", fine), run / PARQUET)
    assert harness.load(run).cycles.astype(str).equals(wanted.astype(str))
    cut(run / PARQUET)
    assert harness.load(run).cycles.astype(str).equals(wanted.astype(str))


def test_a_killed_resume_is_counted_by_all(folder: Path) -> None:
    """More cycles than the summary knows, in a -wal: report, load and check all count them."""
    run = stored(folder)
    times = {path: path.stat().st_mtime_ns for path in run.iterdir()}
    store = Store(run, write=True)
    store.append([cycle(number, condition="two") for number in range(48, 90)])
    # no close: as after a kill
    assert (run / f"{CYCLES}-wal").stat().st_size
    assert load(run).summary["conditions"][1]["cycles"] == 90
    assert list(harness.load(run).conditions["cycles"]) == [48, 90]
    assert len(harness.load(run).cycles) == 138
    assert times
    store.close()


def raised(reads: Callable[[], bool]) -> HarnessError | None:
    """Return the sentence that reading gave, None where it read what was stored."""
    try:
        assert reads()
    except HarnessError as error:
        return error
    return None


def equal(run: Path, wanted: tuple[dict[str, Any], Any]) -> bool:
    """Whether the run is read as it was."""
    found = harness.load(run)
    summary, table = wanted
    same = unsealed(found.summary) == summary
    return same and bool(found.cycles.astype(str).equals(table.astype(str)))


def flipped(path: Path, draw: random.Random) -> None:
    """Change one to three bytes."""
    content = bytearray(path.read_bytes())
    for _ in range(draw.randrange(1, 4)):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


@pytest.mark.long
@pytest.mark.parametrize("name", [RUN, SUMMARY, CYCLES, PARQUET])
@pytest.mark.parametrize("alone", [False, True])
def test_flipped_bytes_are_seen_or_change_nothing(folder: Path, name: str, alone: bool) -> None:
    """Bytes flipped anywhere: a sentence, or the very same cycles and figures.

    Alone: without the file that could be read instead, and without a summary.
    """
    run, work = stored(folder), folder / "work"
    wanted = json.loads(json.dumps(unsealed(load(run).summary))), Results(run).table()
    seen = 0
    for number in range(120):
        shutil.copytree(run, work)
        for other in (CYCLES, PARQUET, SUMMARY):
            if alone and other != name and (other != CYCLES or name == PARQUET):
                (work / other).unlink()
        flipped(work / name, random.Random(number))  # noqa: S311 - no secret
        error = raised(lambda: equal(work, wanted))
        if error is not None:
            assert (error.exit_code in (2, 4), "\n" in str(error)) == (True, False)
            seen += 1
        shutil.rmtree(work)
    assert seen > 5 or (name, alone) in ((PARQUET, False), (CYCLES, False))


@pytest.mark.long
def test_changed_values_are_seen(folder: Path) -> None:
    """One value of the database set to another, of any type: always a sentence."""
    draw = random.Random(3)  # noqa: S311 - no secret
    run, work = stored(folder), folder / "work"
    names = [*pq.read_table(run / PARQUET).column_names]
    columns = [
        name.replace("_ms", "_us")
        for name in names
        if name not in ("condition", "rows", "exact", "says_clean", "cleanup_ok", "shadow_ok")
    ] + ["flags"]
    values: list[Any] = [-1, 0, 1, 7, 2**40, -(2**63), 2**63 - 1, 1.5, float("inf"), "", "x", "[]",
                         "0", b"", b"\xff", None]  # fmt: skip
    changed = 0
    for _ in range(150):
        shutil.copytree(run, work)
        name, value = draw.choice(columns), draw.choice(values)
        sql()(work)
        connection = apsw.Connection(str(work / CYCLES))
        where = f"condition = 1 AND cycle = {draw.randrange(48)}"
        (before,) = connection.execute(f"SELECT {name} FROM cycles WHERE {where}").fetchall()[0]
        connection.execute(f"UPDATE OR IGNORE cycles SET {name} = ? WHERE {where}", (value,))
        after = connection.execute(f"SELECT {name} FROM cycles WHERE {where}").fetchall()
        connection.close()
        texts = name in ("detail", "faults", "restored_by")
        empty = ((), "", None) if texts else ()
        same = [(before,)] == after and type(before) is type(after[0][0])
        if not (same or (before in empty and after and after[0][0] in empty)):
            changed += 1
            with pytest.raises(HarnessError) as caught:
                harness.load(work)
            assert caught.value.exit_code == 4
        shutil.rmtree(work)
    assert changed > 100
    assert np.isfinite(changed)
