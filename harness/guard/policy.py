"""When to restore: the four policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RestoreWhen = Literal["never", "always", "reported", "found"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a guard does, and what makes it restore."""

    name: str
    cleans: bool
    restores: RestoreWhen
    contract: str

    @property
    def backs_up(self) -> bool:
        """Whether there is a backup to fall back on."""
        return self.restores != "never"

    @property
    def verifies(self) -> bool:
        """Whether the guard looks at the database itself, before it decides and after a restore."""
        return self.restores in ("found", "always")

    def wants_restore(self, *, reported_ok: bool, found_clean: bool) -> bool:
        """Decide from the cleanup's own report and from what verification found."""
        if self.restores == "reported":
            return not reported_ok
        if self.restores == "found":
            return not found_clean
        return self.restores == "always"


POLICIES = {
    policy.name: policy
    for policy in (
        Policy("cleanup_only", True, "never", "Clean up and believe the cleanup; no backup."),
        Policy("restore_only", False, "always", "No cleanup; restore the backup every time."),
        Policy(
            "hybrid_trusting",
            True,
            "reported",
            "Restore when the cleanup reports a failure; nobody looks at the database.",
        ),
        Policy(
            "hybrid_verified",
            True,
            "found",
            "Restore when verification finds a difference; verify again afterwards.",
        ),
    )
}
