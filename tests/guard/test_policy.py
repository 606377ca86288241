from __future__ import annotations

import pytest

from harness.guard.policy import POLICIES


@pytest.mark.parametrize(
    ("policy", "reported_ok", "found_clean", "restores"),
    [
        ("cleanup_only", False, False, False),
        ("restore_only", True, True, True),
        ("hybrid_trusting", True, False, False),
        ("hybrid_trusting", False, True, True),
        ("hybrid_verified", True, False, True),
        ("hybrid_verified", False, True, False),
    ],
)
def test_what_makes_a_policy_restore(
    policy: str, reported_ok: bool, found_clean: bool, restores: bool
) -> None:
    """Each policy listens to the one thing it is named after, and to nothing else."""
    decided = POLICIES[policy].wants_restore(reported_ok=reported_ok, found_clean=found_clean)
    assert decided is restores


def test_only_cleanup_only_has_no_backup() -> None:
    """Every policy that may restore takes a backup; the one that never does takes none."""
    assert {name for name, p in POLICIES.items() if not p.backs_up} == {"cleanup_only"}
