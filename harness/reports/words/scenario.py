"""What every report says of one cycle's story: its steps in order, as text, and how each ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from harness.statistics.digits import milliseconds

State = Literal["good", "bad", "note"]  # note: neither, or bad luck that was made good
SENTENCES_MOST = 4  # of what still differs
OVER = {"api": "over the API", "sql": "by SQL"}  # by name of the cleanup
ENDS = {  # by outcome
    "cleaned": "cleaned: the cleanup was enough",
    "restored": "restored to a clean state",
    "refused": "REFUSED: there was no backup, so no test was run",
    "dirty_known": "DIRTY at the end, and the guard says so",
    "dirty_silent": "DIRTY at the end, and the guard says it is clean",
    "baseline_lost": "BASELINE LOST",
    "harness_error": "HARNESS ERROR: this cycle says nothing about the guard",
}


class Undone(NamedTuple):
    """One entity that could not be removed."""

    entity: str
    reason: str
    attempts: int
    error: str


class Removal(NamedTuple):
    """What the cleanup did in one table."""

    table: str  # as people write it
    removed: int
    wanted: int
    failed: tuple[Undone, ...]

    @property
    def tally(self) -> str:
        """Return "2/3 deleted"; a cleanup that raised as a whole never counted."""
        return f"{self.removed:,}/{self.wanted:,} deleted" if self.wanted else "failed"


class Line(NamedTuple):
    """One thing that happened; ``removals`` only where it is the cleanup."""

    state: State
    step: str
    said: str
    removals: tuple[Removal, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One cycle, told."""

    condition: str
    cycle: int
    outcome: str
    lines: tuple[Line, ...]
    took: str  # durations, in one line
    refused: bool = False  # no backup could be taken, so the trip was not made

    @property
    def title(self) -> str:
        """Name the trip as the experiment does."""
        return self.condition[:1].upper() + self.condition[1:]

    @property
    def clean(self) -> bool:
        """Whether it ended as a guarded run must."""
        return self.outcome in ("cleaned", "restored")

    @property
    def end(self) -> str:
        """How it ended, in a few words."""
        if self.refused and self.outcome == "dirty_known":  # as older runs have it
            return ENDS["refused"]
        return ENDS[self.outcome]


def scenario(kept: Mapping[str, Any]) -> Scenario:
    """Tell one of the ``stories`` of summary.json."""
    story, demands = kept["story"], kept["demands"]
    lines = (
        *_backup(kept),
        *_tests(story),
        *_cleanup(kept),
        *_looked(story, demands),
        *_failures(story, "verify", "Verification"),
        *_failures(story, "restore", "Restore", "note" if story["restored_by"] else "bad"),
        *_restore(kept),
        *_failures(story, "dispose", "Disposal"),
        *_truth(story["truth"], demands),
        *_backend(story["served"]),
    )
    took = [f"{phase} {milliseconds(ms)}" for phase, ms in kept["timings_ms"].items()]
    return Scenario(
        kept["condition"],
        kept["cycle"],
        kept["outcome"],
        lines,
        took=", ".join(took),
        refused=story["ended"] == "refused",
    )


def _backup(kept: Mapping[str, Any]) -> Iterator[Line]:
    story = kept["story"]
    refused = story["ended"] == "refused"
    if refused:
        yield Line("bad", "Backup", "refused: none could be taken, so no test was run")
    yield from _failures(story, "backup", "Backup", "bad" if refused else "note")
    if not refused and "backup" in kept["timings_ms"]:
        size = f", {kept['backup_bytes']:,} bytes" if kept["backup_bytes"] else ""
        yield Line("good", "Backup", f"taken{size}")


def _tests(story: Mapping[str, Any]) -> Iterator[Line]:
    failed = story["failures"].get("create", ())
    if failed:
        calls = f"{len(failed)} call{'' if len(failed) == 1 else 's'}"
        yield Line("bad", "Tests", f"{calls} of the tests failed")
        yield from _failures(story, "create", "Tests", "bad")


