"""From a condition to what its cycles are: shapes, slots, rates, strata."""
