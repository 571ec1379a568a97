import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.rows import text_statistics
from components.rows.text_statistics import Counter, TextStatistics
from components.settings.validation import Validation
from components.tasks import TASKS
from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.pair import Pair
from components.tasks.tagging import Tagging
from components.tokenization.coverage import Coverage
from tests.components.tokenization.reference import made_of
from tests.toys import VOCABULARY

RUSSIAN = "это очень хороший фильм"

AS_ENGLISH_BERT = [*VOCABULARY, *{*RUSSIAN} - {" "}, *("##" + letter for letter in {*RUSSIAN} - {" "})]
"""It holds the letters of Russian, and no word of it."""


def counted(*rows: str, most_tokens: int = 6) -> TextStatistics:
    """Of rows of tokens, [CLS] and [SEP] added."""
    counter = Counter(Coverage(made_of(VOCABULARY)), most_tokens)
    tokens = [["[CLS]", *row.split(), "[SEP]"] for row in rows]
    ids = np.array([VOCABULARY.index(token) for row in tokens for token in row])
    counter.add(ids, np.array([len(row) for row in tokens]))
    found = counter.statistics()
    assert found is not None
    return found


def of_rows(tmp_path: Path, task: Any, rows: Sequence[tuple[str, ...]], vocabulary: list[str] = VOCABULARY) -> Any:
    """Of rows as ExampleGen writes them; the model sees 8 tokens."""
    import tensorflow as tf

    from components.examples import token_counts

    with tf.io.TFRecordWriter(str(tmp_path / "data.gz"), "GZIP") as file:
        for texts in rows:
            example = tf.train.Example()
            for name, text in zip(task.texts, texts, strict=True):
                example.features.feature[name].bytes_list.value.append(text.encode())
            file.write(example.SerializeToString())
    return token_counts.of_examples(tmp_path, task, made_of(vocabulary), 8)


def test_shares_are_of_words_of_rows_and_of_tokens() -> None:
    found = counted("the film is good", "[UNK] b ##a ##d film ##ing")
    assert dataclasses.asdict(found) == {
        "rows": 2,
        # the, film, is, good; [UNK], b##a##d, film##ing
        "words": 7,
        "unknown_share": 1 / 7,
        "spelled_share": 1 / 7,
        "whole_share": 4 / 7,
        "tokens": 6 + 8,
        "most_tokens": 6,
        "truncated_share": 1 / 2,
        "cut_targets_share": None,
        "cut_share": 2 / 14,
        "mean_tokens": 7.0,
        "percentiles": {"50": 6, "90": 8, "99": 8, "100": 8},
        "unseen_share": None,
    }


def test_a_split_without_rows_has_no_statistics() -> None:
    assert Counter(Coverage(made_of(VOCABULARY)), 6).statistics() is None


def test_rows_are_counted_before_they_are_truncated(tmp_path: Path) -> None:
    found = of_rows(tmp_path, Classification(("x", "y")), [("a b c d e f",), ("a b c d e f g h",), ("é xyz.",)])
    # Of 8, of 10 and of 7 tokens: é is e, xyz is x##y##z.
    assert (found.tokens, found.mean_tokens, found.percentiles["100"]) == (25, 25 / 3, 10)
    assert (found.truncated_share, found.cut_share) == (1 / 3, 2 / 25)
    assert (found.words, found.spelled_share, found.unknown_share) == (17, 1 / 17, 0)


def test_many_and_long_rows_are_counted_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("a " * (1 + number % 7),) for number in range(40)]
    whole = of_rows(tmp_path, Classification(("x", "y")), rows)
    monkeypatch.setattr("components.examples.token_counts._ROWS", 16)
    monkeypatch.setattr("components.examples.token_counts._BYTES", 100)
    assert of_rows(tmp_path, Classification(("x", "y")), rows) == whole
    assert whole.rows == 40


