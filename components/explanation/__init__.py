"""What an answer comes from: a pushed model, rebuilt to be looked into."""
