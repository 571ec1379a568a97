"""Questions with answers in news, made by templates of the sentences of CoNLL-2003 and the names tagged in them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest

from data.sources import key, tsv

ROWS = {"train": 1000, "dev": 200, "test": 300}
"""Of each split, whose documents are those of the published one."""

_WITHOUT = 5
"""Every so many rows of a split, the first of them, have no answer."""

_AROUND, _MOST_WORDS = 3, 120
"""Sentences before and behind the one with the answer that are in the context, as far as it has so few words."""

_ASKED = {"PER": "Who", "ORG": "Which organisation", "LOC": "Which place", "MISC": "What"}

_DAYS = frozenset("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())  # noqa: SIM905

_SHORTEST_QUESTION, _LONGEST_QUESTION = 4, 9
"""Words of the sentence that a question has."""

Sentence = list[tuple[str, str]]
"""Words and their tags, as published: `I-PER` of each word of a name of a person."""


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """A question, and where the text that it is asked of has the answer."""

    kind: str
    """Of the template."""
    question: str
    context: str
    answer: str
    start: int

    @property
    def key(self) -> int:
        """The number that the order is chosen by: sha256 of question and context."""
        return key(f"{self.question}\t{self.context}")


def files(published: Mapping[str, bytes]) -> dict[str, bytes]:
    """The sample: `train.tsv`, `dev.tsv` and `test.tsv`, of CoNLL-2003's `train.txt`, `dev.txt` and `test.txt`."""
    made = {}
    for name, content in published.items():
        split = name.removesuffix(".txt")
        made[f"{split}.tsv"] = tsv("question\tcontext\tanswer\tstart", rows(content.decode(), split))
    return made


def rows(published: str, split: str) -> list[str]:
    """The lines of a split below `question`, `context`, `answer` and `start`.

    Questions go by turns through the kinds, of each in the order of their keys, each question once. Where a row has no
    answer, its question is one of another context, which has not that answer.

    Args:
        published: the file of CoNLL-2003.
        split: whose rows they are.
    """
    kinds: dict[str, list[Asked]] = {}
    for one in sorted({one.question: one for one in _all(published)}.values(), key=lambda one: one.key):
        kinds.setdefault(one.kind, []).append(one)
    turns = zip_longest(*(kinds[kind] for kind in sorted(kinds)))
    chosen = [one for one in chain.from_iterable(turns) if one is not None][: 2 * ROWS[split]]
    lines = []
    for number, one in enumerate(chosen[: ROWS[split]]):
        if number % _WITHOUT:
            lines.append(f"{one.question}\t{one.context}\t{one.answer}\t{one.start}")
        else:
            others = (other for other in chosen[ROWS[split] + number :] + chosen if other.context != one.context)
            other = next(other for other in others if other.answer.lower() not in one.context.lower())
            lines.append(f"{other.question}\t{one.context}\t\t")
    return lines


def _all(published: str) -> Iterator[Asked]:
    for document in _documents(published):
        for place, sentence in enumerate(document):
            for kind, question, begin, end in _questions(sentence):
                context, before = _context(document, place)
                words = [word for word, _ in sentence]
                start = before + sum(len(word) + 1 for word in words[:begin])
                yield Asked(kind, question, context, " ".join(words[begin:end]), start)


def _documents(published: str) -> Iterator[list[Sentence]]:
    for document in published.split("-DOCSTART-")[1:]:
        found = []
        for block in document.split("\n\n")[1:]:
            tokens = [line.split(" ") for line in block.splitlines() if line]
            if tokens:
                found.append([(token[0], token[-1]) for token in tokens])
        yield found


def _context(document: Sequence[Sentence], place: int) -> tuple[str, int]:
    """The text around a sentence, and where in it the sentence begins, in characters."""
    first, behind = place, place + 1
    for step in range(1, _AROUND + 1):
        for low, high in ((place - step, behind), (first, place + step + 1)):
            wider = max(0, min(first, low)), min(len(document), max(behind, high))
            if sum(map(len, document[wider[0] : wider[1]])) <= _MOST_WORDS:
                first, behind = wider
    texts = [" ".join(word for word, _ in sentence) for sentence in document[first:behind]]
    return " ".join(texts), sum(len(text) + 1 for text in texts[: place - first])


def _questions(sentence: Sentence) -> Iterator[tuple[str, str, int, int]]:
    """Kind, question, and the first word of the answer and the one behind its last, of those that can be asked."""
    words = [word for word, _ in sentence]
    if len(words) < 6:
        return
    end = 0
    while end < len(sentence) and sentence[end][1] != "O" and sentence[end][1][2:] == sentence[0][1][2:]:
        end += 1
    # A name that begins a sentence and does something.
    if end and end < len(words) and re.fullmatch("[a-z]{3,}", words[end]) and (asked := _part(words[end:])):
        yield sentence[0][1][2:], f"{_ASKED[sentence[0][1][2:]]} {asked} ?", 0, end
    for place in range(2, len(words) - 2):
        if words[place] in _DAYS and words[place - 1] == "on" and (asked := _part(words[: place - 1])):
            yield "day", f"On which day {asked} ?", place, place + 1
        # A number of things, not one of a date or of a result.
        is_amount = re.fullmatch(r"\d{1,3}(,\d{3})*(\.\d+)?", words[place])
        if is_amount and re.fullmatch("[a-z]{4,}", words[place + 1]) and (asked := _part(words[place + 1 :])):
            yield "amount", f"How many {asked} ?", place, place + 1


def _part(words: Sequence[str]) -> str:
    """The beginning of words up to a sign; empty where that is too little to ask by."""
    end = next((place for place, word in enumerate(words) if not re.search(r"\w", word)), len(words))
    return " ".join(words[: min(end, _LONGEST_QUESTION)]) if end >= _SHORTEST_QUESTION else ""
