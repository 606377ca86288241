"""How a fault reaches what it strikes, by engine."""
