"""What the baseline could still be restored from: found out by looking, whatever a guard said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import registry
from harness.guard.journal import CAPTURED, SUFFIX
from harness.recovery.sqlite_files import beside, real
from harness.truth.sqlite import SqliteTruth


def is_pinned(database: Path, recoveries: Sequence[str]) -> bool:
    """Whether a journal left behind says that the database's own file is somebody's backup.

    Then the next guard restores from it, as long as nobody has folded the -wal into it. Without
    that word these bytes are nobody's backup: whoever opens the database next may write there.

    Args:
        database: as the guard was given it; the guard has let go.
        recoveries: the names of its chain.
    """
    try:
        written = beside(real(database), SUFFIX).read_bytes()
        last = json.loads(written[: written.rfind(b"\n") + 1].splitlines()[-1])
        captured = last["state"] == CAPTURED
        named = [one["recovery"] for one in last["backups"]] if captured else []
    except (OSError, ValueError, LookupError, TypeError):
        return False  # none, or none that the next guard could read
    return any(registry.find("recovery", name).pins for name in named if name in recoveries)


def is_kept(truth: SqliteTruth, backups: Sequence[Path], elsewhere: Path) -> bool:
    """Whether any backup file is the baseline: of those beside the database, or a second name.

    Args:
        truth: of that baseline.
        backups: where the recoveries of the chain keep theirs.
        elsewhere: the folder of second names; it need not be there.
    """
    return any(truth.same(path) for path in _files(backups, elsewhere))


def _files(backups: Sequence[Path], elsewhere: Path) -> Iterator[Path]:
    yield from (path for path in backups if path.is_file())
    yield from (path for path in sorted(elsewhere.rglob("*")) if path.is_file())
