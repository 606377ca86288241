from __future__ import annotations

import apsw
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.faults.backup_truncated import BackupTruncated
from harness.faults.reach.scene import Scene
from harness.steps import Step
from tests.faults.conftest import Stage, plan
from tests.faults.copies import Copies


@pytest.mark.parametrize("where", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("name", ["file_copy", "online_backup"])
def test_a_cut_backup_is_noticed(stage: Stage, name: str, where: float) -> None:
    """Wherever it was cut, the recovery refuses it and leaves the live database as it is."""
    injector = stage.injector(plan("backup_truncated", name, phase="restore", where=where))
    copies = Copies(stage, injector)
    recovery = copies.recovery(name)
    assert copies.tried("backup", recovery)
    stage.clean(injector)
    before = stage.rows("SELECT * FROM users, bots, notes")
    assert not copies.tried("restore", recovery)
    (entry,) = injector.finish(copies.failures)
    assert (entry.fired, entry.surfaced) == (True, True)
    assert stage.rows("SELECT * FROM users, bots, notes") == before


def test_where_nobody_looks_it_is_masked(stage: Stage) -> None:
    """The naive copy puts half a database back and says that all is well: masked, and damaged."""
    injector = stage.injector(plan("backup_truncated", "naive_copy", phase="restore"))
    copies = Copies(stage, injector)
    recovery = copies.recovery("naive_copy")
    whole = stage.database.read_bytes()
    assert copies.tried("backup", recovery)
    assert copies.tried("restore", recovery)
    (entry,) = injector.finish(copies.failures)
    assert (entry.fired, entry.surfaced) == (True, False)
    with pytest.raises(apsw.CorruptError):
        stage.rows("SELECT * FROM users, bots, notes")
    stage.database.write_bytes(whole)


@settings(max_examples=30)
@example(where=0.9999999, size_bytes=1)
@given(where=st.floats(0, 1, exclude_max=True), size_bytes=st.integers(1, 5000))
def test_it_always_loses_something(
    tmp_path_factory: pytest.TempPathFactory, where: float, size_bytes: int
) -> None:
    """Whatever was drawn, the file is shorter than it was, and begins as it did."""
    path = tmp_path_factory.getbasetemp() / "backup"
    scene = Scene(path, busy_timeout_ms=0, size_bytes=0, backups={"x": path})
    path.write_bytes(data := bytes(range(256)) * (size_bytes // 256 + 1))
    planned = plan("backup_truncated", "x", phase="restore", where=where)
    fault = BackupTruncated(scene, planned)
    fault.strike(Step("restore", "x", 1))
    left = path.read_bytes()
    assert len(left) < len(data)
    assert data.startswith(left)
    assert fault.evidence == f"backup cut to {len(left)} bytes"


def test_opportunities(stage: Stage) -> None:
    """As a missing backup: once for each recovery that keeps a file."""
    shape = stage.shape(recoveries=("file_copy",))
    assert BackupTruncated.slots(shape) == [("restore", "file_copy", 1)]
