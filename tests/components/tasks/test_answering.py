"""Answers that are parts of a text: rows, tokens, predictions, metrics."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import tasks
from components.rows.reader import Row, read_rows
from components.rows.tsv import BadRow
from components.settings.data import Data
from components.settings.model import Model
from components.statistics.filled import filled_up
from components.tasks.answering.task import Answering
from components.tokenization.vocabulary import Tokenizer

CONTEXT = "The film is good, the film is not bad."

VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "film", "is", "good", "bad", "not", ",", ".", "##s")


def rows_of(folder: Path, *lines: str, **settings: Any) -> list[Row | BadRow]:
    path = folder / "rows.tsv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    data = Data(task="answering", train=(str(path),), dev=(str(path),), **settings)
    return list(read_rows(path, "train", data, tasks.from_settings(data).check_row))


def test_an_answer_is_learned_with_the_first_place_where_it_stands(tmp_path: Path) -> None:
    header = "question\tcontext\tanswer"
    found = rows_of(tmp_path, header, f"q\t{CONTEXT}\t film is | bad", f"q\t{CONTEXT}\t", "q\tat 10:30\t10:30")
    assert [row.label for row in found if isinstance(row, Row)] == ["4:film is|34:bad", "", "3:10:30"]


def test_or_with_the_one_that_a_column_gives(tmp_path: Path) -> None:
    header = "question\tcontext\tanswer\tstart"
    lines = (f"q\t{CONTEXT}\tfilm\t22", f"q\t{CONTEXT}\tfilm|bad\t4|34", f"q\t{CONTEXT}\t\t")
    found = rows_of(tmp_path, header, *lines, start="start")
    assert [row.label for row in found if isinstance(row, Row)] == ["22:film", "4:film|34:bad", ""]
    by_number = rows_of(tmp_path, *lines, start=4, header=False, text=(1, 2), label=3)
    assert [row[3] for row in by_number] == ["22:film", "4:film|34:bad", ""]


def test_characters_that_a_label_cannot_have_may_be_in_an_answer(tmp_path: Path) -> None:
    (found,) = rows_of(tmp_path, "question\tcontext\tanswer", "q\ta b\u00adc d\tb\u00adc")
    assert isinstance(found, Row)
    assert found.label == "2:b\u00adc"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("Film", "the answer 'Film' is not in its context, 'film' is"),
        ("movie", "the answer 'movie' is not in its context"),
        ("film|movie", "the answer 'movie' is not in its context"),
        ("film||bad", "of the answers 'film||bad' one is empty"),
    ],
)
def test_an_answer_that_is_not_in_its_context_is_a_bad_row(answer: str, problem: str, tmp_path: Path) -> None:
    (found,) = rows_of(tmp_path, "question\tcontext\tanswer", f"q\t{CONTEXT}\t{answer}")
    assert isinstance(found, BadRow)
    assert (found.line, found.problem) == (2, problem)


@pytest.mark.parametrize(
    ("answer", "start", "problem"),
    [
        ("film", "5", "the answer 'film' is not at 5 in its context, 'ilm ' is"),
        ("movie", "5", "the answer 'movie' is not in its context"),
        ("film", "", "data.start is '' for the answer 'film'"),
        ("film", "-1", "data.start is '-1' for the answer 'film'"),
        ("film", "4.0", "data.start is '4.0' for the answer 'film'"),
        ("film", "\u0664", "data.start is '\u0664' for the answer 'film'"),
        ("film", "9" * 30, f"data.start is {'9' * 30!r} for the answer 'film'"),
        ("film|bad", "4", "2 answers and 1 of data.start"),
    ],
)
def test_a_place_at_which_the_answer_is_not_is_a_bad_row(answer: str, start: str, problem: str, tmp_path: Path) -> None:
    header = "question\tcontext\tanswer\tstart"
    (found,) = rows_of(tmp_path, header, f"q\t{CONTEXT}\t{answer}\t{start}", start="start")
    assert isinstance(found, BadRow)
    assert (found.line, found.problem) == (2, problem)


def prepared(questions: list[str], contexts: list[str], labels: list[str], most: int = 32) -> dict[str, Any]:
    import tensorflow as tf

    from components.tokenization.wordpiece import WordPiece

    wordpiece = WordPiece(Tokenizer(vocabulary=VOCABULARY), most)
    return Answering().preprocess(wordpiece, [tf.constant(questions), tf.constant(contexts)], tf.constant(labels))


def test_an_answer_is_learned_by_its_first_token_and_its_last() -> None:
    labels = ["4:film is|34:bad", "", "8:film", "1:he fil", "4:films"]
    found = prepared(["Not?"] * 5, [CONTEXT, CONTEXT, "the bad film", CONTEXT, "the films."], labels)
    # [CLS] not [UNK] [SEP] the film is good , the film is not bad . [SEP]
    assert found["token_ids"][0].numpy().tolist()[:6] == [2, 10, 1, 3, 5, 6]
    # Words are answered as a whole: of the fourth, `the film`.
    assert found["label_target"].numpy().tolist() == [[5, 6], [0, 0], [6, 6], [4, 5], [5, 6]]
    pairs = found["token_offsets"][4].numpy().reshape(-1, 2).tolist()
    assert pairs == [*[[-1, -1]] * 4, [0, 3], [4, 9], [4, 9], [9, 10], [-1, -1]]
    codes = found["answer_texts"][0].numpy().tolist()
    assert "".join(map(chr, codes)) == f"{CONTEXT}\0film is\0bad"
    assert "".join(map(chr, found["answer_texts"][1].numpy())) == CONTEXT


def test_nothing_is_learned_of_an_answer_beyond_what_the_model_sees() -> None:
    found = prepared(["not"] * 2, [CONTEXT] * 2, ["34:bad", "4:film"], most=8)
    assert found["token_ids"].row_lengths().numpy().tolist() == [8, 8]
    assert found["label_target"].numpy().tolist() == [[-1, -1], [4, 4]]
    import tensorflow as tf

    losses = Answering().loss(tf.zeros([2, 8, 2]), tf.constant([[-1, -1], [4, 4]]), 0.0)
    assert losses.numpy().tolist() == pytest.approx([0.0, math.log(8)])


def test_of_a_context_no_more_is_kept_to_measure_by_than_tokens_are_seen_of() -> None:
    found = prepared(
        ["not"] * 3, [f"{CONTEXT} {'film ' * 5000}", "é\u0301— film", " \u200b"], ["34:bad", "3:film", ""], 8
    )
    texts = ["".join(map(chr, row)) for row in found["answer_texts"].to_list()]
    assert texts == ["The film is good\0bad", "é\u0301— film\0film", ""]


def test_tokens_are_those_of_a_pair_whichever_text_is_cut() -> None:
    import tensorflow as tf

    from components.tokenization.wordpiece import WordPiece

    texts = ["film", "the film is good " * 4, "films — \u00adB\u0301AD\u200b… 北京, it's (not) U.S.", "", "x" * 120]
    first, second = (tf.constant([pair[side] for pair in ((a, b) for a in texts for b in texts)]) for side in (0, 1))
    for most in (5, 12, 13, 100):
        wordpiece = WordPiece(Tokenizer(vocabulary=VOCABULARY), most)
        ids, offsets = wordpiece.contexts(first, second)
        assert ids.to_list() == wordpiece.pairs(first, second).to_list()
        assert (offsets.row_lengths() == 2 * ids.row_lengths()).numpy().all()


def spans(*rows: Any) -> np.ndarray:
    """Predictions of characters: of each row no answer's score, and the best answer."""
    return np.array([[[0, 0, null], best, *[[0, 0, 0]] * 4] for null, best in rows], np.float32)


