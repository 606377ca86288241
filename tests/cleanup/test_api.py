from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import registry
from harness.backend.client import Service
from harness.cleanup import CleanupReport
from harness.cleanup.api import ApiCleanup, address
from harness.errors import UsageError
from harness.retry import Retry
from harness.steps import Entity, Listener, Step, nobody
from tests.raw_server import NO_CONTENT, Play, RawServer, answer, reset, send, serving, stall

TOKEN = "hb_secret-token-0123456789"  # noqa: S105 - no service anywhere knows it


def row(table: str, key: int | str) -> Entity:
    """Name a row to delete."""
    return Entity(table, (("id", key),))


def no_connection(_: Path) -> Any:
    """Fail: over the network nobody opens the database."""
    raise AssertionError("the database was opened")


def clean(
    server: RawServer,
    entities: Sequence[Entity],
    *,
    listener: Listener = nobody,
    attempts: int = 3,
    timeout_ms: float = 15_000,
    budget_ms: float = 60_000,
) -> CleanupReport:
    """Run the cleanup."""
    cleanup = ApiCleanup(Service(server.url, TOKEN, timeout_ms), budget_ms=budget_ms)
    return cleanup.clean(
        Path("nowhere"),
        entities,
        connect=no_connection,
        retry=Retry(attempts, 0.1),
        listener=listener,
    )


def gone(table: str, key: int) -> bytes:
    """Give the backend's own 404."""
    return answer(404, {"error": "no", "reason": "not found", "table": table, "id": key})


def test_it_is_found_by_its_name() -> None:
    """An experiment names it "api", and its kind says that it needs a service."""
    kind = registry.find("cleanup", "api")
    assert kind is ApiCleanup
    assert kind.over == "http"
    assert registry.find("cleanup", "sql").over == "sql"


def test_everything_goes_newest_first_over_one_connection() -> None:
    """What was made last goes first; every attempt is announced just before it is made."""
    made = [row("users", 7), row("bots", 8), row("bots", 9), row("integrations", 3)]
    heard: list[tuple[Step, int]] = []
    with serving(NO_CONTENT) as server:
        report = clean(
            server, made, listener=lambda step: heard.append((step, len(server.requests)))
        )
        assert server.connections == 1
    assert server.lines == [
        "DELETE /integrations/3",
        "DELETE /bots/9",
        "DELETE /bots/8",
        "DELETE /users/7",
    ]
    labels = ["delete integrations 3", "delete bots 9", "delete bots 8", "delete users 7"]
    assert heard == [(Step("cleanup", label, 1), n) for n, label in enumerate(labels)]
    assert report.ok
    assert report.failures == []
    assert report.removed == report.wanted == {"users": 1, "bots": 2, "integrations": 1}


HELD = answer(409, {"error": "held", "reason": "foreign-key violation", "constraint": "i.bot_id"})


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (HELD, "foreign-key violation"),
        (reset(), "network error"),
        (answer(502, b"<html>"), "gateway error"),
        (answer(503, {"error": "locked", "reason": "timeout"}), "timeout"),
        (answer(500, {"error": "oh"}), "server error"),
        (answer(200, b"<html>Welcome to our network</html>"), "malformed response"),
        (send(b"nonsense\r\n\r\n", keep=False), "malformed response"),
        (answer(200, b"x" * 2_000_000), "response too large"),
    ],
)
def test_what_may_pass_is_tried_again(trouble: Play | bytes, reason: str) -> None:
    """Two failures of a kind that passes cost two entries; the third attempt wins."""
    with serving(trouble, trouble, NO_CONTENT) as server:
        report = clean(server, [row("bots", 8)])
    assert report.ok
    assert report.removed == {"bots": 1}
    assert [(f.step, f.reason) for f in report.failures] == [
        (Step("cleanup", "delete bots 8", attempt), reason) for attempt in (1, 2)
    ]
    assert server.lines == ["DELETE /bots/8"] * 3


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, {"error": "no such token"}, "permission denied"),
        (403, {"error": "no", "scope": "bots:delete"}, "permission denied"),
        (409, {"error": "there", "reason": "unique violation"}, "constraint violation"),
        (404, b"Not Found", "not found"),
        (400, {"error": "what?"}, "bad request"),
        (308, b"", "redirect"),
    ],
)
def test_what_cannot_pass_is_not(status: int, body: dict[str, str] | bytes, reason: str) -> None:
    """A refusal stays one: one attempt, and the others still go."""
    with serving(answer(status, body), NO_CONTENT) as server:
        report = clean(server, [row("bots", 7), row("bots", 8)])
    assert not report.ok
    assert report.removed == {"bots": 1}
    assert report.sentences() == [f"Bots: 1/2 deleted; failed: bots 8 ({reason}, 1 attempt)"]
    assert [f.code for f in report.failures] == [status]
    assert server.lines == ["DELETE /bots/8", "DELETE /bots/7"]


