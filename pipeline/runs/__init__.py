"""What is kept of a run, and what follows from it."""
