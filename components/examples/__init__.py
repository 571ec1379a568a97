"""Examples on disk: rows as such, many at a time, what TensorFlow Data Validation and a tokenizer say of them."""
