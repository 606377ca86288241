"""One cycle: the guard at work on a copy of the baseline, under faults, judged by the truth."""
