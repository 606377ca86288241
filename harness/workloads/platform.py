"""The backend database of a chat-bot platform: users, bots, integrations and what is around them.

``simple`` is what the usual end-to-end test makes (one user, three bots, two integrations);
``team`` is two users, five bots and three integrations; ``complex`` is a deep graph that also
changes a row of the baseline and sets off triggers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import apsw

from harness.backend import schema
from harness.databases.sqlite.stored import sequence_rows
from harness.errors import ApiError, UnknownName, WorkloadError
from harness.steps import Entity, Listener
from harness.workloads import JournalMode, TestData, Workload
from harness.workloads.platform_parts import baseline
from harness.workloads.platform_parts.shapes import SHAPES, Made, Rehearsal, Seen, entities
from harness.workloads.platform_parts.words import generator, make_words

if TYPE_CHECKING:
    from harness.backend.client import ApiClient

_SETS = 512  # prepared; a draw picks one of them and adds its own mark
_POOL = 240
_MARK_BITS = 64  # draws that are equal in these have the same mark


class Platform(Workload):
    """A chat-bot platform's users, bots, integrations, conversations and messages in SQLite.

    ``create`` takes an open apsw connection with foreign keys on, and runs in autocommit. Ids that
    ``operations`` foretells hold for a fresh baseline; what ``create`` returns always holds.
    """

    name: ClassVar[str] = "platform"
    contract: ClassVar[str] = (
        "A SQLite database of 9 tables with RESTRICT and CASCADE foreign keys, AUTOINCREMENT,"
        " partial indexes and audit triggers; needs foreign_keys=ON when test data is created."
    )
    shapes: ClassVar[tuple[str, ...]] = tuple(SHAPES)
    over_http: ClassVar[tuple[str, ...]] = ("simple", "team")

    def __init__(self, shape: str, seed: int) -> None:
        """Prepare sets of values for ``shape``; raises UnknownName for a shape there is not."""
        if shape not in SHAPES:
            raise UnknownName(f"platform has no shape {shape!r}; known: {', '.join(SHAPES)}")
        super().__init__(shape, seed)
        self._shape = SHAPES[shape]
        words = make_words(seed, _POOL, long_bodies=False)
        random = generator(f"sets of {shape}", seed)
        self._sets = [self._shape.prepare(words, random) for _ in range(_SETS)]
        self._payloads = [self._payload(values) for values in self._sets]
        self._known: tuple[Seen | None, Made, tuple[Entity, ...]] | None = None

    @classmethod
    def build_baseline(
        cls, path: Path, *, size_bytes: int, seed: int, journal_mode: JournalMode
    ) -> None:
        """Write a baseline of exactly ``size_bytes`` to ``path``: same seed, same bytes.

        ``size_bytes`` is a multiple of 4096 and at least 64 pages; ``path`` must not exist or be
        empty. Raises WorkloadError otherwise.
        """
        baseline.build(path, size_bytes=size_bytes, seed=seed, journal_mode=journal_mode)

    def learn(self, connection: Any) -> None:
        """Read the sequences and the user that will be changed from a fresh baseline."""
        try:
            last = {name: number for _, name, number in sequence_rows(connection)}
            seen = self._shape.look(connection)
        except apsw.SQLError as error:  # no such table
            raise WorkloadError(f"not a platform baseline: {error}") from error
        if "messages" not in last:
            raise WorkloadError("not a platform baseline: it has no messages")
        made = self._shape.write(Rehearsal(last), self._sets[0], _mark(0), seen)
        self._known = (seen, made, entities(seen, made))

    def create(self, connection: Any, draw: int) -> TestData:
        """Create one cycle's test data; the same ``draw`` makes the same rows.

        Commits call by call, as the application does: an error (any of apsw's) leaves behind what
        was committed before it, and no open transaction.
        """
        if self._known is None:
            self.learn(connection)
        number = draw % _SETS
        seen = self._shape.look(connection)
        made = self._shape.write(connection, self._sets[number], _mark(draw), seen)
        payload_bytes = self._payloads[number]
        if self._known is not None and self._known[0] == seen and self._known[1] == made:
            return TestData(self._known[2], payload_bytes)
        return TestData(entities(seen, made), payload_bytes)  # not a fresh baseline

    def operations(self) -> Sequence[Entity]:
        """The entities of any cycle on the baseline learnt, in order made.

        Raises WorkloadError before ``learn`` (or a first ``create``).
        """
        if self._known is None:
            raise WorkloadError("platform knows no baseline yet: call learn(connection) first")
        return self._known[2]

    def calls(self) -> Sequence[str]:
        """Name the calls of ``create_over_http``, in order."""
        if self.shape not in self.over_http:
            return ()
        from harness.workloads.platform_parts.api import calls  # noqa: PLC0415 - needs the HTTP client

        return calls([entity.table for entity in self.operations()])

    def token(self, connection: Any) -> str:
        """Return the founder's token, which may do all that the API offers."""
        row = connection.execute(
            "SELECT token FROM api_tokens WHERE scopes = ? AND revoked_at IS NULL ORDER BY id",
            (schema.ALL_SCOPES,),
        ).fetchone()
        if row is None:
            raise WorkloadError("not a platform baseline: no token of it may do everything")
        return str(row[0])

    def create_over_http(self, api: ApiClient, draw: int, listener: Listener) -> TestData:
        """Create one cycle's test data through the API, row by row; see Workload."""
        if self.shape not in self.over_http:
            raise WorkloadError(f"the API cannot make {self.shape!r}, only {self.over_http}")
        from harness.workloads.platform_parts.api import Calls  # noqa: PLC0415 - needs the HTTP client

        number = draw % _SETS
        calls = Calls(api, listener)
        with suppress(ApiError):  # kept in calls.failures: a test that failed, as tests do
            self._shape.write(calls, self._sets[number], _mark(draw), None)
        made = entities(None, calls.made)
        payload_bytes = 0 if calls.failures else self._payloads[number]  # of half a set: unknown
        return TestData(made, payload_bytes, tuple(calls.failures))

    def _payload(self, values: tuple[Any, ...]) -> int:
        """Bytes of the values that writing this set binds; the same for any mark."""
        rehearsal = Rehearsal({})
        seen = Seen(0, "owner", 0) if self._shape.changes_baseline else None
        self._shape.write(rehearsal, values, _mark(0), seen)
        return rehearsal.payload_bytes


def _mark(draw: int) -> str:
    """Return what makes the unique values of ``draw`` its own, always of the same length."""
    return f"{draw % 2**_MARK_BITS:0{_MARK_BITS // 4}x}"