def measured(context: str, *golds: str) -> list[int]:
    return [0, *map(ord, "\0".join([context, *golds]))]


def stacked(*rows: list[int]) -> np.ndarray:
    return filled_up(list(map(np.array, rows)), -1)


def test_metrics_are_those_of_the_nearest_right_answer_with_and_without_one() -> None:
    targets = stacked(
        measured(CONTEXT, "The film", "bad"),
        measured(CONTEXT, "good"),
        measured(CONTEXT),
        measured(CONTEXT),
    )
    predictions = spans((0.1, [4, 8, 0.5]), (0.1, [4, 16, 0.5]), (0.6, [4, 8, 0.5]), (0.1, [4, 8, 0.5]))
    # `film` for `The film`; `film is good` for `good`; none for none; `film` for none.
    assert Answering().compute_metrics(targets, predictions) == pytest.approx(
        {
            "exact_match": 0.5,
            "f1": (1 + 0.5 + 1 + 0) / 4,
            "exact_match_with_answer": 0.5,
            "f1_with_answer": 0.75,
            "exact_match_without_answer": 0.5,
            "f1_without_answer": 0.5,
        }
    )
    assert Answering().shares(targets, predictions)["exact_match"] == (2.0, 4.0)
    assert Answering().answers(predictions).tolist() == [[4, 8], [4, 16], [0, 0], [4, 8]]


