from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.system.mounts import (
    file_system_of,
    is_mount_point,
    mounts,
    mounts_of_linux,
)

MOUNTINFO = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home/me/team\040share rw master:2 shared:3 - nfs4 server:/x rw
"""

MOUNTED = [
    ("/", "ext4"), ("/home/me/team share", "nfs4"), ("/mnt/c", "9p"), ("/mnt/over", "ext4"),
    ("/mnt/over", "fuse.sshfs"), ("/mnt/cool", "tmpfs"), ("/Volumes/my (s)", "smbfs"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/home/me/app.db", "ext4"), ("/home/me/team share/app.db", "nfs4"), ("/mnt/c/a.db", "9p"),
     ("/mnt/over/a.db", "fuse.sshfs"), ("/mnt/cool/a.db", "tmpfs"),
     ("/Volumes/my (s)/a.db", "smbfs")],
)  # fmt: skip
def test_the_mount_a_path_is_on(path: str, kind: str) -> None:
    """The longest mount point wins, of two on one point the later; a blank in one is no trouble."""
    assert file_system_of(path, MOUNTED) == kind


def test_the_kernels_table_is_read_as_it_is_written() -> None:
    """Blanks come in octal, the type after a lone hyphen; here it is what psutil finds too."""
    assert mounts_of_linux(MOUNTINFO) == [("/", "ext4"), ("/home/me/team share", "nfs4")]
    if sys.platform == "linux":
        listed = {(m.mountpoint, m.fstype) for m in psutil.disk_partitions(all=True)}
        assert listed <= set(mounts())


def test_where_the_system_does_not_list_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known then, and nothing raised."""

    def nothing(*, all: bool) -> None:  # noqa: A002 - as psutil names it
        raise FileNotFoundError("/proc/self/mounts")

    monkeypatch.setattr("sys.platform", "elsewhere")
    monkeypatch.setattr(psutil, "disk_partitions", nothing)
    assert mounts() == []
    assert file_system_of("/a.db", mounts()) is None


def test_a_file_that_is_mounted(folder: Path) -> None:
    """A single file that is bound over another, as containers do, is a mount point; root only."""
    source, target = folder / "a source", folder / "a target"
    source.write_text("x")
    target.write_text("y")
    assert not is_mount_point(target)
    script = (
        f'mount --bind "{source}" "{target}" && "{sys.executable}" -c '
        f'"from harness.system.mounts import is_mount_point as m; from pathlib import Path as P;'
        f"print(m(P('{target}')), m(P('{source}')))\""
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no mount can be made here: {done.stderr.strip()}")
    assert done.stdout.split() == ["True", "False"]
