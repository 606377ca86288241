"""What a team has written into its pyproject.toml for everybody: the table of this tool's."""
