import json
import re
import shutil
import subprocess

import pytest

from harness.analysis.drawn.builds import PER_DAY, every
from harness.reports.figures.builds import SCRIPT, builds
from tests.reports.samples import HOSTILE, condition

# as much of a page as the script needs: one input, one cell a case, one place for the rate
_PAGE = """
const cells = CASES.map(([builds]) => ({ dataset: { builds: String(builds), said: "at least " } }));
const rates = [{}];
const input = { addEventListener: (_, write) => { input.write = write; } };
const asked = { hidden: true, querySelector: () => input };
const found = { ".rate-asked": [asked], "[data-builds]": cells, "[data-per-day]": rates };
globalThis.document = { querySelectorAll: (name) => found[name] };
SCRIPT
const said = CASES.map(([, perDay], at) => {
  input.value = String(perDay);
  input.write();
  return cells[at].textContent;
});
input.value = "nonsense";
input.write();
console.log(JSON.stringify({ hidden: asked.hidden, said, rate: rates[0].textContent }));
"""


def test_a_row_says_how_many_builds_and_how_long() -> None:
    """In figures, and at the build rate that stands there without a script."""
    page = builds({"conditions": [condition("a", 4, 1000)]})
    assert ">250 builds<" in page
    assert f">{every(250, PER_DAY)}</span>" in page
    assert f'<span data-per-day="">{PER_DAY}</span> builds a day' in page
    assert '<p class="rate-asked" hidden>' in page
    assert "4 of 1,000, 4 of them unsaid" in page
    assert builds({"conditions": []}) == ""


def test_without_a_dirty_cycle_there_is_an_arrow_and_no_dot() -> None:
    """At least so many builds, and nothing drawn where nothing is known."""
    page = builds({"conditions": [condition("a", 0, 1200)]})
    assert "at least 325 builds" in page
    assert "hollow" in page
    assert "<circle" not in page


def test_a_time_is_of_the_number_measured() -> None:
    """Not of the rounded one that stands beside it: 50 builds for 19 are 3.2 hours, not 3.1."""
    page = builds({"conditions": [condition("a", 19, 50)]})
    assert ">2.6 builds<" in page
    assert ">3.2 hours</span>" in page


def test_many_conditions_are_folded() -> None:
    """A long list opens at a click."""
    few = builds({"conditions": [condition("a")] * 12})
    assert "<details" not in few
    assert "<details" in builds({"conditions": [condition("a")] * 13})


def test_names_stay_text() -> None:
    """No name of people's makes an element."""
    assert "<b " not in builds({"conditions": [condition(HOSTILE)]})


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_script_says_what_the_page_would() -> None:
    """For any build rate the same words as from Python; nonsense changes nothing."""
    cases = [(20, 20), (1, 20), (5000, 20), (1e6, 10), (84, 10), (7, 1), (10, 1), (3.5, 0.5)]
    page = _PAGE.replace("SCRIPT", SCRIPT).replace("CASES", json.dumps(cases))
    done = subprocess.run(["node", "-e", page], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["said"] == [f"at least {every(*case)}" for case in cases]
    assert found["hidden"] is False
    assert found["rate"] == "0.5"


def test_the_script_writes_text_alone() -> None:
    """Nothing that it does could make an element of what stands in the page."""
    assert not re.findall("innerHTML|document.write|eval", SCRIPT)
