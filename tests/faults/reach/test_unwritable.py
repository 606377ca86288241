"""Files made unwritable and writable again, in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.faults.reach.unwritable import apart, close_to_writers, open_to_writers, set_immutable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Make a file with a mode of its own."""
    path = tmp_path / "file"
    path.write_text("x")
    path.chmod(0o640)
    return path


@pytest.mark.parametrize("in_here", [True, False])
def test_closed_and_opened(file: Path, *, in_here: bool) -> None:
    """Closed it says why it cannot be opened; afterwards it is as it was."""
    path = str(file)
    said = close_to_writers([path]) if in_here else apart("close_to_writers", [path])
    try:
        assert said in (["[Errno 1] Operation not permitted"], ["[Errno 13] Permission denied"])
        with pytest.raises(PermissionError):
            file.write_text("y")
    finally:
        if in_here:
            open_to_writers({path: 0o640})
        else:
            apart("open_to_writers", {path: 0o640})
    file.write_text("y")
    assert file.stat().st_mode & 0o777 == 0o640


def test_what_is_gone_is_gone(tmp_path: Path) -> None:
    """A -wal that was removed meanwhile is nobody's trouble."""
    open_to_writers({str(tmp_path / "never"): 0o644})


def test_another_process_says_what_went_wrong(tmp_path: Path) -> None:
    """In one line, not a traceback."""
    with pytest.raises(OSError, match="close_to_writers: FileNotFoundError") as failed:
        apart("close_to_writers", [str(tmp_path / "never")])
    assert "\n" not in str(failed.value)


def test_a_link_is_not_followed(file: Path, tmp_path: Path) -> None:
    """Only the very file is changed."""
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(OSError, match="symbolic"):
        set_immutable(str(tmp_path / "link"), on=True)
    assert os.access(file, os.W_OK)
