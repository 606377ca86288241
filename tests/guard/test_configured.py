from __future__ import annotations

from pathlib import Path

import pytest

from harness.cleanup.given.command import CommandCleanup
from harness.configured.settings import Settings
from harness.errors import ConfigurationError, UsageError
from harness.guard.configured import asked_with, database_in, database_of
from harness.guard.entrance import Asked


def written(folder: Path, **values: object) -> Settings:
    """What a file in a folder would hold."""
    return Settings(folder / "pyproject.toml", values, dict.fromkeys(values, 3))


def test_a_path_is_relative_to_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is read from; in its own folder it is called as it was written."""
    held = written(folder, database="data/dev.db")
    assert database_in(held) == folder / "data" / "dev.db"
    assert database_of("other.db", held) == "other.db"
    assert database_in(written(folder, database="/srv/dev.db")) == Path("/srv/dev.db")
    monkeypatch.chdir(folder)
    assert database_in(held) == "data/dev.db"


def test_without_a_database_it_says_where_to_name_one(folder: Path) -> None:
    """The option, the file that was read, and the files of others that were not."""
    with pytest.raises(UsageError, match=r"no pyproject\.toml does") as raised:
        database_of(None, Settings(passed_by=(folder / "pyproject.toml",)))
    assert "--database DATABASE" in str(raised.value)
    assert f"{folder}/pyproject.toml belongs to another user" in str(raised.value)
    with pytest.raises(UsageError, match=f"{folder}/pyproject.toml gives none"):
        database_of(None, written(folder))


@pytest.mark.parametrize("address", ["sqlite:///x.db", "mysql://u:s3cret@h/d"])
def test_an_address_that_can_be_none_is_refused_by_its_key(folder: Path, address: str) -> None:
    """As it is on the command line, with the file and the line where one of files is meant."""
    with pytest.raises(UsageError) as raised:
        database_in(written(folder, database=address))
    assert "s3cret" not in str(raised.value)
    if address.startswith("sqlite"):
        assert f"{folder}/pyproject.toml:3: database is an address" in str(raised.value)


def test_what_is_given_stands_above_the_file(folder: Path) -> None:
    """Also what is false or 0; what is not given is the file's, and then nobody's."""
    held = written(folder, wait_s=5, archives=True, absent_ok=True, recovery="file_copy",
                   cleanup="by_difference", grade="rows")  # fmt: skip
    given = {"wait_s": 0, "archives": False, "absent_ok": None, "recoveries": (), "i_know": True}
    asked = asked_with(given, held)
    assert asked == {
        "wait_s": 0,
        "archives": False,
        "absent_ok": True,
        "recoveries": ["file_copy"],
        "cleanup": "by_difference",
        "grade": "rows",
        "i_know": True,
    }
    assert Asked(**asked).grade == "rows"
    assert asked_with({"cleanup": "none"}, held)["cleanup"] == "none"
    assert asked_with({"recoveries": ("online_backup",)}, held)["recoveries"] == ("online_backup",)


def test_words_of_production_are_added_up(folder: Path) -> None:
    """A word of one's own takes none away that the team has."""
    held = written(folder, signs=["acme"])
    assert asked_with({"signs": ("eu",)}, held)["signs"] == ["acme", "eu"]
    assert asked_with({"signs": ()}, held)["signs"] == ["acme"]


def test_a_command_of_the_file_runs_beside_it(folder: Path) -> None:
    """Its relative paths are the file's; a name of the guard's own stays one."""
    assert isinstance(
        asked_with({}, written(folder, cleanup="./clean.sh"))["cleanup"], CommandCleanup
    )
    for name in ("by_difference", "none"):
        assert asked_with({}, written(folder, cleanup=name))["cleanup"] == name


def test_a_recovery_nobody_knows_is_refused_by_its_key(folder: Path) -> None:
    """With the nearest; not where another one is given, for then nobody asks for it."""
    held = written(folder, recovery=["file_copy", "onlin_backup"])
    with pytest.raises(ConfigurationError, match=r"pyproject.toml:3: recovery: .*online_backup"):
        asked_with({}, held)
    assert asked_with({"recoveries": ("file_copy",)}, held)["recoveries"] == ("file_copy",)
