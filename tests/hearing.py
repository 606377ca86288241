"""Signals that arrive, whoever started the tests.

A shell in the background starts what it runs with SIGINT and SIGQUIT ignored, nohup with SIGHUP
ignored; that is inherited by all below, and a test that sends one would wait for ever.
"""

from __future__ import annotations

import signal


def hear_signals() -> None:
    """Hear what was ignored; what a test starts then has the signal's own default.

    The run itself goes on after a hangup: whoever said nohup wants that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN:
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