def test_the_summarys_own_scenario() -> None:
    """Bots 3/5, integrations 2/3, users 1/2, each for its reason, in the summary's form."""
    made = [row("users", 1), row("users", 2)]
    made += [row("bots", key) for key in range(1, 6)]
    made += [row("integrations", key) for key in (1, 2, 3)]
    plays: list[Play | bytes] = [NO_CONTENT, reset(), reset(), reset(), NO_CONTENT]
    plays += [stall(), stall(), stall(), HELD, HELD, HELD, NO_CONTENT, NO_CONTENT, NO_CONTENT]
    plays += [NO_CONTENT, answer(403, {"error": "no", "scope": "users:delete"})]
    with serving(*plays) as server:
        report = clean(server, made, timeout_ms=300)
    assert sorted(report.sentences()) == [
        "Bots: 3/5 deleted; failed: bots 5 (API timeout, 3 attempts), "
        "bots 4 (foreign-key violation, 3 attempts)",
        "Integrations: 2/3 deleted; failed: integrations 2 (network error, 3 attempts)",
        "Users: 1/2 deleted; failed: users 1 (permission denied, 1 attempt)",
    ]
    assert str(server.port) not in str(report)
    assert TOKEN not in str(report)


def test_the_backend_says_that_it_is_gone() -> None:
    """A cascade or a test took it already: the backend names the entity, so it is removed."""
    with serving(gone("bots", 8)) as server:
        report = clean(server, [row("bots", 8)])
    assert report.ok
    assert report.removed == {"bots": 1}
    assert report.failures == []


@pytest.mark.parametrize("lost", [reset(), answer(502), answer(200, b"<html>")])
def test_a_deletion_whose_answer_was_lost(lost: Play | bytes) -> None:
    """After an ambiguous failure any 404 says that the first attempt had done it."""
    with serving(lost, answer(404, b"Not Found")) as server:
        report = clean(server, [row("bots", 8)])
    assert report.ok
    assert len(report.failures) == 1
    assert len(server.requests) == 2


def test_not_found_is_not_gone() -> None:
    """Another entity's lost answer, a locked database or another's name excuse no 404."""
    for plays, made in (
        ((reset(), NO_CONTENT, answer(404)), [row("bots", 7), row("bots", 8)]),
        ((answer(503, {"reason": "timeout"}), answer(404)), [row("bots", 7)]),
        ((gone("bots", 8),), [row("bots", 7)]),
    ):
        with serving(*plays) as server:
            report = clean(server, made)
        assert [(e.label, f.reason) for e, f in report.failed] == [("delete bots 7", "not found")]


def test_what_the_api_does_not_offer() -> None:
    """Reverts, purges, composite and odd keys become failures, and no request is made."""
    odd = [
        Entity("users", (("id", 1),), before=(("role", "x"),)),
        Entity("audit_log", (("id", 9),), after=True),
        Entity("bot_tags", (("bot_id", 3), ("tag_id", 4))),
        Entity("settings", (("name", "x"),)),
        Entity("bots", (("id", None),)),
        Entity("bots", (("id", b"8"),)),
        *(row("bots", key) for key in ("", ".", "..", True)),
    ]
    heard: list[Step] = []
    with serving(NO_CONTENT) as server:
        report = clean(server, [*odd, row("bots", 8)], listener=heard.append)
    assert server.lines == ["DELETE /bots/8"]
    assert heard == [Step("cleanup", "delete bots 8", 1)]
    assert [entity for entity, _ in report.failed] == odd[::-1]
    assert {(f.reason, f.step.attempt) for f in report.failures} == {("not offered by the API", 0)}
    assert report.removed == {"bots": 1}
    assert report.wanted == {"users": 1, "audit_log": 1, "bot_tags": 1, "settings": 1, "bots": 7}
    assert "Users: 0/1 deleted; failed: users 1 (not offered by the API)" in report.sentences()


