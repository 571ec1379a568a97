"""A WordPiece vocabulary, learned from the words of documents."""
