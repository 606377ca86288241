"""Revoked scope: the API's token loses the right to delete from one table.

Models an administrator, or a rotation of tokens, that takes a right away while tests run: another
connection commits the token without the scope, and the backend answers 403 from then on.

Strikes just before one attempt at one DELETE over HTTP. Lasting for one attempt it is of no use
to a cleanup that does not try again after a refusal; lasting for phase or cycle it denies every
DELETE from the table until then. Then the scope is given back, unless a restore has done so
already. The guard must survive it: it needs no token, and the token is a row of the baseline.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from harness.faults import Fault, Shape, Slot
from harness.faults.reach.reach import LockedOut
from harness.steps import Step

_GIVE_BACK_MS = 500  # how long to wait for a writer when the scope is given back


class ScopeRevoked(Fault):
    """Take "bots:delete" away from the token in use."""

    name = "scope_revoked"
    contract = "Another connection takes the right to delete from the table away from the token."
    reasons = frozenset({"permission denied"})
    _scope = ""  # what is to be given back

    @classmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """Every attempt at every DELETE over HTTP."""
        slots = shape.cleanup_slots() if shape.cleans_over_http else []
        return [slot for slot in slots if slot.operation.startswith("delete ")]

    @classmethod
    def why_never(cls, shape: Shape) -> str | None:
        """Explain what is missing."""
        if not shape.cleans:
            return "the policy runs no cleanup"
        if shape.own or shape.own_requests:
            return "it takes a right from the built-in platform's token, and a project has none"
        return None if cls.slots(shape) else "the cleanup does not work over HTTP"

    def strike(self, step: Step) -> None:
        """Commit the token without the scope; locked out, or without it already: nothing fired."""
        scope = f"{step.operation.split(' ')[1]}:delete"
        try:
            with self.scene.reach.transaction(busy_timeout_ms=0) as connection:
                scopes = self._scopes(connection)
                self.scene.scopes = self.scene.scopes or scopes
                remaining = tuple(word for word in scopes if word != scope)
                changed = self._write(connection, remaining) if remaining != scopes else 0
        except LockedOut:
            return
        if changed:
            self._scope = scope
            rows = "1 row" if changed == 1 else f"{changed} rows"
            self.evidence = f"api_tokens: {scope} revoked ({rows} changed)"

    def lift(self) -> None:
        """Give the scope back where it still lacks, in its old place among the others."""
        if self._scope:
            with suppress(LockedOut):  # finish tries again
                self._give_back(self._scope)
                self._scope = ""

    def finish(self) -> None:
        """Try once more: whoever held the lock when it was to be given back may be gone."""
        self.lift()
        if self._scope:
            self.evidence += "; still revoked, the database was locked"

    def _give_back(self, scope: str) -> None:
        reach = self.scene.reach
        with reach.transaction(busy_timeout_ms=_GIVE_BACK_MS, writes=False) as reading:
            lacks = scope not in self._scopes(reading)
        if lacks:
            with reach.transaction(busy_timeout_ms=_GIVE_BACK_MS) as connection:
                scopes = (*self._scopes(connection), scope)
                order = {word: place for place, word in enumerate(self.scene.scopes)}
                self._write(
                    connection, tuple(sorted(scopes, key=lambda word: order.get(word, len(order))))
                )

    def _scopes(self, connection: Any) -> tuple[str, ...]:
        sql = "SELECT scopes FROM api_tokens WHERE token = ?"
        row = connection.execute(sql, (self.scene.token,)).fetchone()
        return tuple(row[0].split(" ")) if row else ()

    def _write(self, connection: Any, scopes: tuple[str, ...]) -> int:
        sql = "SELECT count(*) FROM api_tokens WHERE token = ?"
        (count,) = connection.execute(sql, (self.scene.token,)).fetchone()
        sql = "UPDATE api_tokens SET scopes = ? WHERE token = ?"
        connection.execute(sql, (" ".join(scopes), self.scene.token))
        return int(count)
