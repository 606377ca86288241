"""Shards of one run become that run: what may be joined, the rows, what run.json then says."""
