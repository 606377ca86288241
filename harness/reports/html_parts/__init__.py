"""What a page is made of: markup, style, its first screen."""
