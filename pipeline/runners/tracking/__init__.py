"""`[tracking]`: a run that has ended, logged to MLflow."""
