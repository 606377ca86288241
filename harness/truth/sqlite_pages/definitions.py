"""Settings and schema against the baseline's."""

from __future__ import annotations

from harness.truth.sqlite_pages.file_format.header import Header
from harness.truth.sqlite_pages.file_format.records import Schema
from harness.truth.sqlite_pages.findings import Doubts, Findings
from harness.truth.sqlite_pages.sequences import SEQUENCES


def compare_settings(before: Header, now: Header, findings: Findings, doubts: Doubts) -> None:
    """Note every setting that is another one, and doubt a file of another format."""
    for name, value in before.settings.items():
        if now.settings[name] != value:
            findings.differ(f"setting {name}: {value} -> {now.settings[name]}", lost=True)
    if (before.schema_format, before.vacuum) != (now.schema_format, now.vacuum):
        doubts.whole_file = True


def compare_schema(before: Schema, now: Schema, findings: Findings) -> None:
    """Note every table, index, view and trigger that is new, missing or another one."""
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        title = " ".join(key)
        if key == SEQUENCES and (old is None or new is None):
            findings.inexact(f"{title} {'missing' if old else 'added'}")
        elif old is None:
            findings.differ(f"{title} added", lost=False)
        elif new is None:
            findings.differ(f"{title} missing", lost=True)
        elif (old.table, old.sql, not old.root) != (new.table, new.sql, not new.root):
            findings.differ(f"{title} changed", lost=True)