def test_two_texts_share_the_tokens_of_a_row(tmp_path: Path) -> None:
    # [CLS] a b c [SEP] d e f g [SEP]: two more than the model sees.
    found = of_rows(tmp_path, Pair(("x", "y")), [("a b c", "d e f g"), ("a", "b")])
    assert (found.rows, found.tokens, found.truncated_share, found.cut_share) == (2, 15, 1 / 2, 2 / 15)


def test_texts_that_are_embedded_apart_are_truncated_apart(tmp_path: Path) -> None:
    # 9 and 3 tokens, then 5 and 5.
    found = of_rows(tmp_path, Embedding(), [("a b c d e f g", "a"), ("a b c", "d e f")])
    assert (found.rows, found.tokens, found.mean_tokens) == (2, 22, 5.5)
    assert (found.truncated_share, found.cut_share, found.percentiles["100"]) == (1 / 2, 1 / 22, 9)


def test_of_words_with_tags_those_are_told_that_the_model_does_not_see(tmp_path: Path) -> None:
    # a b xyz . q: the pieces of xyz and three more words fill 6 places, q is beyond; then five words of five pieces.
    found = of_rows(tmp_path, Tagging(("PER",)), [("a b xyz . q",), ("a b c d e",)])
    assert found.unseen_share == 1 / 10
    assert found.truncated_share == 1 / 2


@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_task_s_rows_are_counted(task: str, tmp_path: Path) -> None:
    made = TASKS[task]()
    assert of_rows(tmp_path, made, [("good film",) * len(made.texts)]).whole_share == 1


def test_russian_on_a_vocabulary_without_its_letters_is_told(tmp_path: Path) -> None:
    found = {"train": of_rows(tmp_path, Classification(("x", "y")), [(RUSSIAN,)])}
    assert found["train"].unknown_share == 1
    assert found["train"].note("train") == "train 100.0% of words unknown, 0.0% of rows truncated"
    assert text_statistics.warnings(found) == [
        "train: the base model's vocabulary has no pieces for 100.0% of words (100.0% unknown, 0.0% spelled out in "
        "single characters); is it of the texts' language?"
    ]


def test_russian_on_a_vocabulary_with_its_letters_alone_is_told(tmp_path: Path) -> None:
    found = {"dev": of_rows(tmp_path, Classification(("x", "y")), [(RUSSIAN,), ("a film",)], AS_ENGLISH_BERT)}
    assert (found["dev"].unknown_share, found["dev"].spelled_share) == (0, 4 / 6)
    assert found["dev"].note("dev").startswith("dev 0.0% of words unknown, 66.7% spelled out, 50.0% of rows truncated")
    foreign, truncated = text_statistics.warnings(found)
    assert foreign.startswith("dev: the base model's vocabulary has no pieces for 66.7% of words (0.0% unknown, 66.7% ")
    # [CLS], 3 + 5 + 7 + 5 letters, [SEP]; and 4 tokens.
    assert truncated == "dev: 50.0% of rows have more than 8 tokens, 53.8% of all tokens are not seen"


def test_texts_that_fit_are_not_warned_of() -> None:
    assert text_statistics.warnings({"train": counted("the film is good")}) == []


def test_a_share_beyond_its_limit_is_told_with_split_rule_and_value() -> None:
    found = {"train": counted("the film"), "test": counted("[UNK] film the the", "a b c d e")}
    assert text_statistics.beyond(found, Validation()) == []
    assert text_statistics.beyond(found, Validation(max_unknown_share=1 / 9, max_truncated_share=0.5)) == []
    assert text_statistics.beyond(found, Validation(max_unknown_share=0.1, max_truncated_share=0.4)) == [
        "test: the base model's vocabulary has no pieces for 11.1% of words (11.1% unknown, 0.0% spelled out in single "
        "characters), validation.max_unknown_share is 10.00%",
        "test: 50.00% of rows have more than 6 tokens, validation.max_truncated_share is 40.00%",
    ]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    found = {"train": counted("the film"), "dev": counted("a b c d e f")}
    text_statistics.write(tmp_path, found)
    assert text_statistics.read(tmp_path) == found
