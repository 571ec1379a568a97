"""Other kinds of runs than fine-tuning: their tables, and which kinds there are."""
