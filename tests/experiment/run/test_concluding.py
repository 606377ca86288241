"""How a run ends: a verdict for a whole one, and none for a shard."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from harness.errors import UsageError
from harness.experiment.run import concluding, verdicts
from tests.experiment.run.runs import Runs


def test_a_shard_is_not_judged(runs: Runs) -> None:
    """Its claim would be refuted in any run: it ends with 0, and says when it is judged."""
    runs.write(claims='["reliability >= 0.9999"]\nfaults.noop.rate = 0')
    assert runs("one", site="LateFailures", cycles=range(60)) == 0
    assert "tried: cycles 0 to 59, stored in" in runs.said
    assert "A shard is not judged" in runs.said
    assert "harness merge" in runs.said
    assert {path.name for path in (runs.folder / "one").iterdir()} == {"run.json", "cycles.sqlite"}
    with pytest.raises(UsageError, match="is a shard"):
        verdicts.check(runs.folder / "one")


def test_a_shard_with_a_harness_error_says_so(runs: Runs) -> None:
    """With the status that every run has for it; a fault that strikes in another part is none."""
    assert runs("one", site="Raising", cycles=range(4, 9)) == 4
    assert "harness error  a: in 1 cycle\n" in runs.said
    assert runs("two", site="Calm", cycles=range(4, 9)) == 0


def test_a_whole_run_is_concluded_again_as_before(runs: Runs) -> None:
    """Summary, page, last screen and verdicts follow from what is stored."""
    runs.write(claims='["reliability >= 0.5"]')
    assert runs("one") == 0
    folder, said = runs.folder / "one", io.StringIO()
    before = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").unlink()
    (folder / "report.html").unlink()
    judged = concluding.concluded(folder, Console(file=said, width=200))
    assert verdicts.exit_code(judged) == 0
    assert json.loads((folder / "summary.json").read_text()) == before
    assert "supported" in said.getvalue()
    assert (folder / "report.html").exists()