def test_tokens_are_measured_by_the_words_that_they_belong_to() -> None:
    offsets = [-1, -1, -1, -1, 4, 9, 4, 9, 10, 12]
    target = [5, *offsets, *map(ord, "the films is\0films")]
    predictions = spans((0.1, [2, 3, 0.5]))
    assert Answering().compute_metrics(np.array([target]), predictions)["exact_match"] == 1
    assert Answering().compute_metrics(np.array([target]), spans((0.1, [3, 4, 0.5])))["f1"] == pytest.approx(2 / 3)


def test_no_answer_is_given_where_it_is_more_probable_by_the_threshold() -> None:
    predictions = spans((0.3, [4, 8, 0.2]))
    for threshold, begin in ((0.0, 0), (math.log(1.4), 0), (math.log(1.6), 4)):
        assert Answering(null_threshold=threshold).answers(predictions)[0, 0] == begin
    # And where there is no other.
    assert Answering(null_threshold=20).answers(spans((0.0, [0, 0, 0.0]))).tolist() == [[0, 0]]


def test_the_best_answers_are_those_of_a_search_over_all() -> None:
    import tensorflow as tf

    draws = np.random.default_rng(0)
    for length, most in ((4, 3), (9, 3), (30, 12)):
        logits = draws.normal(0, 2, (3, length, 2)).astype(np.float32)
        # A question of one token, and the last [SEP].
        logits[:, [1, 2, -1]] = -1e6 if length > 4 else logits[:, [1, 2, -1]]
        found = Answering(longest_answer=most).predictions(tf.constant(logits)).numpy()
        shares = np.exp(logits.astype(float))
        shares /= shares.sum(axis=1, keepdims=True)
        for row in range(3):
            every = sorted(
                (
                    (shares[row, a, 0] * shares[row, b, 1], a, b)
                    for a in range(1, length)
                    for b in range(a, min(length, a + most))
                ),
                reverse=True,
            )
            wanted = [(a, b, score) for score, a, b in every[:5] if score > 1e-30]
            assert found[row, 0] == pytest.approx([0, 0, shares[row, 0].prod()], rel=1e-4)
            assert found[row, 1 : 1 + len(wanted)] == pytest.approx(np.array(wanted), rel=1e-4)
            assert (found[row, 1 + len(wanted) :] == 0).all()


def test_a_short_row_has_fewer_answers() -> None:
    import tensorflow as tf

    found = Answering(longest_answer=1).predictions(tf.zeros([1, 3, 2])).numpy()
    assert found.shape == (1, 6, 3)
    assert found[0, 3:].tolist() == [[0, 0, 0]] * 3


def test_intervals_are_of_rows_drawn_and_left_out_where_there_are_none() -> None:
    from components.statistics.resampling import draws

    targets = stacked(measured(CONTEXT, "film"), measured(CONTEXT, "good"))
    predictions = spans((0.1, [4, 8, 0.5]), (0.1, [4, 8, 0.5]))
    drawn = next(draws(2, 0))
    found = Answering().resampled_metrics(targets, predictions, drawn)
    assert found["f1"] == pytest.approx(drawn.weights[:, 0] / drawn.weights.sum(axis=1))
    assert set(found) == {"f1", "exact_match", "f1_with_answer", "exact_match_with_answer"}


def test_an_answer_is_assessed_beside_the_right_ones() -> None:
    task = Answering()
    (values,) = task.evaluated(spans((0.1, [4, 8, 0.5])).reshape(1, -1))
    found = task.assess(("q", CONTEXT), "0:The film|34:bad", values)
    assert found[:2] == ("The film | bad", "film")
    assert (found.right, found.confidence, found.loss) == (True, 0.5, 0.0)
    wrong = task.assess(("q", CONTEXT), "", values)
    assert (wrong.truth, wrong.right, wrong.loss) == ("-", False, 1.5)


def test_what_may_drift_is_the_share_that_has_an_answer() -> None:
    task = Answering()
    learned = task.drift_values(task.label_fields(np.array([[5, 6], [0, 0], [-1, -1], [4, 4]])))
    assert (
        learned == task.drift_values(["0:film|9:bad", "", "99:far", "0:f"]) == ["answer", "no answer", *["answer"] * 2]
    )


def test_the_settings_of_answers_are_the_model_s() -> None:
    model = Model(base="b", null_threshold=1.5, longest_answer=7)
    fitted = Answering(starts_given=True).fitted(model, np.zeros((1, 2)))
    assert fitted == Answering(null_threshold=1.5, longest_answer=7)
