"""Where Beam's pipelines run, and the service and workers for it."""
