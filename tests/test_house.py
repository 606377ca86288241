"""The house keeps its own rules: lint, format, strict types, who may know whom, a twin a file."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "harness"

# Rooms from the ground up: each may know those that stand below it, and none beside or above it.
# The rooms of ``experiment`` stand by themselves: what is written, what is planned, a cycle, a run.
FLOORS = (
    {
        "extras",
        "given_once",
        "hidden",
        "moved",
        "outcomes",
        "version",
        "printable",
        "statistics",
        "terminal",
    },
    {"errors", "log"},
    {"configured", "given_once", "system", "registry", "truth"},
    {"databases"},
    {"steps", "processes", "backend", "recovery"},
    {"retry", "workloads", "test_rows"},
    {"cleanup"},
    {"faults", "guard"},
    {"experiment.written", "pytest_asked", "pytest_fixtures"},
    {"results", "pytest_plugin"},
    {"experiment.plan"},
    {"analysis", "experiment.cycle"},
    {"experiment.run", "experiment.init", "reports", "plot", "registry_listing"},
    {"commands"},
    {"cli"},
    {"__main__", "harness"},
)
# Of a room that stands below, all that these may know: whatever measures must not meet the guard.
ONLY = {
    ("cleanup", "backend"): {"backend.client"},
    ("workloads", "backend"): {"backend.client", "backend.schema"},
    ("results", "faults"): {"faults.schedule.ledger"},
    ("experiment.written", "guard"): {"guard.policy"},
    ("experiment.plan", "guard"): {"guard.policy"},
    ("analysis", "guard"): {"guard.policy"},
    ("analysis", "experiment.plan"): {"experiment.plan.strata"},
    ("harness", "guard"): {"guard", "guard.calling"},
}
_MEASURING = {"faults", "statistics", "truth", "results"}
# And what a room must not know although it stands below.
NEVER = {
    "guard": _MEASURING | {"processes", "backend", "workloads", "test_rows", "outcomes"},
    "recovery": _MEASURING | {"backend", "processes"},
    "cleanup": _MEASURING,
    "backend": _MEASURING,
    "databases": _MEASURING,
    "processes": _MEASURING,
    "workloads": _MEASURING,
    "test_rows": _MEASURING | {"backend"},
    "faults": {"guard", "statistics", "truth"},
    "analysis": {"faults", "recovery", "cleanup", "databases", "workloads", "processes", "backend"},
    "reports": {"guard", "recovery", "cleanup", "databases", "faults", "workloads", "truth"},
}
# Every module outside an engine's own folders that knows one: none but these, each with its reason.
KNOWS_AN_ENGINE = {
    # of this project's own example, whose database is a SQLite file
    "backend.app", "backend.constraints", "backend.serve", "backend.store",
    "workloads.platform", "workloads.platform_parts.baseline",
    # faults that read a schema
    "faults.foreign_key", "faults.reach.scene", "faults.unseen_child",
    # rows for any SQLite schema, and a look at a user's file
    "test_rows.attempt", "test_rows.checks", "test_rows.making", "test_rows.rows",
    "test_rows.schema", "test_rows.values", "experiment.init.looking",
    # says which version of SQLite it was
    "experiment.run.machine",
    # the fast path of a fixture for each test, and the connection that a fixture gives
    "guard.per_test.savepoints", "guard.per_test.standing_pin", "pytest_fixtures", "pytest_plugin",
    # recoveries: each says which engines it is for
    "recovery.dump", "recovery.file_copy", "recovery.naive_copy", "recovery.online_backup",
    "recovery.delete", "recovery.template", "recovery.truncate", "recovery.undo_log",
    "recovery.wal_pin",
    # a run's own cycles.sqlite
    "results.database", "results.packed", "results.store", "results.merging.joining",
    # helpers of the truth of SQLite
    "truth.sqlite_pages.affinity", "truth.sqlite_pages.checks",
}  # fmt: skip
_DRIVERS = {"apsw", "sqlite3", "psycopg", "pymysql"}


def room_of(module: str) -> str:
    """The room that a module, as "guard.policy", belongs to."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "experiment" else parts[0]


def imports(source: str) -> Iterator[str]:
    """The modules of the package that ``source`` imports, in functions and for types as well."""
    for node in _import_statements(source):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif node.module:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if _is_module(name) else node.module for name in inside]
        else:
            continue
        yield from (name for name in names if _is_module(name))


@cache
def _import_statements(source: str) -> list[ast.Import | ast.ImportFrom]:
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]


@cache
def _is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return name.split(".", maxsplit=1)[0] == "harness" and (
        place.is_dir() or place.with_suffix(".py").is_file()
    )


