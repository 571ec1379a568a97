from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from components.pretraining import corpus_statistics
from components.pretraining.corpus_statistics import CorpusStatistics, Counter, anomalies, refuse, whole
from components.pretraining.documents import Document
from components.settings.kinds.corpus import Corpus


def counted(texts: list[tuple[str, ...]], path: str = "a.txt", **settings: Any) -> CorpusStatistics:
    return whole([file(texts, path, **settings)])


def file(texts: list[tuple[str, ...]], path: str = "a.txt", **settings: Any) -> Any:
    counter = Counter(path, corpus(**settings))
    for number, lines in enumerate(texts):
        counter.add(Document(10 * number + 1, lines), lines, "dev" if number == 1 else "train")
    return path, counter.found, counter.hashes()


def corpus(**settings: Any) -> Corpus:
    return Corpus(files=("a.txt",), **settings)


def test_what_is_counted() -> None:
    found = counted([("one two", "three"), ("four",), ("a\x07b", "c" * 30)], most_characters=20)
    assert found == CorpusStatistics(
        documents=3,
        held_out=1,
        sentences=5,
        lines=5,
        characters=49,
        one_sentence=1,
        long=1,
        control=1,
        first={"one_sentence": "a.txt:11", "long": "a.txt:22", "control": "a.txt:21"},
    )


def test_equal_documents_are_found_across_files_and_named() -> None:
    one, other = file([("a b",), ("c",)]), file([("d",), ("C",), ("A  b",)], "b.txt")
    found = whole([one, other])
    assert found.duplicates == 2
    assert found.first["duplicates"] == "b.txt:11, which a.txt:11 has"
    # However many documents are equal, each but the first stands before.
    assert whole([file([("a",)] * 5)]).duplicates == 4


def test_statistics_of_files_are_kept_beside_the_examples(tmp_path: Path) -> None:
    files = [file([("a b",), ("c",)]), file([("C",)], "b.txt")]
    for path, _, _ in files:
        counter = Counter(path, corpus())
        for number, lines in enumerate([("a b",), ("c",)] if path == "a.txt" else [("C",)]):
            counter.add(Document(10 * number + 1, lines), lines, "train")
        counter.write_hashes(tmp_path)
    corpus_statistics.write(tmp_path, [(path, corpus_statistics.as_dict(found)) for path, found, _ in files])
    assert corpus_statistics.read(tmp_path) == whole(files)


@pytest.mark.parametrize(
    ("found", "settings", "expected"),
    [
        (CorpusStatistics(), {}, "there is no document in it"),
        (CorpusStatistics(documents=3), {"max_one_sentence_share": 1.0}, "none of 3 documents is dealt to dev"),
        (CorpusStatistics(documents=2, held_out=2), {}, "none of 2 documents is dealt to train"),
        (
            CorpusStatistics(
                documents=10, held_out=1, duplicates=3, first={"duplicates": "b.txt:1, which a.txt:7 has"}
            ),
            {},
            "3 of 10 (30.00%) documents stand in it before, as b.txt:1, which a.txt:7 has; corpus.max_duplicate_share "
            "is 20.00%",
        ),
        (
            CorpusStatistics(documents=100, held_out=1, one_sentence=91, first={"one_sentence": "a.txt:1"}),
            {},
            "91 of 100 (91.00%) documents have one sentence, as a.txt:1; corpus.max_one_sentence_share is 90.00%",
        ),
        (
            CorpusStatistics(documents=9, held_out=1, lines=500, long=1, first={"long": "a.txt:3"}),
            {},
            "1 of 500 (0.20%) lines have more than 100,000 characters, as a.txt:3; corpus.max_long_share is 0.10%",
        ),
        (
            CorpusStatistics(documents=50, held_out=1, control=1, first={"control": "a.txt:3"}),
            {},
            "1 of 50 (2.00%) documents have a control character, as a.txt:3; corpus.max_control_share is 1.00%",
        ),
    ],
)
def test_an_anomaly_is_said_with_rule_value_and_place(found: CorpusStatistics, settings: Any, expected: str) -> None:
    assert anomalies(found, corpus(**settings)) == [expected]
    with pytest.raises(InputError, match=r"^CorpusValidator: 1 anomaly in the corpus\n  "):
        refuse(found, corpus(**settings), "CorpusValidator")


def test_at_a_limit_nothing_is_an_anomaly() -> None:
    found = CorpusStatistics(documents=10, held_out=1, lines=1000, duplicates=2, one_sentence=9, long=1)
    assert anomalies(found, corpus()) == []
