"""How a process that runs cycles begins: forked from a clean one, deaf to its parent's signals."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from multiprocessing.context import BaseContext

from harness.experiment.cycle import grounds

SITE = "harness.experiment.cycle.site:Site"
QUIET = (signal.SIGINT, signal.SIGTERM)  # the parent's to answer


def process_context(site: str) -> BaseContext:
    """Fork from a clean server on Linux: no thread, no open database is inherited."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["harness.experiment.run.worker", site.partition(":")[0], *grounds.modules()]
    )
    return context
