"""What a TOML file can state: one file a table."""
