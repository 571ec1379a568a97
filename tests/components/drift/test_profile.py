from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.drift import distance, profile
from components.rows import reader
from components.settings.data import Data
from components.settings.drift import Drift
from components.tasks.classification import Classification
from components.tokenization.vocabulary import SEPARATOR, START, UNKNOWN, AddedToken, Tokenizer, TokenizerSettings
from tests.conftest import LABELS, Trained

TOKENS = ["[PAD]", UNKNOWN, START, SEPARATOR, "a", "film", "##s", "##ing"]

ADDED = AddedToken(content="##user", token_id=len(TOKENS))

TOKENIZER = Tokenizer(vocabulary=tuple(TOKENS), settings=TokenizerSettings(added_tokens=(ADDED,)))

LIMITS = Drift(label=0.25, text_length=0.5, unknown_share=0.5, vocabulary_coverage=0.5)


def of(rows: list[list[str]], labels: list[str] | None = None) -> Any:
    rows = [[START, *row, SEPARATOR] for row in rows]
    ids = np.array([TOKENIZER.tokens.index(token) for row in rows for token in row])
    return profile.of_tokens(ids, np.array([len(row) for row in rows]), labels, TOKENIZER)


def measured(before: Any, now: Any) -> dict[str, distance.Distance]:
    return {measure.name: measure for measure in distance.compare(before, now, LIMITS)}


def test_unknown_and_whole_words_are_counted_by_word_not_by_piece() -> None:
    # Words: a, film##s, [UNK], film: one of four unknown, two whole.
    words = measured(of([["a"]]), of([["a", "film", "##s", UNKNOWN, "film"]]))
    assert words["unknown_share"].now == "25.00% of words unknown"
    assert words["vocabulary_coverage"].now == "50.00% of words whole"
    assert words["text_length"].now == "7.0 tokens"


def test_a_word_that_is_cut_off_by_the_row_s_end_is_not_taken_for_the_next_row_s() -> None:
    words = measured(of([["a"]]), of([["film"], ["##s", "a"]]))
    assert words["vocabulary_coverage"].now == "100.00% of words whole"


def test_an_added_token_is_a_whole_word_whatever_it_begins_with() -> None:
    words = measured(of([["a"]]), of([["film", "##user", UNKNOWN, "##user"]]))
    assert words["vocabulary_coverage"].now == "75.00% of words whole"


def test_equal_rows_have_no_distance() -> None:
    rows, labels = [["a", "film"], [UNKNOWN], ["film", "##s"]], ["good", "bad", "bad"]
    found = measured(of(rows, labels), of(rows[::-1], labels[::-1]))
    assert [measure.value for measure in found.values()] == [0, 0, 0, 0]
    assert not any(measure.exceeded for measure in found.values())


def test_the_label_s_distance_is_the_largest_move_of_a_class() -> None:
    rows = [["a"]] * 10
    found = measured(of(rows, ["good"] * 5 + ["bad"] * 5), of(rows, ["good"] * 2 + ["bad"] * 5 + ["new"] * 3))
    assert found["label"].value == pytest.approx(0.3)
    assert found["label"].exceeded
    assert str(found["label"]).startswith("label: a class's share moved by 0.300, the limit is 0.25 (")
    assert found["label"].now == "bad 50.0%, new 30.0%, good 20.0%"


def test_the_divergence_is_jensen_shannon_s_to_base_2() -> None:
    # Half of the rows have an unknown word: (1, 0) against (1/2, 1/2).
    found = measured(of([["a"]] * 4), of([["a"], ["a"], [UNKNOWN], [UNKNOWN]]))
    p, q = np.array([1, 0]), np.array([0.5, 0.5])
    m = (p + q) / 2
    expected = (np.log2(1 / m[0]) + (q * np.log2(q / m)).sum()) / 2
    assert found["unknown_share"].value == pytest.approx(expected, abs=1e-6)
    assert measured(of([["a"]]), of([[UNKNOWN]]))["unknown_share"].value == pytest.approx(1)


def test_rows_without_labels_are_compared_in_the_rest() -> None:
    assert set(measured(of([["a"]], ["good"]), of([["a"]]))) == {"text_length", "unknown_share", "vocabulary_coverage"}


def test_fewer_whole_words_are_far_apart_though_most_words_are_whole() -> None:
    # 9 of 10 words whole, and 6 of 10: with ranges that end at a half they were the same.
    before, now = (of([["film"] * whole + ["film", "##s"] * (10 - whole)] * 50) for whole in (9, 6))
    (found,) = (one for one in distance.compare(before, now, Drift()) if one.name == "vocabulary_coverage")
    assert found.value == pytest.approx(1)
    assert found.exceeded


