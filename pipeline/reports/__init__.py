"""What people look at on a terminal."""
