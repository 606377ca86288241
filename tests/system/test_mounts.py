from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.system.mounts import (
    file_system_of,
    is_mount_point,
    mounts,
    mounts_of_linux,
    mounts_of_macos,
)

MOUNTINFO = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home/me/team\040share rw master:2 shared:3 - nfs4 server:/x rw
31 22 0:41 / /mnt/c rw - 9p drvfs rw
32 22 0:42 / /mnt/over rw - ext4 /dev/sdb rw
33 22 0:43 / /mnt/over rw - fuse.sshfs host:/y rw
34 22 0:44 / /mnt/cool rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/home/me/app.db", "ext4"), ("/home/me/team share/app.db", "nfs4"), ("/mnt/c/a.db", "9p"),
     ("/mnt/over/a.db", "fuse.sshfs"), ("/mnt/cool/a.db", "tmpfs")],
)  # fmt: skip
def test_the_mount_a_path_is_on(path: str, kind: str) -> None:
    """The longest mount point wins, of two on one point the later; a blank in one is no trouble."""
    assert file_system_of(path, mounts_of_linux(MOUNTINFO)) == kind


def test_the_mounts_of_macos() -> None:
    """What mount prints on macOS is read, blanks and brackets included."""
    listed = "/dev/disk1s1 on / (apfs, local)\n//me@host/s on /Volumes/my (s) (smbfs, nodev)\n"
    found = mounts_of_macos(listed)
    assert file_system_of("/Volumes/my (s)/a.db", found) == "smbfs"
    assert file_system_of("/Users/me/a.db", found) == "apfs"
    assert mounts("plan9") == []


def test_a_file_that_is_mounted(folder: Path) -> None:
    """A single file that is bound over another, as containers do, is a mount point; root only."""
    source, target = folder / "source", folder / "target"
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
