"""A fine-tuned model as a SavedModel: signatures and card."""
