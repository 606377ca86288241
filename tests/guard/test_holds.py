from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.configured.keys import KEYS
from harness.guard.entrance import Asked
from harness.guard.holds import as_json, as_lines, held
from tests.guard.test_configured import Settings, written


def test_without_a_file_everything_is_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of ``Asked``, of every key there is; and the folder of state by its variable."""
    monkeypatch.delenv("HARNESS_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", "/x")
    found = held(Settings(), {})
    assert [one.key for one in found] == [*KEYS, "state_folder"]
    assert {one.source for one in found[:-1]} == {"default"}
    values = {one.key: one.value for one in found}
    assert values["grade"] == Asked().grade
    assert (values["database"], values["cleanup"]) == (None, "none")
    assert values["recovery"] == ["online_backup", "wal_pin"]
    assert "/x/reliability-harness" in values["state_folder"]
    assert found[-1].variable == "XDG_STATE_HOME"


def test_each_value_says_where_it_comes_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File and line, or the variable; of words of production all count, so all are shown."""
    monkeypatch.setenv("HARNESS_STATE_DIR", str(folder))
    found = held(
        written(folder, database="a.db", signs=["acme"], recovery="file_copy"),
        {"HARNESS_PRODUCTION_SIGNS": "eu, us"},
    )
    told = [(one.key, one.value, one.source, one.line, one.variable) for one in found]
    assert ("database", str(folder / "a.db"), "file", 3, None) in told
    assert ("recovery", ["file_copy"], "file", 3, None) in told
    assert ("signs", ["eu", "us"], "environment", None, "HARNESS_PRODUCTION_SIGNS") in told
    assert ("signs", ["acme"], "file", 3, None) in told
    assert len([one for one in found if one.key == "signs"]) == 3
    assert ("state_folder", str(folder), "environment", None, "HARNESS_STATE_DIR") in told


def test_no_password_is_shown(folder: Path) -> None:
    """Of an address, also of an engine that is not here, and of a command; to nobody."""
    settings = written(
        folder, database="postgresql://me:s3cret@host/db", cleanup="psql postgresql://me:s3cret@h/d"
    )
    found = held(settings, {})
    for said in ("\n".join(as_lines(found, settings)), as_json(found, settings)):
        assert "postgresql://me@host/db" in said
        assert "s3cret" not in said


def test_programs_get_a_version_and_people_columns(folder: Path) -> None:
    """The same values in both; which files of others were passed by."""
    settings = Settings(
        folder / "pyproject.toml",
        {"wait_s": 2.0},
        {},
        (Path("/tmp/pyproject.toml"),),  # noqa: S108
    )
    found = held(settings, {})
    told = json.loads(as_json(found, settings))
    assert (told["version"], told["file"]) == (1, str(folder / "pyproject.toml"))
    assert told["passed_by"] == ["/tmp/pyproject.toml"]  # noqa: S108
    assert {
        "key": "wait_s",
        "value": 2.0,
        "source": "file",
        "line": None,
        "variable": None,
    } in told["settings"]
    lines = as_lines(found, settings)
    assert lines[0] == f"read: {folder}/pyproject.toml"
    assert "/tmp/pyproject.toml is passed by: it belongs to another user" in lines  # noqa: S108
    (line,) = [line.split() for line in lines if line.startswith("wait_s")]
    assert line == ["wait_s", "2", "pyproject.toml"]
    assert as_lines(held(Settings(), {}), Settings())[0].startswith("no pyproject.toml has [tool.")
