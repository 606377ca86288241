"""Running an experiment: workers, cycles in order, progress, verdicts."""
