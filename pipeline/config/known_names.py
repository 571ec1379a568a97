"""Names that columns of labelled text usually have, the most telling first."""

from components.tasks.answering.task import Answering

TEXTS = (
    "text", "tokens", "sentence", "body", "review", "comment", "content", "tweet", "message", "question", "utterance",
)  # fmt: skip

PAIRS = (
    ("text_a", "text_b"), ("sentence1", "sentence2"), ("question1", "question2"), ("premise", "hypothesis"),
    ("sentence_a", "sentence_b"), ("text1", "text2"), ("query", "passage"), Answering.texts,
)  # fmt: skip

LABELS = (
    "label", "labels", "class", "category", "target", "intent", "topic", "topics", "sentiment", "tags", "tag", "score",
    "similarity", "rating", "stars", "value", "y", Answering.target,
)  # fmt: skip
