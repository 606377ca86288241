"""Work folders: private, removed, and swept away after runs that were killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.experiment.run.place import PREFIX, Baselines, WorkRoot, sweep
from harness.experiment.written.configuration import Condition, WorkloadSetting

CHECKOUT = Path(__file__).parents[3]


def test_the_folder_is_private_and_gone_afterwards(folder: Path) -> None:
    """Also when what ran in it raised."""
    try:
        with WorkRoot(0, folder) as root:
            (root.path / "file").write_text("x")
            assert root.path.parent == folder
            assert root.path.stat().st_mode & 0o777 == 0o700
            raise RuntimeError("planted")
    except RuntimeError:
        pass
    assert not list(folder.iterdir())


def test_only_dead_runs_are_swept(folder: Path) -> None:
    """A living run's folder stays, a killed one's goes, and what is not ours is left alone."""
    code = (
        "import os, signal, sys; from pathlib import Path; "
        "from harness.experiment.run.place import WorkRoot; "
        "root = WorkRoot(0, Path(sys.argv[1])).__enter__(); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=CHECKOUT, check=False)
    (dead,) = folder.glob(f"{PREFIX}*")
    (folder / "other").mkdir()
    (folder / f"{PREFIX}without-lock").mkdir()
    with WorkRoot(0, folder) as living:
        assert not dead.exists()
        assert sweep(folder) == []
        assert living.path.exists()
    assert {path.name for path in folder.iterdir()} == {"other", f"{PREFIX}without-lock"}


def test_without_room_in_memory_the_disk_is_used() -> None:
    """More than any machine has is looked for elsewhere."""
    with WorkRoot(1 << 60) as root:
        assert not root.path.is_relative_to("/dev/shm")  # noqa: S108 - that it is not there
        assert os.access(root.path, os.W_OK)


def test_each_distinct_baseline_is_built_once(folder: Path) -> None:
    """Conditions that differ elsewhere share theirs; same seed, same bytes."""
    baselines = Baselines(folder, 1)
    small = WorkloadSetting(size_bytes=262_144)
    one = baselines.of(Condition(name="a", workload=small))
    same = baselines.of(Condition(name="b", policy="cleanup_only", workload=small))
    other = baselines.of(Condition(name="c", workload=WorkloadSetting(size_bytes=524_288)))
    assert one == same != other
    assert (one.stat().st_size, other.stat().st_size) == (262_144, 524_288)