def test_addresses_are_quoted() -> None:
    """A key or a table's name cannot leave its place in the path."""
    assert address(row("bots", 17)) == "/bots/17"
    assert address(row("bots", "../users/1?x#y %")) == "/bots/..%2Fusers%2F1%3Fx%23y%20%25"
    assert address(row("a/b", "å")) == "/a%2Fb/%C3%A5"


def test_the_budget() -> None:
    """Once it is used up no request is begun: an attempt is not repeated, the others give up."""
    made = [row("bots", key) for key in range(1, 30)]
    heard: list[Step] = []
    started = time.monotonic()
    with serving(stall()) as server:
        report = clean(
            server, made, timeout_ms=200, budget_ms=300, attempts=5, listener=heard.append
        )
    assert time.monotonic() - started < 15
    assert len(server.requests) <= len(heard) <= 2  # at 0 ms, at 200 ms; at 400 ms it is over
    reasons = [failure.reason for _, failure in report.failed]
    assert reasons == ["API timeout"] + ["gave up"] * 28
    assert report.wanted == {"bots": 29}
    assert report.removed == {}


def test_no_budget_at_all() -> None:
    """A budget of 0 makes no request; one that is no time is refused."""
    with serving(NO_CONTENT) as server:
        report = clean(server, [row("bots", 1)], budget_ms=0)
        assert [failure.reason for _, failure in report.failed] == ["gave up"]
        assert server.requests == []
        for budget_ms in (-1.0, float("nan")):
            with pytest.raises(UsageError, match="budget_ms"):
                clean(server, [], budget_ms=budget_ms)


def test_a_service_that_cannot_serve_is_refused_at_once() -> None:
    """A bad URL is found before the tests run, not after."""
    with pytest.raises(UsageError):
        ApiCleanup(Service("localhost", TOKEN))


def test_nobody_answers() -> None:
    """A backend that is down fails every entity, and says so of each."""
    with serving(NO_CONTENT) as server:
        pass
    report = clean(server, [row("users", 1), row("bots", 2)])
    assert server.requests == []
    assert [f.reason for _, f in report.failed] == ["network error"] * 2
    assert len(report.failures) == 6


def until(true: Callable[[], bool]) -> bool:
    """Wait until something is true, at most 10 s."""
    for _ in range(1000):
        if true():
            return True
        time.sleep(0.01)
    return False


def test_the_client_is_closed_whatever_happens() -> None:
    """After success, after failures, and when something raises in the middle: it hangs up."""
    left: list[bool] = []

    def watched(connection: Any) -> bool:
        connection.sendall(NO_CONTENT)
        left.append(connection.recv(1) == b"")  # b"" is the client's hanging up
        return False

    def interrupted(step: Step) -> None:
        if step.operation == "delete bots 1":
            raise KeyboardInterrupt

    with serving(watched) as server:
        assert clean(server, [row("bots", 2)]).ok
        assert until(lambda: left == [True])
        with pytest.raises(KeyboardInterrupt):
            clean(server, [row("bots", 1), row("bots", 2)], listener=interrupted)
        assert until(lambda: left == [True, True])


def test_one_cleanup_may_clean_many_times() -> None:
    """An instance serves cycle after cycle, each over a connection of its own."""
    with serving(NO_CONTENT) as server:
        cleanup = ApiCleanup(Service(server.url, TOKEN))
        for _ in range(3):
            report = cleanup.clean(
                Path("x"), [row("bots", 1)], connect=no_connection, retry=Retry(), listener=nobody
            )
            assert report.ok
        assert server.connections == 3
