"""A model that writes a text: its mask and loss, and the search for what it writes."""
