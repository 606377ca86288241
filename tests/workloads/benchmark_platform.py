"""Seconds to build baselines of growing size: the last column stays level when time is linear.

Run: python -m tests.workloads.benchmark_platform [MEGABYTES]...
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from harness.workloads.platform import Platform

SIZES_MB = (10, 20, 40, 80, 160)


def main(sizes_mb: list[int]) -> None:
    """Build one baseline of each size and write a line about it."""
    sys.stdout.write("megabytes  seconds  milliseconds a megabyte\n")
    for size_mb in sizes_mb:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            Platform.build_baseline(
                Path(folder) / "p",
                size_bytes=size_mb * 10**6 // 4096 * 4096,
                seed=1,
                journal_mode="wal",
            )
            seconds = time.perf_counter() - started
        sys.stdout.write(f"{size_mb:9}  {seconds:7.2f}  {1000 * seconds / size_mb:23.1f}\n")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or list(SIZES_MB))
