"""What `--on` costs: `python -m tests.benchmarks.cluster [--cycles N] [--turns N]`.

The same cycles run in a pool of two and on `local:2`, in turn, so that what else the machine does
strikes both. Set-up is in neither: it is paid once a run, and printed apart. Nothing here passes or
fails.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from harness.experiment.run.cluster.pool import ClusterPool
from harness.experiment.run.cluster.where import where
from harness.experiment.run.place import Baselines, WorkRoot
from harness.experiment.run.pool import Pool, Task
from harness.experiment.run.workers import Workers
from harness.experiment.written.configuration import Condition

SITE = "harness.experiment.cycle.site:Site"
CONDITION = Condition.model_validate(
    {"name": "cost", "demands": "rows", "policy": "hybrid_verified"}
)
WORKERS = 2


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def per_second(pool: Workers, baselines: Baselines, cycles: range) -> float:
    """Run cycles; return how many a second."""
    task = Task(CONDITION, baselines.of(CONDITION), cycles)
    began_s = time.perf_counter()
    done = sum(len(records) for records in pool.run([task]))
    assert done == len(cycles)
    return done / (time.perf_counter() - began_s)


def main() -> None:
    """Print cycles a second of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=2000, help="of each turn")
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    size = CONDITION.workload.size_bytes
    with WorkRoot(0) as root:
        (root.path / "here").mkdir()
        baselines = Baselines(root.path, 1)
        began_s = time.perf_counter()
        with (
            Pool(SITE, 1, WORKERS, root.path / "here") as here,
            ClusterPool(where(f"local:{WORKERS}"), SITE, 1, root.path, room_bytes=size) as there,
        ):
            there.prepare([CONDITION], baselines)
            _say(f"set-up of local:{WORKERS}: {time.perf_counter() - began_s:.1f} s")
            for pool in (here, there):
                per_second(pool, baselines, range(200))  # sites are made, sizes are learnt
            ratios = []
            for turn in range(asked.turns):
                cycles = range((turn + 1) * asked.cycles, (turn + 2) * asked.cycles)
                pools = (here, there) if turn % 2 else (there, here)
                speed = {pool: per_second(pool, baselines, cycles) for pool in pools}
                ratios.append(speed[there] / speed[here])
                _say(
                    f"pool of {WORKERS}: {speed[here]:.0f} cycles/s, local:{WORKERS}: "
                    f"{speed[there]:.0f} cycles/s, ratio {ratios[-1]:.2f}"
                )
    _say(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
