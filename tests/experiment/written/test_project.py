from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from harness.experiment.written.project import AUTO, BackendSetting, ProjectSetting


def test_what_is_left_out_has_a_default() -> None:
    """A database is enough: rows are made by Faker, and nothing else is started."""
    project = ProjectSetting(database="dev.sqlite3")
    assert (project.create, project.test, project.backend) == (AUTO, None, None)


def test_the_database_is_found_from_the_experiments_folder() -> None:
    """A relative path is relative to the file, an absolute one is itself."""
    assert ProjectSetting(database="a/b.db", home="there").path == Path("there/a/b.db")
    assert ProjectSetting(database="/a/b.db", home="there").path == Path("/a/b.db")


@pytest.mark.parametrize("create", ["", "  ", [], [""], ["SELECT 1", 2], 7, {}])
def test_what_is_nothing_to_do_is_refused(create: object) -> None:
    """Create is a text or a list of texts, none of them empty."""
    with pytest.raises(ValidationError, match="command line"):
        ProjectSetting.model_validate({"database": "x", "create": create})


def test_statements_are_kept_in_order() -> None:
    """A list of SQL stays the list it was."""
    project = ProjectSetting.model_validate({"database": "x", "create": ["b", "a"]})
    assert project.create == ("b", "a")


@pytest.mark.parametrize(
    "wrong", [{"start": ""}, {"start": "x", "requests": 0}, {"start": "x", "port_variable": "1P"}]
)
def test_a_backend_has_bounds(wrong: dict[str, object]) -> None:
    """It needs a command, at least one request, and a variable a shell can have."""
    with pytest.raises(ValidationError):
        BackendSetting.model_validate(wrong)
