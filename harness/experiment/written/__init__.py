"""Experiments as people write them: the TOML file, checked to the last key."""
