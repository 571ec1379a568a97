"""A TOML file to a checked run."""
