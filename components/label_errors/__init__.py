"""Labels of a run's rows that are likely wrong, and the rows with the labels that somebody gave in their place."""
