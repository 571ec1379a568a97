"""Entities of raw text, matched by type and characters."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from components.evaluation import raw_text

SENTENCES = [
    (["Germany", "'s", "Kohl", "."], ["B-LOC", "O", "B-PER", "O"]),
    (["张", "三", "在", "北", "京"], ["B-PER", "I-PER", "O", "B-LOC", "I-LOC"]),
    (["none"], ["O"]),
]


def f1(*answers: list[tuple[str, str]]) -> float:
    """Of a model that finds these entities, (type, surface) each, in the three sentences."""

    def predict(rows: Iterable[tuple[str]]) -> Iterator[dict[str, Any]]:
        for (text,), found in zip(rows, answers, strict=True):
            begins = [(kind, text.index(surface), surface) for kind, surface in found]
            yield {"entities": [{"type": k, "begin": b, "end": b + len(s), "score": 1.0} for k, b, s in begins]}

    return raw_text.f1(raw_text.counts(SENTENCES, predict))


GERMAN, CHINESE = [("LOC", "Germany"), ("PER", "Kohl")], [("PER", "张三"), ("LOC", "北京")]


def test_all_entities_at_their_characters_are_right() -> None:
    assert f1(GERMAN, CHINESE, []) == 1.0


@pytest.mark.parametrize(
    ("german", "chinese", "other", "expected"),
    [
        ([("LOC", "Germany's"), ("PER", "Kohl")], CHINESE, [], 3 / 4),  # another end
        ([("PER", "Germany"), ("PER", "Kohl")], CHINESE, [], 3 / 4),  # another type
        (GERMAN, [("PER", "张三在北京")], [], 2 * 2 / (3 + 4)),  # the whole sentence
        (GERMAN, CHINESE, [("LOC", "none")], 2 * 4 / (5 + 4)),  # one too many
        ([], [], [], 0.0),
    ],
)
def test_an_entity_elsewhere_or_of_another_type_is_wrong(
    german: list[tuple[str, str]], chinese: list[tuple[str, str]], other: list[tuple[str, str]], expected: float
) -> None:
    assert f1(german, chinese, other) == pytest.approx(expected)
