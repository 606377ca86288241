"""Real recoveries run attempt by attempt while storage faults strike them."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness import registry
from harness.databases.errors import is_transient
from harness.faults.schedule.injector import Injector
from harness.recovery import Recovery
from harness.retry import Retry
from harness.steps import Failure
from tests.faults.conftest import Stage


@dataclass
class Copies:
    """The recoveries of a chain, driven with retries as the guard drives them."""

    stage: Stage
    injector: Injector
    failures: list[Failure] = field(default_factory=list)

    def recovery(self, name: str) -> Recovery:
        """Make a recovery that goes through the seams of the scene."""
        scene = self.stage.scene
        made: Recovery = registry.find("recovery", name)(
            scene.database,
            scene.backup_of(name),
            files=self.stage.reach.files,
            vfs=self.stage.reach.vfs.vfs_name,
            busy_timeout_ms=scene.busy_timeout_ms,
        )
        return made

    def tried(self, phase: str, recovery: Recovery) -> bool:
        """Capture or restore with three attempts; whether one of them passed."""
        action = recovery.capture if phase == "backup" else recovery.restore
        try:
            Retry(3, 0.1).run(
                phase,
                recovery.name,
                action,
                worth=is_transient,
                listener=self.injector.listener,
                failures=self.failures,
            )
        except Exception:  # noqa: BLE001 - as the guard: what failed is kept in failures
            return False
        return True
