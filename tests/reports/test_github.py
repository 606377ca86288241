import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness import registry
from harness.printable import printable, printable_lines
from harness.reports.github import MOST, command
from tests.reports.measured import measured
from tests.stored_runs import cycles, make_run, row

COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


def rendered(folder: Path) -> list[str]:
    """Give the lines as GitHub's runner reads them."""
    text: str = registry.find("reports", "github")().render(folder)
    assert text.endswith("\n")
    return text.removesuffix("\n").split("\n")


def unescaped(text: str) -> str:
    """Undo the escapes in the order of GitHub's runner: the percent sign last."""
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, sign)
    return text


def test_levels_are_those_of_the_verdicts(run: Path) -> None:
    """Refuted and harness errors are errors, undecided and unmeasured warn, supported notes."""
    found = [COMMAND.fullmatch(line) for line in rendered(measured(run))]
    levels = {unescaped(match[2]): match[1] for match in found if match}
    assert None not in found
    assert levels["refuted: data_safety >= 0.99"] == "error"
    assert levels["harness error: the measurement itself"] == "error"
    assert levels["undecided: reliability >= 0.999"] == "warning"
    assert levels["supported: reliability >= 0.99"] == "notice"
    own = [level for title, level in levels.items() if title.startswith("not measured")]
    assert own == ["warning", "warning"]  # a condition's own claim, and a row that is one
    assert not any("set point" in title for title in levels)


@given(st.text(), st.text())
def test_nothing_escapes_its_line(title: str, message: str) -> None:
    """Whatever stands in title and message, it is one command of one line, and comes back."""
    line = command("error", title, message)
    match = COMMAND.fullmatch(line)
    assert match is not None
    assert unescaped(match[2]) == printable(title)
    assert unescaped(match[3]) == printable_lines(message)


def test_half_a_character_can_be_printed() -> None:
    """Half a surrogate pair is written out, as no terminal could print it."""
    assert command("notice", "a", "\ud800b") == r"::notice title=a::\ud800b"


def test_ten_of_a_level_at_most(folder: Path) -> None:
    """GitHub shows ten of a level: ten stay as they are, of eleven the last says how many more."""
    for number, shown in ((MOST, MOST), (MOST + 1, MOST)):
        rows = [row("no_restore", claim=f"claim {n}", at_least=0.9) for n in range(number)]
        made = make_run(folder / str(number), cycles(["dirty_known"] * 40), rows=rows)
        lines = rendered(made.folder)
        assert len(lines) == shown
        assert ("and 2 more" in lines[-1]) == (number > MOST)


def test_a_run_without_claims_says_so(folder: Path) -> None:
    """No line at all would look like a step that failed to run."""
    made = make_run(folder / "run", cycles(["cleaned"]))
    assert rendered(made.folder) == ["::notice title=harness::nothing is claimed in this run"]
