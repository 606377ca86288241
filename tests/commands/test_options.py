from __future__ import annotations

import pytest

from tests.command_line import Call


@pytest.mark.parametrize("words", ["guard --database x -- true", "recover --database x"])
@pytest.mark.parametrize("wait_ms", ["-1", "2147483648"])
def test_no_verb_waits_longer_for_a_lock_than_sqlite_can(
    harness: Call, words: str, wait_ms: str
) -> None:
    """What SQLite would take for no wait at all is refused, by the option's name."""
    verb, *rest = words.split()
    status, _, said = harness(verb, "--busy-timeout-ms", wait_ms, *rest)
    assert (status, "--busy-timeout-ms" in said) == (2, True)
