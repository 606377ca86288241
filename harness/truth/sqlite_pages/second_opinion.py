"""What SQLite's own checks find where reading the pages leaves doubts."""

from __future__ import annotations

from harness.truth.sqlite_pages.checks import NOT_RUN, Witnesses
from harness.truth.sqlite_pages.findings import Doubts, Findings, shortened
from harness.truth.sqlite_pages.live_file import LiveFile


class SecondOpinion:
    """Adds to the findings what SQLite says of the file and did not say of the baseline."""

    def __init__(
        self, live: LiveFile, witnesses: Witnesses, findings: Findings, doubts: Doubts
    ) -> None:
        """Ask about ``doubts``, once all of them are known."""
        self._live = live
        self._witnesses = witnesses
        self._findings = findings
        self._doubts = doubts

    def check_integrity(self) -> None:
        """Have the whole file checked, or the tables in doubt that are there still."""
        if self._doubts.whole_file:
            self._check(None)
            return
        names = {described.name for described in self._live.schema.values()}
        for table in sorted(self._doubts.tables & names):
            self._check(table)

    def check_references(self) -> None:
        """List the rows that refer to a missing row and did not."""
        new = self._witnesses.live.violations() - self._witnesses.pristine.violations()
        lines = [
            f"foreign key: {table} row {rowid} refers to a missing row of {parent}"
            if parent
            else f"foreign keys: {table}"
            for table, rowid, parent in new.elements()
        ]
        self._findings.sentences += shortened(lines)

    def _check(self, table: str | None) -> None:
        known = set(self._witnesses.pristine.integrity(table))
        lines = self._witnesses.live.integrity(table)
        for line in shortened([line for line in lines if line not in known]):
            self._findings.broken(line)
        if any(line.startswith(NOT_RUN) for line in lines):
            self._look_alone()

    def _look_alone(self) -> None:
        """Check what SQLite cannot (an application's own collation): it is the last word then."""
        for number in self._doubts.crooked:
            self._findings.broken(f"page {number}: cells and free space do not add up")
        baseline = self._live.changes.baseline
        new_orphans = self._live.owners.orphans() - baseline.owners.orphans()
        if new_orphans > 0:
            self._findings.broken(f"{new_orphans} pages belong to nobody")
