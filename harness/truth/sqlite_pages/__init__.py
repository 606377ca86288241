"""What the truth of SQLite is made of: the file format, the baseline in memory, the comparison."""
