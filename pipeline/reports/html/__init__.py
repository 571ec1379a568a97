"""What people open in a browser: one file, which asks nobody for anything."""
