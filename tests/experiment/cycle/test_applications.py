from __future__ import annotations

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
from harness.experiment.cycle.applications import Direct, OverHttp
from harness.experiment.cycle.grounds import ground_of
from harness.experiment.cycle.grounds.ground import Ground
from harness.experiment.cycle.site import application
from harness.experiment.written.configuration import Condition
from harness.retry import Retry
from harness.steps import Step, nobody
from harness.truth.sqlite import SqliteTruth
from harness.workloads import Workload


@pytest.fixture
def ground(pristine: Path, folder: Path) -> Ground:
    """Copy the baseline."""
    return ground_of(pristine)(pristine, folder / "api.sqlite3")


@pytest.fixture
def database(ground: Ground) -> Path:
    """The copy."""
    return ground.database


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
def over_http(ground: Ground, workload: Workload, folder: Path) -> Iterator[OverHttp]:
    """Start a backend behind a proxy."""
    made = OverHttp(ground, workload, condition(), folder)
    yield made
    made.close()


def test_the_connection_is_closed_or_held(ground: Ground, workload: Workload) -> None:
    """A held connection is there until the end; a closed one is gone when the tests are over."""
    database = ground.database
    for held in (False, True):
        direct = Direct(ground, workload, held=held)
        direct.create(int(held), nobody)
        direct.leave()
        assert Path(f"{database}-wal").exists() == held
        direct.end()
        assert not Path(f"{database}-wal").exists()
        direct.close()


def test_made_by_name(ground: Ground, workload: Workload, folder: Path) -> None:
    """The condition's key decides which application it is."""
    for name in ("closed", "held"):
        plain = condition(connection=name, cleanup="sql")
        assert isinstance(application(plain, ground, workload, folder), Direct)
    made = application(condition(), ground, workload, folder)
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


def test_an_error_is_no_baseline(ground: Ground, workload: Workload, folder: Path) -> None:
    """A backend that answers with errors from the start is refused, and leaves no process."""
    connection = ground.connect()
    connection.execute("UPDATE api_tokens SET scopes = replace(scopes, 'bots:read ', '')")
    connection.close()
    workload.token = lambda connection: next(  # type: ignore[method-assign]  # the token's scopes are no longer all
        str(token) for (token,) in connection.execute("SELECT token FROM api_tokens")
    )
    with pytest.raises(MeasurementError, match="does not serve its baseline: 403"):
        OverHttp(ground, workload, condition(), folder)


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
