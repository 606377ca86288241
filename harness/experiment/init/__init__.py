"""From a database to an experiment: what ``harness init`` looks at, and what it writes."""
