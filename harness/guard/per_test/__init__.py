"""The fast path of a fixture for each test: the baseline back in a millisecond."""
