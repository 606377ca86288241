"""What a report for a terminal is made of: tables that fit, verdicts, what to do next."""
