from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness import registry
from harness.backend.client import ApiClient, Service
from harness.cleanup.api import ApiCleanup
from harness.databases.sqlite.session import connect
from harness.errors import ApiError, MeasurementError
from harness.experiment.cycle.applications import Direct, OverHttp, page_count
from harness.experiment.cycle.site import application
from harness.experiment.written.configuration import Condition
from harness.retry import Retry
from harness.steps import Step, nobody
from harness.truth.sqlite import SqliteTruth
from harness.workloads import Workload


@pytest.fixture
def database(pristine: Path, folder: Path) -> Path:
    """Copy the baseline."""
    return Path(shutil.copyfile(pristine, folder / "api.sqlite3"))


@pytest.fixture
def workload(database: Path) -> Workload:
    """Prepare simple test data."""
    made: Workload = registry.find("workloads", "platform")("simple", 1)
    connection = connect(database)
    made.learn(connection)
    connection.close()
    return made


def condition(**settings: Any) -> Condition:
    """Give a condition whose tests work over HTTP, unless ``settings`` say otherwise."""
    values = {"name": "c", "connection": "backend", "cleanup": "api", "api": {"timeout_ms": 5000.0}}
    return Condition.model_validate(values | settings)


@pytest.fixture
def over_http(database: Path, workload: Workload, folder: Path) -> Iterator[OverHttp]:
    """Start a backend behind a proxy."""
    made = OverHttp(database, workload, condition(), folder)
    yield made
    made.close()


def test_the_connection_is_closed_or_held(database: Path, workload: Workload) -> None:
    """A held connection is there until the end; a closed one is gone when the tests are over."""
    for held in (False, True):
        direct = Direct(database, workload, held=held)
        direct.create(int(held), nobody)
        direct.leave()
        assert Path(f"{database}-wal").exists() == held
        direct.end()
        assert not Path(f"{database}-wal").exists()
        direct.close()


def test_made_by_name(database: Path, workload: Workload, folder: Path) -> None:
    """The condition's key decides which application it is."""
    for name in ("closed", "held"):
        plain = condition(connection=name, cleanup="sql")
        assert isinstance(application(plain, database, workload, folder), Direct)
    made = application(condition(), database, workload, folder)
    try:
        assert isinstance(made, OverHttp)
    finally:
        made.close()


def test_over_http_the_same_rows_come_about(
    over_http: OverHttp, database: Path, workload: Workload
) -> None:
    """Through the API the tests make what they make by SQL, but for the backend's own clock."""
    steps: list[Step] = []
    over_http.begin()
    data = over_http.create(7, steps.append)
    assert [entity.label for entity in data.entities] == [e.label for e in workload.operations()]
    assert [step.operation for step in steps] == list(workload.calls())
    assert {(step.phase, step.attempt) for step in steps} == {("create", 1)}
    shown = "SELECT name, description, status, is_default FROM bots ORDER BY id DESC LIMIT 3"
    connection = connect(database)
    by_http = connection.execute(shown).fetchall()
    for entity in reversed(data.entities):
        connection.execute(f"DELETE FROM {entity.table} WHERE id = ?", (entity.key[0][1],))
    same = workload.create(connection, 7)
    assert same.payload_bytes == data.payload_bytes
    assert connection.execute(shown).fetchall() == by_http
    connection.close()


def test_the_end_shows_what_is_served(over_http: OverHttp) -> None:
    """At the end the backend serves the baseline, unless test data is still there."""
    over_http.begin()
    data = over_http.create(1, nobody)
    assert over_http.end() is False
    report = ApiCleanup(over_http.service).clean(
        Path("unused"), data.entities, connect=connect, retry=Retry(), listener=nobody
    )
    assert report.ok
    assert over_http.end() is True


def test_at_the_end_nobody_is_connected(over_http: OverHttp, database: Path) -> None:
    """While the tests run the backend is connected; at the end the file belongs to the truth."""
    over_http.begin()
    over_http.create(1, nobody)
    assert Path(f"{database}-wal").exists()
    over_http.end()
    assert not Path(f"{database}-wal").exists()
    connection = apsw.Connection(str(database))
    connection.execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")
    connection.close()


def test_a_request_still_under_way_is_part_of_the_cycle(
    over_http: OverHttp, database: Path, pristine: Path
) -> None:
    """What a stopped backend does late, for a client that has left, is there for the truth."""
    over_http.begin()
    impatient = ApiClient(Service(over_http.proxy.url, over_http.service.token, 200.0))
    body = {"email": "late@e2e.test", "name": "n", "role": "member", "locale": "en"}
    over_http.backend.suspend()
    with pytest.raises(ApiError) as caught:
        impatient.request("POST", "/users", body)
    assert caught.value.reason == "API timeout"
    assert caught.value.ambiguous
    impatient.close()
    over_http.backend.resume()
    over_http.end()
    truth = SqliteTruth(pristine)
    assert not truth.judge(database).rows
    truth.release()


def test_an_error_is_no_baseline(database: Path, workload: Workload, folder: Path) -> None:
    """A backend that answers with errors from the start is refused, and leaves no process."""
    connection = connect(database)
    connection.execute("UPDATE api_tokens SET scopes = replace(scopes, 'bots:read ', '')")
    connection.close()
    workload.token = lambda connection: next(  # type: ignore[method-assign]  # the token's scopes are no longer all
        str(token) for (token,) in connection.execute("SELECT token FROM api_tokens")
    )
    with pytest.raises(MeasurementError, match="does not serve its baseline: 403"):
        OverHttp(database, workload, condition(), folder)


def test_a_backend_that_died_is_no_result(over_http: OverHttp) -> None:
    """A backend killed by nobody's plan makes the cycle a harness error, and says so."""
    over_http.begin()
    over_http.backend.kill()
    with pytest.raises(MeasurementError, match="backend died in this cycle"):
        over_http.end()


def test_a_proxy_that_died_is_no_result(over_http: OverHttp) -> None:
    """A proxy that is gone makes the cycle a harness error, and says so."""
    over_http.begin()
    over_http.proxy.close()
    with pytest.raises(MeasurementError, match="proxy died in this cycle"):
        over_http.end()


def test_pages_are_counted_without_a_trace(database: Path) -> None:
    """Counting pages sees what is only in the -wal, and folds nothing."""
    writer = connect(database)
    writer.execute("BEGIN")
    for number in range(400):
        writer.execute("INSERT INTO tags (name, colour) VALUES (?, ?)", (f"t{number}", "x" * 200))
    writer.execute("COMMIT")
    size_bytes = database.stat().st_size
    assert page_count(database) * 4096 > size_bytes
    assert database.stat().st_size == size_bytes
    writer.close()


def test_the_pages_are_counted_without_a_connection(database: Path) -> None:
    """As many as SQLite counts, with frames rolled back or of before a checkpoint in the -wal."""
    connection = connect(database)
    try:
        connection.pragma("journal_mode", "wal")
        connection.execute("CREATE TABLE filled (body)")
        for action in ("", "ROLLBACK", "PRAGMA wal_checkpoint(RESTART)", ""):
            connection.execute("BEGIN; INSERT INTO filled SELECT randomblob(9000) FROM users")
            connection.execute("COMMIT" if action != "ROLLBACK" else action)
            if action.startswith("PRAGMA"):
                connection.execute(action).fetchall()
                connection.execute("DELETE FROM filled WHERE rowid = 1")
            assert page_count(database) == connection.pragma("page_count")
    finally:
        connection.close()
    assert page_count(database) * 4096 == database.stat().st_size
