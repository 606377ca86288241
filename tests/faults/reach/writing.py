"""Writing as recoveries do."""

from __future__ import annotations

from pathlib import Path

from harness.faults.reach.storage import StrikingFiles


def write_all(files: StrikingFiles, path: Path, chunks: list[bytes]) -> OSError | None:
    """Write chunks to a new file as recoveries do; return what the kernel said, if it refused."""
    descriptor = files.create(path, 0o600)
    try:
        for chunk in chunks:
            files.write(descriptor, chunk)
    except OSError as error:
        return error
    finally:
        files.close(descriptor)
    return None
