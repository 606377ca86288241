from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.databases.sqlite.files import MainFile
from harness.recovery.sqlite.in_place import digest_of, put_in_place, write_like
from harness.system.files import Files
from tests.recovery.helpers import content, execute, make


def test_set_id_bits_are_given_to_nothing(folder: Path) -> None:
    """A file is written with the permission bits of another, and with no more than these."""
    like = folder / "like"
    like.write_text("x")
    like.chmod(0o6755)
    size_bytes, sha256 = write_like(folder / "new", [b"a", b"b"], os.stat(like), Files())
    assert (size_bytes, sha256) == (2, hashlib.sha256(b"ab").hexdigest())
    assert stat.S_IMODE(os.stat(folder / "new").st_mode) == 0o755


@pytest.mark.parametrize("live", ["another", "none", "damaged"])
def test_one_rename(folder: Path, live: str) -> None:
    """Whatever stood there, the copy does, and nothing of the old one is beside it."""
    (folder / "was").mkdir()
    copy, path = make(folder / "was", "delete"), folder / "app.sqlite3"
    was = content(copy)
    if live == "another":
        make(folder, "wal", rows=3)
        execute(path, "DELETE FROM users", fold=False)
    elif live == "damaged":
        path.write_bytes(b"no database" * 1000)
    put_in_place(copy, path, Files(), vfs=None, busy_timeout_ms=100)
    assert content(path) == was
    assert sorted(os.listdir(folder)) == ["app.sqlite3", "was"]


def test_the_digest_of_a_main_file(folder: Path) -> None:
    """Is that of its bytes."""
    path = make(folder, "delete")
    file = MainFile(path)
    data = path.read_bytes()
    assert digest_of(file) == (len(data), hashlib.sha256(data).hexdigest())
    file.close()


MOUNTED = """
import sys
from pathlib import Path
import apsw
from harness.guard import Guard
from harness.errors import BackupError
path, harm = Path(sys.argv[1]), sys.argv[2]
try:
    Guard(path, recoveries=["file_copy"]).begin()
except BackupError as error:
    assert "mounted as a single file" in str(error), error
else:
    raise SystemExit("file_copy was not refused")
with Guard(path, recoveries=["online_backup"]):
    if harm == "rows":
        apsw.Connection(str(path)).execute("DELETE FROM users")
    elif harm == "emptied":
        path.open("wb").close()
    else:
        path.write_bytes(b"noise" * 5000)
"""


@pytest.mark.parametrize("harm", ["rows", "emptied", "ruined"])
def test_a_file_that_is_mounted_is_written_where_it_is(folder: Path, harm: str) -> None:
    """A single file bound into a container: refused by who must rename, restored by the other."""
    (folder / "source").mkdir()
    source, target = make(folder / "source", "delete"), folder / "app.sqlite3"
    target.write_bytes(b"")
    was = content(source)
    run = [sys.executable, "-c", MOUNTED, str(target), harm]
    script = f'mount --bind "{source}" "{target}" && exec "$@"'
    can = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if can.returncode:
        pytest.skip("no mount can be made here: needs root")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *run],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert content(source) == was


def test_nobody_else_may_have_it_open(folder: Path) -> None:
    """A connection with a lock is waited for and then told of; nothing is touched."""
    (folder / "was").mkdir()
    copy, path = make(folder / "was", "delete"), make(folder, "wal", rows=3)
    with closing(apsw.Connection(str(path))) as one:
        one.execute("BEGIN IMMEDIATE")
        with pytest.raises(apsw.BusyError):
            put_in_place(copy, path, Files(), vfs=None, busy_timeout_ms=10)
    assert copy.exists()
