"""A run under way tells people in lines that cannot speak to their terminal."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from harness.experiment.run.options import RunOptions
from harness.experiment.run.under_way import UnderWay


def test_no_name_speaks_to_the_terminal() -> None:
    """Control characters of a condition's name are escaped, markup is none."""
    said = io.StringIO()
    nothing = cast("Any", None)  # what a sentence needs none of
    run = UnderWay(
        Path("a.toml"), RunOptions(), nothing, Path("run"), nothing, nothing, nothing,
        Console(file=said, width=200),
    )  # fmt: skip
    run.say("[red]a\x1b[2Jb")
    assert "[red]a" in said.getvalue()
    assert "\x1b" not in said.getvalue()
