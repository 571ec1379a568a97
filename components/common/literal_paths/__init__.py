"""Directories whose names hold `*`, `?`, `[` or a backslash: taken as they are, and not for patterns."""