def test_a_profile_of_an_older_form_is_not_compared_by_other_ranges() -> None:
    before, now = of([["film", "##s"]]), of([["a"]])
    assert distance.not_compared(before) == []
    for feature in before.datasets[0].features:
        if feature.path.step[0] == "vocabulary_coverage.v2":
            feature.path.step[0] = "vocabulary_coverage"
    assert set(measured(before, now)) == {"text_length", "unknown_share"}
    assert distance.not_compared(before) == ["vocabulary_coverage"]


def agreeing(agrees: list[bool]) -> Any:
    """A profile of rows whose labels agree with their words, or do not."""
    ids, rows = np.full(len(agrees), TOKENS.index("a")), np.ones(len(agrees), int)
    return profile.of_tokens(ids, rows, ["bad"] * len(agrees), TOKENIZER, np.array(agrees))


def test_labels_that_agree_less_with_their_words_are_drift_and_those_that_agree_more_are_not() -> None:
    before = agreeing([True, True, True, False])
    fallen = measured(before, agreeing([True, False, False, False]))["label_agreement"]
    assert fallen.value == pytest.approx(0.5)
    assert fallen.exceeded
    assert str(fallen) == (
        "label_agreement: the share that agrees fell by 0.500, the limit is 0.25 "
        "(as the words tell 75.0%, otherwise 25.0% before; otherwise 75.0%, as the words tell 25.0% now)"
    )
    assert measured(before, agreeing([True] * 4))["label_agreement"].value == 0
    assert measured(before, agreeing([False] * 4))["label_agreement"].value == pytest.approx(0.75)


def test_trainer_leaves_the_profile_of_train_with_the_model(tiny_trained: Trained, tiny_data: Data) -> None:
    rows: list[profile.Row] = [
        (row.texts, row.label)
        for row in reader.read_rows(Path(tiny_data.train[0]), "train", tiny_data)
        if isinstance(row, reader.Row)
    ]
    learned = profile.read(tiny_trained.saved_model)
    tokenizer = profile.Profiler(tiny_trained.saved_model, Classification(tuple(LABELS)))
    again = tokenizer.profile(rows)
    assert [measure.value for measure in distance.compare(learned, again, LIMITS)] == [0, 0, 0, 0, 0]
    other = dict(zip(LABELS, (*LABELS[1:], LABELS[0]), strict=True))
    swapped = tokenizer.profile((texts, other[str(label)]) for texts, label in rows)
    found = {measure.name: measure for measure in distance.compare(learned, swapped, LIMITS)}
    assert found["label_agreement"].exceeded
    tripled = tokenizer.profile(((" ".join([text] * 3),), label) for (text,), label in rows)
    values = {measure.name: measure.value for measure in distance.compare(learned, tripled, LIMITS)}
    assert values["text_length"] > 0.3
    assert values["label"] == 0


def test_many_rows_are_sampled_evenly_and_the_same_way_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "SAMPLE", 500)
    rows: list[profile.Row] = [((str(index),), None) for index in range(5000)]
    sampled = profile.sample(iter(rows))
    assert sampled == profile.sample(rows)
    assert len(set(sampled)) == 500
    assert np.mean([int(text) for (text,), _ in sampled]) == pytest.approx(2500, abs=250)


def test_a_model_of_before_has_no_profile(tmp_path: Path) -> None:
    assert profile.read(tmp_path) is None


def test_the_shares_that_are_compared_are_told_by_label_and_by_range() -> None:
    ids, rows = np.full(12, TOKENS.index("a")), [2, 2, 4, 4]
    learned = profile.of_tokens(ids, np.array(rows), ["bad", "bad", "bad", "good"], TOKENIZER)
    longer = profile.of_tokens(
        np.full(62, TOKENS.index("a")), np.array([2, 10, 20, 30]), ["good", "new"] * 2, TOKENIZER
    )
    found = {one.name: one.as_dict()["spread"] for one in distance.compare(learned, longer, LIMITS)}
    assert found["label"] == [("bad", 0.75, 0.0), ("good", 0.25, 0.5), ("new", 0.0, 0.5)]
    assert found["text_length"] == [
        ("up to 8", 1.0, 0.25), ("9 to 16", 0.0, 0.25), ("17 to 24", 0.0, 0.25), ("25 to 32", 0.0, 0.25),
    ]  # fmt: skip
    assert [name for name, *_ in found["unknown_share"]] == ["0%"]
    assert [name for name, *_ in found["vocabulary_coverage"]] == ["over 99%"]


def test_each_range_has_a_name() -> None:
    assert profile.range_names("tokens")[:2] == ["up to 8", "9 to 16"]
    assert profile.range_names("tokens")[-1] == "over 384"
    assert profile.range_names("unknown")[:2] == ["0%", "over 0% to 2%"]
    assert profile.range_names("whole")[0] == "up to 30%"
