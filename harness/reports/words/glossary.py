"""The special words: a few words for where one is first used, and what docs/glossary.md says.

A test holds both sides to each other: what the documentation says of a word is what a page says.
"""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    """A special word."""

    briefly: str  # where it is first used; "" for one that is only linked
    says: str  # as docs/glossary.md has it, without its links


WORDS = {
    "baseline": Word(
        "the state before the tests",
        "The known good state that the database must come back to: as it was before the tests.",
    ),
    "backup": Word(
        "",
        "What a recovery has captured of the baseline.",
    ),
    "calibration": Word(
        "solving for a fault rate",
        "Solving for the fault rate at which something succeeds as often as is claimed.",
    ),
    "claim": Word(
        "",
        "A statement that can be judged, such as reliability >= 0.999.",
    ),
    "cleanup": Word(
        "",
        "One way to delete the test data: by SQL, over an API, by difference, by a command of "
        "yours. It returns a report, which may be wrong.",
    ),
    "condition": Word(
        "one setting of database, faults and guard",
        "One setting of database, faults and guard. An experiment has one or more, or sweeps them.",
    ),
    "control": Word(
        "shows that the instrument sees what it must; claims nothing",
        "A condition that shows that the instrument sees what it must; it claims nothing.",
    ),
    "cycle": Word(
        "one trip: backup, tests, cleanup, look at the truth",
        "One trip: backup, test data, cleanup, verification, restore if needed, verification, "
        "disposal of the backup, truth.",
    ),
    "differences": Word(
        "",
        "What verification finds: rows added, missing or changed by table, sequences, schema, "
        "settings.",
    ),
    "fault": Word(
        "",
        "One kind of failure, made real in the layer where it happens.",
    ),
    "frontier": Word(
        "up to which rate a target holds",
        "Up to which fault rate a target is shown to hold, and from which it is shown to be "
        "broken.",
    ),
    "grade": Word(
        "how much must be back",
        "How much must be back. rows: every row, the schema and the settings. exact: the "
        "sequences too.",
    ),
    "guard": Word(
        "",
        "Backup, tests, cleanup, verification, restore, verification: the tool that people use.",
    ),
    "harness": Word(
        "",
        "What runs the guard through many cycles under faults and judges it.",
    ),
    "ledger": Word(
        "what became of each fault",
        "For each fault: planned, fired (with evidence), surfaced or masked.",
    ),
    "lift": Word(
        "how many times as often as if independent",
        "How many times as often cleanup and restore fail together as they would independently.",
    ),
    "masked": Word(
        "it struck, and nobody was told",
        "Of a fault: it fired, and nobody was told of an error.",
    ),
    "odds ratio": Word(
        "1 is independence",
        "How many times the odds that a restore fails are raised where the cleanup failed; 1 "
        "is independence.",
    ),
    "outcome": Word(
        "",
        "How a cycle ended: cleaned, restored, refused before any test, dirty_known (dirty "
        "and said so), dirty_silent (dirty without a word), baseline_lost, harness_error "
        "(spoiled by the harness).",
    ),
    "policy": Word(
        "when to restore",
        "When to restore: cleanup_only, restore_only, hybrid_trusting (if the cleanup reports "
        "a failure), hybrid_verified (if verification finds a difference).",
    ),
    "recovery": Word(
        "a way to back up and put back",
        "One way to capture a backup and to put it back: wal_pin, online_backup, file_copy.",
    ),
    "refused": Word(
        "no backup could be had, so no test was run",
        "Of a cycle: no backup could be had, so no test was run and nothing was touched.",
    ),
    "reliability": Word(
        "",
        "The share of cycles that ended cleaned or restored, by the truth. A refusal is no "
        "success.",
    ),
    "set point": Word(
        "solved for, so it supports nothing",
        "A figure that is an input: the rate was solved for at which it holds. It supports "
        "nothing.",
    ),
    "shadow": Word(
        "a cycle run once more with a restore",
        "A cycle that needed no restore, run once more with one, to see whether the two fail "
        "together. Of a virtual table: one of the tables that it keeps its rows in.",
    ),
    "slot": Word(
        "one opportunity for a fault",
        "One opportunity for a fault: phase, operation, attempt.",
    ),
    "strata": Word(
        "cycles with a set number of faults",
        "Cycles with a set number of faults in place of a rate, for rates at which no number "
        "of cycles would show a failure.",
    ),
    "surfaced": Word(
        "the caller was told of it",
        "Of a fault: the caller was told of an error.",
    ),
    "truth": Word(
        "",
        "The independent look at the database when the guard has finished, by other code than "
        "the guard's.",
    ),
    "verdict": Word(
        "",
        "supported, refuted or undecided; of a claim of 100% not refuted or refuted.",
    ),
    "workload": Word(
        "",
        "What makes a baseline and the test data.",
    ),
}
# other forms of a word that mean the same
FORMS = {
    "baseline": ("baselines",),
    "condition": ("conditions",),
    "control": ("controls",),
    "cycle": ("cycles",),
    "odds ratio": ("odds ratios",),
    "recovery": ("recoveries",),
    "set point": ("set points",),
    "shadow": ("shadows",),
    "slot": ("slots",),
    "strata": ("stratum",),
}
