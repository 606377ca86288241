"""Permission denial: the database refuses the operation to this connection.

Models a role without DELETE, as SQLite knows it: the connection's authorizer denies writing the
table, and the statement fails with "not authorized" (SQLITE_AUTH,
https://www.sqlite.org/c3ref/set_authorizer.html). File permissions cannot stand in for it: they
mean nothing to root and nothing to a file that is open already.

Strikes just before one attempt at one removal. Lasting for one attempt it is of no use to a
cleanup that does not try again after a refusal; lasting for phase or cycle it denies every write
to the table until then. The guard must survive it: its own restore is another connection. A
cleanup over HTTP has no connection of its own; what it can be denied is a scope (scope_revoked).
"""

from __future__ import annotations

from harness.faults import Fault, Shape, Slot
from harness.faults.reach.reach import Holding
from harness.steps import Step


class Permission(Fault):
    """Deny writes to one table on the cleanup's connection."""

    name = "permission"
    contract = "The database denies the cleanup's connection to write the table."
    reasons = frozenset({"permission denied"})
    _denial: Holding | None = None

    @classmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """Every attempt at every removal by SQL."""
        return [] if shape.cleans_over_http else shape.cleanup_slots()

    @classmethod
    def why_never(cls, shape: Shape) -> str | None:
        """Explain what is missing."""
        if shape.cleans and shape.cleans_over_http:
            return "the cleanup works over HTTP, on no connection of its own; use scope_revoked"
        return None if shape.cleans else "the policy runs no cleanup"

    def strike(self, step: Step) -> None:
        """Deny the table from now on."""
        self._denial = self.scene.reach.deny(step.operation.split(" ")[1], self._note)
        self._denial.begin()

    def _note(self, evidence: str) -> None:
        self.evidence = evidence

    def lift(self) -> None:
        """Allow it again."""
        if self._denial is not None:
            self._denial.end()
