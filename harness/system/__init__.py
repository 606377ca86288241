"""What the operating system gives: files, mounts, other processes, and whom to trust."""
