"""What an answer comes from: words that weighed, rows of train that are near."""
