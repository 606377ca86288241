from pathlib import Path

import pytest

from docs import answer
from harness.analysis.summary import read_summary
from harness.reports.published.anew import read_manifest
from harness.reports.words.answer import Setting, settings
from tests.docs.pictures import lines, words
from tests.reports.rows import ended, judged

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("theme", answer.INK)
def test_the_answer_is_what_the_runs_say(theme: str, folder: Path) -> None:
    """The picture of the README has a row for each setting that was judged, as it is today."""
    runs = [
        run for run in read_manifest(ROOT / "results" / "published.toml").quoted if run.exists()
    ]
    found = settings(read_summary(run / "summary.json") for run in runs)
    answer.drawn(found, theme, folder / "now.svg")
    now = (folder / "now.svg").read_text(encoding="utf-8")
    kept = (answer.FIGURES / f"answer-{theme}.svg").read_text(encoding="utf-8")
    again = " ".join(str(run.relative_to(ROOT)) for run in runs)
    assert (words(kept), lines(kept)) == (words(now), lines(now)), f"docs/answer.py {again}"
    assert [one.name.strip('"') for one in found if one.name.strip('"') not in words(now)] == []


def test_each_verdict_has_its_words_and_its_colour(folder: Path) -> None:
    """Supported, refuted and undecided differ in more than colour."""
    ends = {"supported": 4000, "refuted": 90, "undecided": 300}
    found = [
        Setting(judged(f"combined, {verdict} one", verdict), ended(cleaned=good, dirty_known=bad))
        for bad, (verdict, good) in enumerate(ends.items())
    ]
    answer.drawn(found, "light", folder / "now.svg")
    said = words((folder / "now.svg").read_text(encoding="utf-8"))
    assert "supported: no failure in 4,000 cycles" in said
    assert "refuted: 1 failure in 91 cycles" in said
    assert "undecided: 2 failures in 302 cycles" in said
