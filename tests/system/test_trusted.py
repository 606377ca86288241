from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from harness.system.trusted import Untrusted, kind_of, opened, owner_named, owners_of, same_file


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    (path.parent / "other").write_text("x")
    path.symlink_to(path.parent / "other")


def _folder(path: Path) -> None:
    path.mkdir()


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.parametrize("make", [_pipe, _link, _folder, _socket])
def test_what_is_no_regular_file_is_not_opened(folder: Path, make) -> None:  # noqa: ANN001 - one of the above
    """A pipe nobody writes, a link, a folder and a socket are named, and waited for by nobody."""
    make(folder / "it")
    with pytest.raises(Untrusted, match="no regular file"):
        opened(folder / "it", {os.geteuid()}, writing=True)
    assert kind_of(os.lstat(folder / "it")) != "something odd"


def test_anothers_file_does_not_count(folder: Path) -> None:
    """Only files of the owners count; nobody asked for counts everybody's."""
    path = folder / "it"
    path.write_text("x")
    with pytest.raises(Untrusted, match="belongs to"):
        opened(path, {os.geteuid() + 1})
    for owners in ({os.geteuid()}, None):
        os.close(opened(path, owners))
    with pytest.raises(FileNotFoundError):
        opened(folder / "none", None)


def test_the_databases_owner_counts(folder: Path) -> None:
    """Beside the user at work; a database that is gone has none."""
    path = folder / "db"
    assert owners_of(path) == {os.geteuid()}
    path.write_text("x")
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
        assert owners_of(path) == {0, 65534}
        assert "65534" in owner_named(65534) or "nobody" in owner_named(65534)
    else:
        assert owners_of(path) == {os.geteuid()}


def test_the_same_file(folder: Path) -> None:
    """Its own name and another hard link are; a link to it, and what replaced it, are not."""
    path = folder / "it"
    path.write_text("x")
    descriptor = opened(path, None)
    try:
        os.link(path, folder / "second")
        (folder / "link").symlink_to(path)
        assert same_file(descriptor, path)
        assert same_file(descriptor, folder / "second")
        assert not same_file(descriptor, folder / "link")
        path.unlink()
        assert not same_file(descriptor, path)
        path.write_text("x")
        assert not same_file(descriptor, path)
    finally:
        os.close(descriptor)
