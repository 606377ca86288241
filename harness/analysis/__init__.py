"""What stored cycles say: read them, judge the claims, sum them up, compare two runs."""
