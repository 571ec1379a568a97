"""What every room may use: errors, exit statuses, files written whole, progress, the CPU."""
