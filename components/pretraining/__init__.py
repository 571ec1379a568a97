"""Before fine-tuning: corpora of documents, what is learned of them without labels."""
