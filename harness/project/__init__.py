"""A user's own code: what creates, tests and cleans in their project, and what it is told."""
