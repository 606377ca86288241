"""What the guard must not touch, whatever the engine."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.errors import UsageError
from harness.guard.refusals import SIGNS, check, sign_in


def database(folder: Path, name: str = "api_db_dev.sqlite3") -> Path:
    """A database with one row."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES (1)")
    return path


def refused(path: Path, **options: object) -> str:
    """The reason, in an environment that says nothing."""
    options.setdefault("environment", {})
    with pytest.raises(UsageError) as caught:
        check(path, **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_developers_database_is_let_pass(folder: Path) -> None:
    """A plain database passes in the test's environment, and nothing is left beside it."""
    path = database(folder)
    check(path, environment={"NODE_ENV": "test", "APP_ENV": "development"})
    check(str(path), environment={})
    assert os.listdir(folder) == [path.name]


@pytest.mark.parametrize(
    "name",
    ["prod.sqlite3", "api-production.db", "PROD2.db", "myProdDb.sqlite", "srv/live/app.db",
     "api_db_master.sqlite3", "APIProd.db"],
)  # fmt: skip
def test_what_looks_like_production_is_refused(folder: Path, name: str) -> None:
    """A word of production in the name or the path is refused, and whoever knows passes."""
    path = database(folder, name)
    reason = refused(path)
    assert "looks like production" in reason
    assert "--i-know" in reason
    check(path, override=True, environment={})


@pytest.mark.parametrize(
    "name", ["products.db", "alive.db", "reproduce.db", "webmaster.db", "delivery.db", "dev.db"]
)
def test_only_whole_words_count(folder: Path, name: str) -> None:
    """A word that merely holds one of the signs is no sign."""
    check(database(folder, name), environment={})


@pytest.mark.parametrize(
    ("name", "value"),
    [("NODE_ENV", "production"), ("RAILS_ENV", "production"), ("DJANGO_ENV", "Production"),
     ("APP_ENV", "prod"), ("DJANGO_SETTINGS_MODULE", "site.settings.production")],
)  # fmt: skip
def test_an_environment_of_production_is_refused(folder: Path, name: str, value: str) -> None:
    """A variable that says production is named in the refusal, with what to set."""
    reason = refused(database(folder), environment={name: value})
    assert f"{name}={value}" in reason
    assert f"Set {name} to test" in reason


def test_users_add_signs_of_their_own(folder: Path) -> None:
    """Signs come from HARNESS_PRODUCTION_SIGNS and from the caller, several words in a row too."""
    path = database(folder, "Customer-Data.db")
    check(path, environment={"HARNESS_PRODUCTION_SIGNS": " , ,data customer"})
    assert "customer data" in refused(
        path, environment={"HARNESS_PRODUCTION_SIGNS": "secret-sign, customer data"}
    )
    assert "customer" in refused(path, signs=["customer"])


def test_the_real_environment_is_the_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an environment given, the process's own one is looked at."""
    monkeypatch.setenv("NODE_ENV", "production")
    with pytest.raises(UsageError, match="NODE_ENV=production"):
        check(database(folder))


def test_production_behind_a_linked_folder_is_seen(folder: Path) -> None:
    """The real path counts as well as the one that was given."""
    database(folder, "prod/app.db")
    (folder / "data").symlink_to(folder / "prod")
    assert "'prod'" in refused(folder / "data" / "app.db")


def test_signs_are_words() -> None:
    """Case, camels, digits and punctuation part words; an empty sign matches nothing."""
    assert sign_in("/srv/Prod-7/x", SIGNS) == "prod"
    assert sign_in("", ("", " ")) is None
    assert sign_in("reproduction", SIGNS) is None
