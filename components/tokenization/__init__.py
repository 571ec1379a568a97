"""A base model's tokenizer, read from its files; text to token ids, in the graph."""
