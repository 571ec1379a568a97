"""What can be said of all rows from some of them, in numbers alone: nothing here knows what a task is."""
