"""file_size_limit: the kernel's own limit, proven by SIGXFSZ, by a cut file or by what was said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.faults.file_size_limit import FileSizeLimit
from tests.faults.conftest import Stage
from tests.faults.own_cleanup import OWN, clean, entry, program


def test_sqlite_says_what_a_full_disk_makes_it_say(stage: Stage) -> None:
    """Python ignores SIGXFSZ: the write fails, and the rows are all still there."""
    report, injector = clean(stage, program(), "file_size_limit", where=0.01)
    assert [failure.reason for failure in report.failures] == ["exit status 1"]
    one = entry(injector, report)
    assert one.surfaced
    assert "RLIMIT_FSIZE 655 bytes: " in one.evidence
    assert stage.rows("SELECT count(*) FROM bots WHERE id > 7") == [(2,)]
    assert stage.scene.terms.file_size_bytes is None


@pytest.mark.parametrize(
    "line", ["exec head -c 99999 /dev/zero > f", "head -c 99999 /dev/zero > f"]
)
def test_who_does_not_ignore_it_is_ended(stage: Stage, line: str) -> None:
    """SIGXFSZ ends the command, or a program in it."""
    report, injector = clean(stage, line, "file_size_limit")
    assert entry(injector, report).evidence == "RLIMIT_FSIZE 32769 bytes: SIGXFSZ"


def test_a_cut_file_is_seen_though_nothing_was_said(stage: Stage) -> None:
    """A -journal that ends at the odd byte where the limit was: the kernel cut it there."""
    line = 'head -c 99999 /dev/zero > "$DATABASE_PATH-journal" 2>/dev/null; exit 0'
    report, injector = clean(stage, line, "file_size_limit", where=0.25)
    stage.database.with_name(f"{stage.database.name}-journal").unlink()
    one = entry(injector, report)
    assert one.evidence == "RLIMIT_FSIZE 16385 bytes: the journal was cut there"
    assert not one.surfaced  # nobody noticed


def test_who_does_not_come_to_it_was_not_struck(stage: Stage) -> None:
    """Too little was written; or it failed of something else."""
    for line in ("true", "echo something else; exit 3"):
        report, injector = clean(stage, line, "file_size_limit")
        assert not entry(injector, report).fired


def test_where_it_can_never_strike() -> None:
    """What runs in the harness's own process cannot be limited."""
    assert FileSizeLimit.why_never(OWN) is None
    assert "command" in str(FileSizeLimit.why_never(replace(OWN, own_processes=False)))