def wrong_arrows(importer: str, source: str) -> list[str]:
    """The imports in ``source``, the module ``importer``, that the plan of the house forbids."""
    floors = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    room, wrong = room_of(importer), set()
    for name in imports(source):
        known = name.removeprefix("harness.")
        other = room_of(known)
        if other == room:
            continue
        only = ONLY.get((room, other))
        if (
            floors[other] >= floors[room]
            or other in NEVER.get(room, set())
            or (only is not None and known not in only)
            or room == "statistics"
        ):
            wrong.add(name)
    return sorted(wrong)


@cache
def engines() -> set[str]:
    """The engines that there are: each has a folder of its own below ``databases``."""
    return {path.parent.name for path in PACKAGE.glob("databases/*/__init__.py")}


def engines_known(importer: str, source: str) -> list[str]:
    """The imports in ``source`` that are an engine's driver, or an engine's own part of a room.

    Grounds and reaches are found by name: only their own files may import what helps them.
    """
    inside = engines() & set(importer.split("."))
    found = set()
    for node in _import_statements(source):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name in _DRIVERS)
        elif node.module in _DRIVERS:
            found.add(node.module)
    for name in imports(source):
        rest = name.split(".")[2:]
        if engines() & set(rest) and not inside:
            found.add(name)
    return sorted(found)


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """The module in a file of the package, as "guard.policy"; "harness" for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) or "harness"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_arrows(path: Path) -> None:
    """No file imports what the plan of the house forbids its room."""
    assert wrong_arrows(name_of(path), path.read_text()) == []


def test_a_wrong_arrow_is_seen() -> None:
    """A forbidden import is found however it is written: the check itself is checked."""
    assert wrong_arrows("guard.protocol", "from harness.faults import noop") == [
        "harness.faults.noop"
    ]
    assert wrong_arrows("guard.protocol", "def f():\n    import harness.reports.html") != []
    assert wrong_arrows("guard.protocol", "from harness import statistics") != []
    assert wrong_arrows("statistics.odds", "from harness.errors import HarnessError") != []
    assert wrong_arrows("results.store", "from harness.experiment.run import runner") != []
    assert wrong_arrows("analysis.summary", "from harness.guard.protocol import Guard") != []
    assert wrong_arrows("cleanup.api", "from harness.backend import app") != []
    assert wrong_arrows("analysis.summary", "from harness.guard.policy import POLICIES") == []
    assert wrong_arrows("guard.protocol", "from harness.recovery import Recovery") == []


def test_the_few_files_that_know_an_engine() -> None:
    """Outside the folders of an engine nobody imports it, its driver or parts, but for a list."""
    known = {
        name_of(path)
        for path in modules()
        if not engines() & set(name_of(path).split("."))
        and engines_known(name_of(path), path.read_text())
    }
    assert known == KNOWS_AN_ENGINE


def test_a_file_that_knows_an_engine_is_seen() -> None:
    """However it is written, and whichever room's: the check itself is checked."""
    reach = "harness.faults.reach.sqlite.vfs"
    for source in (
        "def f():\n    import apsw",
        "from apsw import Connection",
        "from harness.databases import sqlite",
        "from harness.guard.sqlite.second_names import SecondNames",
        "from harness.recovery.sqlite import stamp",
        "import harness.truth.sqlite",
        f"from {reach} import StrikingVfs",
    ):
        assert len(engines_known("experiment.cycle.site", source)) == 1, source
    assert engines_known("faults.reach.sqlite.reach", f"import {reach}") == []
    assert engines_known("faults.timeout", "from harness.databases.engines import engine_of") == []


def test_no_two_files_import_each_other() -> None:
    """Nor do more than two in a circle, also not for type checking alone."""
    known = {name_of(path): path for path in modules()}
    arrows = {
        name: {n.removeprefix("harness.") for n in imports(path.read_text())} & known.keys()
        for name, path in known.items()
    }
    with pytest.raises(CycleError):  # the check itself is checked
        TopologicalSorter(arrows | {"errors": {"cli"}}).prepare()
    TopologicalSorter(arrows).prepare()


def test_every_module_has_its_twin() -> None:
    """Every module with code has a test file of the same place and name."""
    missing = [
        str(path.relative_to(ROOT))
        for path in modules()
        if not path.name.startswith("__")
        and not (ROOT / "tests" / path.relative_to(PACKAGE).with_name(f"test_{path.name}")).exists()
    ]
    assert missing == []


@pytest.mark.timeout(300)  # mypy from nothing, where others are at work
@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "harness", "tests"],
        ["ruff", "format", "--check", "harness", "tests"],
        pytest.param(["mypy"], marks=pytest.mark.long),  # from nothing, in every fresh checkout
    ],
    ids=["lint", "format", "types"],
)
def test_tools_find_nothing(command: list[str]) -> None:
    """Lint, format and strict types are clean."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
