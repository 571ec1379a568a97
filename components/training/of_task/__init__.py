"""What tasks train in a way of their own."""
