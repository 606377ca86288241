"""Cleanup by API: every entity by a DELETE of its own, newest first, over the network.

What it models: the cleanup that end-to-end suites have, through the very interface they test. It
cannot see foreign keys, so it goes by time: what was made last refers only to what was there
before. It survives networks: what may pass is tried again, and a DELETE whose answer was lost and
that then finds nothing has done its work. What the API does not offer it says so, and leaves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import quote

from harness.backend.client import ApiClient, Service
from harness.cleanup import Cleanup, CleanupReport, Connect
from harness.databases.errors import is_transient
from harness.errors import ApiError, UsageError
from harness.retry import Retry
from harness.steps import Entity, Failure, Listener, Step


class ApiCleanup(Cleanup):
    """Delete test data through the backend's API.

    Args:
        service: where the API is.
        budget_ms: after so long no request is begun any more; what is left over has failed.
    """

    name = "api"
    contract = "Deletes by the backend's API, newest first, one request an attempt, with retries."
    over: ClassVar[Literal["sql", "http"]] = "http"

    def __init__(self, service: Service, *, budget_ms: float = 60_000) -> None:
        if not budget_ms >= 0:  # also of NaN
            raise UsageError(f"the cleanup's budget_ms is {budget_ms!r}: give 0 or more")
        self._client = ApiClient(service)
        self._budget_ms = budget_ms

    def clean(
        self,
        database: Path,
        entities: Sequence[Entity],
        *,
        connect: Connect,
        retry: Retry,
        listener: Listener,
    ) -> CleanupReport:
        """Delete ``entities``; failures of single entities are reported, not raised."""
        report = CleanupReport()
        ends = time.monotonic() + self._budget_ms / 1000

        def in_time() -> bool:
            return time.monotonic() < ends

        try:
            for entity in reversed(entities):
                report.wanted[entity.table] = report.wanted.get(entity.table, 0) + 1
                failure = self._remove(entity, in_time, report.failures, retry, listener)
                if failure:
                    report.failed.append((entity, failure))
                else:
                    report.removed[entity.table] = report.removed.get(entity.table, 0) + 1
        finally:
            self._client.close()
        return report

    def _remove(
        self,
        entity: Entity,
        in_time: Callable[[], bool],
        failures: list[Failure],
        retry: Retry,
        listener: Listener,
    ) -> Failure | None:
        """Remove ``entity``, or return the failure that was the last."""
        path = address(entity)
        if path is None:
            return _unmade(entity, "not offered by the API", failures)
        if not in_time():
            return _unmade(entity, "gave up", failures)
        try:
            retry.run(
                "cleanup",
                entity.label,
                _Deletion(self._client, path).attempt,
                worth=lambda error: _worth_another(error) and in_time(),
                listener=listener,
                failures=failures,
            )
        except ApiError:
            return failures[-1]
        return None


class _Deletion:
    """One entity's DELETE: knows from one attempt to the next whether it may have been done."""

    def __init__(self, client: ApiClient, path: str) -> None:
        self._client, self._path = client, path
        self._perhaps_done = False

    def attempt(self) -> None:
        """Make one attempt; that there is nothing to delete is fine where it can be believed.

        A 404 alone may come from a wrong URL: the backend must name the entity, or an earlier
        attempt must have left it open whether it was carried out.
        """
        try:
            answer = self._client.request("DELETE", self._path)
        except ApiError as error:
            if error.gone or (error.status == 404 and self._perhaps_done):
                return
            self._perhaps_done |= error.ambiguous
            raise
        if answer.status != 204:  # a page that somebody on the way put in deletes nothing
            self._perhaps_done = True
            raise ApiError(
                f"DELETE {self._path}: the answer is {answer.status} where the API says 204; "
                "is the URL that of the backend's API?",
                reason="malformed response",
                status=answer.status,
                transient=True,
                ambiguous=True,
            )


def address(entity: Entity) -> str | None:
    """Return the path that a DELETE of ``entity`` asks for; None where the API has none."""
    if entity.before is not None or entity.after or len(entity.key) != 1:
        return None
    ((column, value),) = entity.key
    if column != "id" or isinstance(value, bool) or not isinstance(value, int | str):
        return None
    # a name of dots alone, or none, would speak of the whole table or of its parent
    return (
        f"/{quote(entity.table, safe='')}/{quote(str(value), safe='')}" if _names(value) else None
    )


def _names(value: int | str) -> bool:
    return bool(str(value).strip("."))


def _unmade(entity: Entity, reason: str, failures: list[Failure]) -> Failure:
    """Keep that no request was made: attempt 0."""
    text = f"{entity.label}: no request was made; delete it by SQL, or let the guard restore"
    failure = Failure(Step("cleanup", entity.label, 0), reason, text, 0)
    failures.append(failure)
    return failure


def _worth_another(error: Exception) -> bool:
    if is_transient(error):
        return True
    # a child row that another program made may be gone a moment later
    return isinstance(error, ApiError) and error.reason == "foreign-key violation"


__all__ = ["ApiCleanup", "address"]
