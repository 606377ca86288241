"""What strikes where in a cycle: drawn before it starts, struck, and kept in the ledger."""
