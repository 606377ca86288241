"""`--on`: a scheduler's address, or so many workers of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.experiment.run.cluster.where import Where, refuse_unsent, where
from harness.experiment.written.configuration import Condition


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("local:1", 1),
        ("local:4", 4),
        ("tcp://scheduler:8786", 0),
        ("tls://10.0.0.1:8786", 0),
        ("tcp://[::1]:8786", 0),
        ("wss://a-b.c:443", 0),
    ],
)
def test_a_place(text: str, local: int) -> None:
    """Every kind of address that Dask's schedulers have, and workers to be started here."""
    assert where(text) == Where(text, local)


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "local", "local:0", "local:-1", "local:1e3", "local:257", "tcp://", "tcp://a",
     "tcp://a:0", "tcp://a:65536", "http://a:80", "tcp://a:1 ", "inproc://1/2/3", "tcp://a b:1"],
)  # fmt: skip
def test_no_place(text: str) -> None:
    """It is said how one is written."""
    with pytest.raises(UsageError, match=rf"--on {text}: .*local:4"):
        where(text)


def test_a_users_own_database_stays_here_unless_it_is_let_go() -> None:
    """The sentence names what would be sent, and the option that lets it be."""
    own = Condition.model_validate(
        {"name": "mine", "project": {"database": "shop.db", "home": str(Path("place"))}}
    )
    with pytest.raises(UsageError, match=r"'mine' .*place/shop\.db.*--send-database"):
        refuse_unsent([own], Where("tcp://a:1"), send=False)
    refuse_unsent([own], Where("tcp://a:1"), send=True)
    refuse_unsent([own], Where("local:2", 2), send=False)  # it stays on this machine
    refuse_unsent([Condition(name="built")], Where("tcp://a:1"), send=False)
