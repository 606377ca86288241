from __future__ import annotations

import errno
import tempfile
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.faults.reach.storage import FULL, UNMAPPED, Strike, StrikingFiles
from harness.recovery.file_copy import FileCopy
from tests.faults.reach.writing import write_all

ERRORS = {FULL: errno.ENOSPC, UNMAPPED: errno.EIO}
CHUNKS = st.lists(st.binary(max_size=300), max_size=6)


@given(chunks=CHUNKS, after_bytes=st.integers(0, 1500), device=st.sampled_from([FULL, UNMAPPED]))
def test_a_write_fails_at_the_drawn_byte(
    chunks: list[bytes], after_bytes: int, device: Path
) -> None:
    """Up to the drawn byte everything is in the file, from there on the kernel says no."""
    data = b"".join(chunks)
    files = StrikingFiles()
    strike = Strike(device, reads=False, after_bytes=after_bytes)
    files.armed.strikes.append(strike)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy"
        error = write_all(files, path, chunks)
        assert path.read_bytes() == data[:after_bytes]
        if len(data) <= after_bytes:
            assert error is None
            assert strike.said == ""
        else:
            assert error is not None
            assert error.errno == ERRORS[device]
            assert strike.said.startswith(f"write(2) said errno {error.errno} (")
    strike.close()


@given(size_bytes=st.integers(0, 500), after_bytes=st.integers(0, 600), reads=st.booleans())
def test_a_read_fails_only_where_reads_do(size_bytes: int, after_bytes: int, reads: bool) -> None:
    """Reading beyond the drawn byte fails with EIO, or not at all where only writing fails."""
    files = StrikingFiles()
    strike = Strike(UNMAPPED, reads=reads, after_bytes=after_bytes)
    files.armed.strikes.append(strike)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x" * size_bytes)
        file.flush()
        descriptor = files.open(Path(file.name))
        try:
            if reads and size_bytes > after_bytes:
                with pytest.raises(OSError, match="Input/output error"):
                    files.read(descriptor, 1 << 20)
                assert strike.said.startswith("read(2) said errno 5")
            else:
                assert files.read(descriptor, 1 << 20) == b"x" * size_bytes
                assert files.read(descriptor, 1 << 20) == b""
        finally:
            files.close(descriptor)
    strike.close()


def test_two_strikes_count_on_their_own(folder: Path) -> None:
    """A strike that is not due yet does not shield the one that is, nor the other way round."""
    files = StrikingFiles()
    late, early = Strike(UNMAPPED, True, 900), Strike(FULL, False, 100)
    files.armed.strikes += [late, early]
    error = write_all(files, folder / "copy", [b"x" * 50] * 4)
    assert error is not None
    assert error.errno == errno.ENOSPC
    assert (late.said, bool(early.said)) == ("", True)
    late.close()
    early.close()


@pytest.mark.parametrize("size_bytes", [3000, 3000 + FileCopy.kernel_from_bytes])
def test_what_is_to_be_struck_is_written(sharing: Path, size_bytes: int) -> None:
    """No reflink and no other process takes a copy past an armed strike; unarmed they may."""
    path = sharing / "app.db"
    with closing(apsw.Connection(str(path))) as database:
        database.execute("CREATE TABLE t (a)")
        database.execute("INSERT INTO t VALUES (zeroblob(?))", (size_bytes,))
    files = StrikingFiles()
    one = FileCopy(path, sharing / "backup", files=files)
    strike = Strike(FULL, reads=False, after_bytes=2000)
    files.armed.strikes.append(strike)
    with pytest.raises(OSError, match="No space left"):
        one.capture()
    assert strike.said
    files.armed.strikes.clear()
    one.capture()
    assert "extents" in one.describe()
    one.dispose()
    strike.close()
