"""Loading what guards."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.guard.loading import load


def test_what_lacks_is_told_and_other_mistakes_are_not_hidden() -> None:
    """Without file locks it is one sentence; a module that is not there is that."""
    script = (
        "import sys; sys.modules['fcntl'] = None\n"
        "from harness.errors import UsageError\n"
        "from harness.guard.loading import load\n"
        "try: load('harness.guard.sqlite.target')\n"
        "except UsageError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("guarding a database needs Linux or macOS")
    with pytest.raises(ModuleNotFoundError):
        load("harness.guard.nothing_there")
