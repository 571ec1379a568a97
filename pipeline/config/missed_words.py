"""What raw text cannot give of train's words, told before a tagger is trained on them."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import NamedTuple

from components.rows import files, reader
from components.tokenization.joins import Joins
from pipeline.config.preflight import Checked

_SENTENCES = 2000
"""Of train, from each of its files."""

_NAMED = 3
"""Words that are told."""


class Missed(NamedTuple):
    """Of train's words, those that are none in the same text as it is printed."""

    words: int
    """How many words were looked at."""
    missed: Counter[str]

    def __str__(self) -> str:
        count = self.missed.total()
        share = f"raw text cannot give {count / max(1, self.words):.2%} of train's words"
        return f"{share}, such as {', '.join(word for word, _ in self.missed.most_common(_NAMED))}" if count else share


def missed_words(checked: Checked) -> Missed:
    """Learns how train joins words from the first sentences of its files, and cuts the same ones as text."""
    data, task = checked.run.data, checked.task
    of_train = (
        row.texts[0].split(" ")
        for split, path in files.of_train(checked.files)
        for row in reader.read_rows(path, split, data, task.check_row)
        if isinstance(row, reader.Row) and row.split == "train"
    )
    sentences = list(islice(of_train, _SENTENCES))
    joins = Joins.learned(sentences)
    missed = Counter(word for words in sentences for word in joins.missed(words))
    return Missed(sum(map(len, sentences)), missed)
