"""The verbs for one step by hand."""

from __future__ import annotations

import json
from pathlib import Path

import apsw

from tests.command_line import Call


def test_backup_verify_restore(harness: Call, folder: Path, pristine: Path) -> None:
    """There and back by hand: statuses, sentences, JSON, the archive and its list."""
    database, kept = folder / "api_db_dev.sqlite3", folder / "kept"
    database.write_bytes(pristine.read_bytes())
    assert harness("restore", "--list", database)[1].endswith("has thrown anything away\n")
    status, out, _ = harness("backup", database, kept)
    assert (status, "327,680 bytes" in out, "verified" in out) == (0, True, True)
    assert harness("verify", database, kept) == (0, "no differences\n", "")
    connection = apsw.Connection(str(database))
    connection.execute("PRAGMA user_version = 99; DELETE FROM audit_log")
    connection.close()
    status, out, _ = harness("verify", database, kept)
    assert (status, "setting user_version" in out, "audit_log: 0 added" in out) == (
        1,
        True,
        True,
    )
    status, out, _ = harness("verify", database, kept, "--json")
    assert (status, json.loads(out)["clean"]) == (1, {"rows": False, "exact": False})
    status, out, _ = harness("restore", database, kept)
    assert (status, "restored by online_backup" in out) == (0, True)
    archive = out.split()[-1]
    assert archive in harness("restore", "--list", database)[1]
    assert harness("verify", database, kept)[0] == 0
    assert harness("restore", database, archive)[0] == 0
    assert harness("verify", database, kept)[0] == 1
    kept.write_bytes(kept.read_bytes()[:-4096])
    status, out, err = harness("restore", database, kept)
    assert (status, out, "cut short or altered" in err) == (2, "", True)
