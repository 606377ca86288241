from __future__ import annotations

from typing import Any

import pytest

from harness.backend import schema
from harness.errors import ApiError, WorkloadError
from harness.steps import Step, nobody
from harness.workloads.platform import Platform
from harness.workloads.platform_parts.api import Calls, call, calls


class Answers:
    """Answers each request with the next id; the ``fails``th (from 1) does not arrive."""

    def __init__(self, fails: int = 0, row: Any = None) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self._fails, self._row = fails, row

    def request(self, method: str, path: str, body: dict[str, Any]) -> Answers:
        """Answer, or fail."""
        self.asked.append((method, path, body))
        if len(self.asked) == self._fails:
            raise ApiError("reset", reason="network error", transient=True, ambiguous=True)
        return self

    def json(self) -> Any:
        """Give the row."""
        return {"id": 100 + len(self.asked)} if self._row is None else self._row


USER = ("a@e2e.test", "A", "owner", "de_DE", 1, 2)


def test_an_insert_becomes_a_request() -> None:
    """Columns become the body, the backend's own clock left out; its answer gives the id."""
    api, steps = Answers(), list[Step]()
    made = Calls(api, steps.append)  # type: ignore[arg-type]  # it answers as a client does
    made.execute("BEGIN IMMEDIATE")
    made.execute(schema.ADD_USER, USER)
    made.execute("COMMIT")
    assert api.asked == [
        ("POST", "/users", {"email": USER[0], "name": "A", "role": "owner", "locale": "de_DE"})
    ]
    assert made.last_insert_rowid() == 101
    assert made.made == [("users", 101)]
    assert steps == [Step("create", "create users 1", 1)]


def test_a_failed_call_is_made_once_and_kept() -> None:
    """A POST is not repeated: it stands among the failures, and only what was confirmed is made."""
    api = Answers(fails=2)
    made = Calls(api, nobody)  # type: ignore[arg-type]  # it answers as a client does
    made.execute(schema.ADD_USER, USER)
    with pytest.raises(ApiError):
        made.execute(schema.ADD_BOT, (101, "b", "d", "draft", True, 5))
    assert made.made == [("users", 101)]
    assert [(f.step.operation, f.reason) for f in made.failures] == [
        ("create bots 1", "network error")
    ]
    assert len(api.asked) == 2


@pytest.mark.parametrize("row", [[], {}, {"id": "7"}, 3])
def test_an_answer_without_an_id_is_a_failure(row: Any) -> None:
    """An answer that names no id leaves nothing to clean up by, so it is no success."""
    made = Calls(Answers(row=row), nobody)  # type: ignore[arg-type]  # it answers as a client does
    with pytest.raises(ApiError) as caught:
        made.execute(schema.ADD_USER, USER)
    assert caught.value.reason == "malformed response"
    assert caught.value.ambiguous
    assert made.made == []


def test_what_the_api_cannot_do_is_refused() -> None:
    """A statement for which there is no resource is refused in words, not skipped."""
    made = Calls(Answers(), nobody)  # type: ignore[arg-type]  # it answers as a client does
    with pytest.raises(WorkloadError, match="INSERT INTO tags"):
        made.execute(schema.ADD_TAG, ("t", "c"))
    with pytest.raises(WorkloadError, match="the API cannot make 'complex'"):
        Platform("complex", 1).create_over_http(Answers(), 1, nobody)  # type: ignore[arg-type]  # never asked


def test_calls_are_named_by_table_and_number() -> None:
    """Each table's calls are counted from 1, in the order made."""
    assert calls(["users", "bots", "bots"]) == ("create users 1", "create bots 1", "create bots 2")
    assert call("bots", 2) == "create bots 2"
