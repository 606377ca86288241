"""What a strike may do to a request."""

from __future__ import annotations

import inspect

from harness.faults.wire.relay import RelayedExchange
from harness.faults.wire.strike import Exchange


def test_what_is_promised_to_strikes_is_there() -> None:
    """Everything that an exchange is said to do, the relay's does, with the same arguments."""
    methods = inspect.getmembers(Exchange, inspect.isfunction)
    promised = {name for name, _ in methods if not name.startswith("_")}
    assert {"forward", "response", "reply", "reset", "hang_up"} < promised
    for name in promised:
        kept = inspect.signature(getattr(RelayedExchange, name))
        assert kept.parameters == inspect.signature(getattr(Exchange, name)).parameters
