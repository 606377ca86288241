"""The guard: back up, let the tests run, clean up, verify, restore if anything is left, verify."""

from harness.guard.leftovers import recover
from harness.guard.policy import POLICIES, Policy
from harness.guard.protocol import Guard, GuardResult

__all__ = ["POLICIES", "Guard", "GuardResult", "Policy", "recover"]
