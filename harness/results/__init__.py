"""The stored run: what a run's folder holds, written as it goes, read back and checked."""
