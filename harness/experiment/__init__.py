"""Experiments: configuration, the cycle, the runner, the store of results."""
