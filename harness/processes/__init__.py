"""People's own commands and servers: started, watched and ended."""
