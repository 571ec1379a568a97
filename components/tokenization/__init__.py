"""Text to BERT's token ids, in the graph."""
