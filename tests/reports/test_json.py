import json
from pathlib import Path

import pytest

from harness import registry
from harness.errors import UsageError


def test_it_is_the_summary(run: Path) -> None:
    """Standard JSON with a version, the same as summary.json."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = registry.find("reports", "json")().render(run)
    found = json.loads(text, parse_constant=refuse)
    assert found == json.loads((run / "summary.json").read_text())
    assert found["version"] == 1


@pytest.mark.parametrize("name", ["json", "console", "markdown", "html"])
def test_no_run_is_said(folder: Path, name: str) -> None:
    """Every report refuses a folder without a run."""
    with pytest.raises(UsageError, match=r"run\.json"):
        registry.find("reports", name)().render(folder)
