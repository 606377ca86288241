"""What the baseline could still be restored from: found out by looking, whatever a guard said."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from harness import registry
from harness.databases.sqlite.files import beside, real
from harness.guard.journal import CAPTURED
from harness.guard.sqlite.journal import SUFFIX
from harness.guard.sqlite.second_names import SecondNames
from harness.system.files import Files
from harness.truth.sqlite import SqliteTruth


def is_pinned(database: Path, recoveries: Sequence[str], state: Path | None = None) -> bool:
    """Whether a journal left behind says that the database's own file is somebody's backup.

    Then the next guard restores from it, as long as nobody has folded the -wal into it. Without
    that word these bytes are nobody's backup: whoever opens the database next may write there.

    Args:
        database: as the guard was given it; the guard has let go.
        recoveries: the names of its chain.
        state: the folder of the second names; None is this user's own.
    """
    main = real(database)
    for journal in (SecondNames(main, Files(), state).journal, beside(main, SUFFIX)):
        if journal is None or not os.path.lexists(journal):
            continue
        try:
            written = journal.read_bytes()
            last_entry = json.loads(written[: written.rfind(b"\n") + 1].splitlines()[-1])
            captured = last_entry["state"] == CAPTURED
            named = [backup["recovery"] for backup in last_entry["backups"]] if captured else []
        except (OSError, ValueError, LookupError, TypeError):
            continue  # none, or none that the next guard could read
        if any(registry.find("recovery", name).pins for name in named if name in recoveries):
            return True
    return False


def is_kept(
    truth: SqliteTruth, database: Path, backups: Sequence[Path], state: Path | None = None
) -> bool:
    """Whether any backup file is the baseline: of those beside the database, or a second name.

    Args:
        truth: of that baseline.
        database: as the guard was given it; the guard has let go.
        backups: where the recoveries of the chain keep theirs.
        state: the folder of the second names; None is this user's own.
    """
    everywhere = [*backups, *SecondNames(real(database), Files(), state).backups()]
    return any(truth.same(path) for path in everywhere if path.is_file())
