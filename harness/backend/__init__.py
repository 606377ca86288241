"""The backend: a real HTTP API in front of the database, in a process of its own."""

HOST = "127.0.0.1"  # nothing here is for anybody outside this machine
