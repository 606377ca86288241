from __future__ import annotations

import pytest

from harness.configured.checks import lines, problems
from harness.configured.keys import ALSO, KEYS


@pytest.mark.parametrize("name", [*ALSO, "Database", "recover", "busy-timeout-ms", "absent-ok"])
def test_what_is_meant_is_found(name: str) -> None:
    """As it is called elsewhere, or spelled nearly."""
    ((key, why),) = problems({name: 1})
    meant = why.partition("did you mean '")[2].partition("'")[0]
    assert key == name
    assert meant == ALSO.get(name) or meant in KEYS


def test_every_line_is_found_and_no_other_tables() -> None:
    """Below the header alone, quoted keys and sub-tables of others as well."""
    text = (
        "wait_s = 1\n[tool.reliability-harness]\n\"wait_s\" = 2\n # grade = 1\n  grade = 'rows'\n"
        "signs = [\n  'a = b',\n]\n[tool.x]\ndatabase = 1\n"
    )
    assert dict(lines(text)) == {"wait_s": 3, "grade": 5, "signs": 6}
