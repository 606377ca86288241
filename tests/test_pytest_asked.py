from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_pytest_plugin import beside, database, rows, run

pytest_plugins = ["pytester"]
__all__ = ["database"]  # a fixture is found where it is imported
ADD = "def test_it(guarded_database): add(guarded_database)"


def write(pytester: pytest.Pytester, **values: str) -> None:
    """Write the table into the project's file; each value as TOML has it."""
    lines = "\n".join(f"{key} = {value}" for key, value in values.items())
    pytester.makepyprojecttoml(f"[tool.reliability-harness]\n{lines}\n")


def test_the_project_file_guards_a_session(pytester: pytest.Pytester, database: Path) -> None:
    """Database, recovery and cleanup of the file; no archive is kept unless the file says so."""
    write(pytester, database='"dev.sqlite3"', recovery='"file_copy"', cleanup='"touch cleaned"')
    done = run(pytester, ADD, guarded=False)
    assert done.ret == 0
    done.stdout.fnmatch_lines(["harness guard: *backed up by file_copy*", "restored by file_copy",
                               "*dev.sqlite3 is proven back at its baseline"])  # fmt: skip
    assert (pytester.path / "cleaned").exists()
    assert rows(database) == ["a", "b"]
    assert beside(database) == []
    write(pytester, database='"dev.sqlite3"', archives="true")
    assert run(pytester, ADD, guarded=False).ret == 0
    assert len(beside(database)) == 1


def test_options_and_ini_stand_above_it(pytester: pytest.Pytester, database: Path) -> None:
    """Each by itself: what they do not say is still the file's."""
    write(pytester, database='"none.sqlite3"', recovery='"file_copy"', wait_s="1.5")
    done = run(pytester, ADD)  # names dev.sqlite3
    done.stdout.fnmatch_lines(["harness guard: *dev.sqlite3 backed up by file_copy*"])
    pytester.makeini("[pytest]\nguard_database = dev.sqlite3\n")
    done = run(pytester, ADD, "--guard-recovery", "online_backup", guarded=False)
    done.stdout.fnmatch_lines(["harness guard: *dev.sqlite3 backed up by online_backup*"])
    assert done.ret == 0


def test_signs_of_the_file_are_refused(pytester: pytest.Pytester, database: Path) -> None:
    """Beside those of the ini file."""
    write(pytester, database='"dev.sqlite3"', signs='["dev"]')
    pytester.makeini("[pytest]\nguard_production_signs = acme\n")
    done = run(pytester, ADD, guarded=False)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(
        ["*pyproject.toml: database: *looks like production (the word 'dev'*"]
    )


def test_a_table_that_cannot_be_meant_is_refused(pytester: pytest.Pytester) -> None:
    """With its file, line and key."""
    write(pytester, databse='"dev.sqlite3"')
    done = run(pytester, "def test_it(): pass", guarded=False)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*pyproject.toml:2: databse: there is no such key*'database'*"])


@pytest.mark.parametrize("xdist", [(), ("-n2",)])
def test_a_guard_around_the_session_is_enough(
    pytester: pytest.Pytester, database: Path, xdist: tuple[str, ...]
) -> None:
    """``harness guard -- pytest`` where both read the file; a database that is named is refused."""
    from harness.guard.entrance import Asked, finished, made  # noqa: PLC0415
    from harness.guard.target import target_of  # noqa: PLC0415

    write(pytester, database='"dev.sqlite3"')
    guard = made(target_of(database), Asked(), remark=pytest.fail)
    guard.begin()
    try:
        done = run(pytester, ADD, *xdist, guarded=False)
        refused = run(pytester, ADD, *xdist)
    finally:
        finished(guard, apart=False)
    assert done.ret == 0
    done.stdout.fnmatch_lines(["harness guard: *around this process: one guard is enough"])
    done.stdout.no_fnmatch_line("*proven back*")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    assert rows(database) == ["a", "b"]
    assert [name for name in beside(database) if "e2e-archive" not in name] == []