def _cleanup(kept: Mapping[str, Any]) -> Iterator[Line]:
    cleanup = kept["story"]["cleanup"]
    if cleanup is None:
        return
    removals = tuple(
        Removal(
            table["table"].replace("_", " ").capitalize(),
            table["removed"],
            table["wanted"],
            tuple(Undone(**failed) for failed in table["failed"]),
        )
        for table in cleanup["tables"]
    )
    removed, wanted = sum(r.removed for r in removals), sum(r.wanted for r in removals)
    over = OVER.get(kept["cleanup"], f"by {kept['cleanup']}" if kept["cleanup"] else "")
    said = ": ".join(filter(None, (over, f"{removed:,} of {wanted:,} deleted")))
    yield Line("good" if cleanup["ok"] else "bad", "Cleanup", said, removals)
    for failure in kept["story"]["failures"].get("cleanup", ()):
        operation = failure["operation"].removeprefix("delete ")
        again = "at the first attempt" if failure["failed"] == 1 else f"{failure['failed']} times"
        yield Line("note", "Retried", f"{operation}: {failure['reason']} {again}, then done")


def _looked(story: Mapping[str, Any], demands: str) -> Iterator[Line]:
    if story["found"] is None and story["cleanup"] is not None:
        yield Line("note", "Verification", "none: this policy believes what the cleanup reports")
    yield from _verification(story["found"], demands)


def _verification(differences: Mapping[str, Any] | None, demands: str) -> Iterator[Line]:
    if differences is None:
        return
    said = []
    for kind, words in (("added", "left behind"), ("missing", "missing"), ("changed", "changed")):
        rows = {
            table: counts[kind] for table, counts in differences["tables"].items() if counts[kind]
        }
        if rows:
            number = sum(rows.values())
            where = ", ".join(f"{table} {count:,}" for table, count in rows.items())
            said.append(f"{number:,} row{'' if number == 1 else 's'} {words}: {where}")
    said += differences["schema"]["first"]
    if differences["settings"]:
        said.append(f"settings: {', '.join(differences['settings'])}")
    said += [f"{name}: {why}" for name, why in differences["unread"].items()]
    # runs stored before it was looked for have none
    said += [f"{what} {how}" for what, how in differences.get("damage", {}).items()]
    bad = bool(said)
    if differences["sequences"]:
        bad = bad or demands == "exact"
        said.append(f"sequences moved on: {', '.join(differences['sequences'])}")
    text = f"found {'; '.join(said)}" if said else "no difference"
    yield Line("bad" if bad else "good", "Verification", text)


def _restore(kept: Mapping[str, Any]) -> Iterator[Line]:
    story, took_ms = kept["story"], kept["timings_ms"].get("restore")
    by = story["restored_by"]
    again = tuple(_verification(story["remaining"], kept["demands"]))
    if by:
        time = f", in {milliseconds(took_ms)}" if took_ms is not None else ""
        yield Line("good", "Restore", f"database restored from backup by {by}{time}")
        yield from again
    elif took_ms is not None or story["ended"] == "dirty":
        yield from again
        yield Line("bad", "Restore", "the database was NOT brought back")
    elif story["ended"] == "cleaned" and "backup" in kept["timings_ms"]:
        yield Line("good", "Restore", "not needed")


def _truth(truth: Mapping[str, Any], demands: str) -> Iterator[Line]:
    left = truth["left_behind"]
    if truth["exact"]:
        said = "clean: every row, schema, setting and sequence is the baseline's"
        yield Line("good", "Truth", said)
    elif truth["rows"]:
        said = "every row, the schema and the settings are the baseline's; sequences moved on"
        yield Line("bad" if demands == "exact" else "good", "Truth", said)
    else:
        differ = truth["differences"]
        more = differ["count"] - SENTENCES_MOST
        first = "; ".join(differ["first"][:SENTENCES_MOST])
        said = f"{'BASELINE CONTENT LOST' if truth['lost'] else 'DIRTY'}: {first or 'no detail'}"
        yield Line("bad", "Truth", f"{said}; and {more:,} more" if more > 0 else said)
    if left["count"]:
        yield Line("note", "Left behind", ", ".join(left["first"]))


def _backend(served: bool | None) -> Iterator[Line]:
    if served is not None:
        said = "serves the baseline again" if served else "does NOT serve the baseline"
        yield Line("good" if served else "bad", "Backend", said)


def _failures(
    story: Mapping[str, Any], phase: str, step: str, state: State = "note"
) -> Iterator[Line]:
    for failure in story["failures"].get(phase, ()):
        times = "" if failure["failed"] == 1 else f", {failure['failed']} times"
        yield Line(state, step, f"{failure['operation']}: {failure['reason']}{times}")
