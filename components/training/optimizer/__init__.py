"""AdamW in two forms, and the schedule of its learning rate."""
