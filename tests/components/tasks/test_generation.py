"""The metrics of written texts, held against the libraries that define them, and the task around them."""

import itertools
import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from rouge_score import rouge_scorer  # type: ignore[import-untyped]
from sacrebleu.metrics import BLEU, CHRF

from components import tasks
from components.settings.data import Data
from components.settings.gate import Gate
from components.statistics.resampling import draws
from components.tasks.generation import written_text
from components.tasks.generation.task import Generation, encoded
from components.verdict import verdict
from components.verdict.summary import CANDIDATE

TARGETS = ["the cat sat on the mat.", "it costs $4.50, not $5!", "a b c", "nothing", "Wörter 好的 und mehr"]
TEXTS = ["a cat sat on a mat.", "it costs $4.50, not $5!", "c b a", "", "Wörter und noch mehr"]
SOURCES = ["THE CAT", "it costs $4.50, not $5!", "a b", "nothing", "x"]


def _rows(hits: Any = (1, 1, 1, 1, 1), cut: Any = (0, 0, 1, 0, 0)) -> tuple[np.ndarray, np.ndarray]:
    targets = encoded(
        [source + target for source, target in zip(SOURCES, TARGETS, strict=True)],
        before=lambda place: (len(SOURCES[place]),),
    )
    return targets, encoded(TEXTS, before=lambda place: (hits[place], 2, cut[place], -0.5))


def test_bleu_and_chrf_are_sacrebleus() -> None:
    for texts in (TEXTS, SOURCES, TARGETS, ["" for _ in TARGETS], ["a b", "zz", "q", "w", "e"]):
        of_bleu, of_chrf = written_text.corpus_counts(texts, TARGETS)
        assert float(written_text.bleu(of_bleu.sum(axis=0))) == pytest.approx(
            BLEU().corpus_score(texts, [TARGETS]).score / 100, abs=1e-9
        )
        assert float(written_text.chrf(of_chrf.sum(axis=0))) == pytest.approx(
            CHRF().corpus_score(texts, [TARGETS]).score / 100, abs=1e-9
        )


def test_rouge_is_rouge_scores() -> None:
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"])
    for text, target in zip(TEXTS[:4], TARGETS[:4], strict=True):
        found = scorer.score(target, text)
        assert written_text.rouge(text, target) == pytest.approx(
            [found[name].fmeasure for name in ("rouge1", "rouge2", "rougeL")]
        )
    # Letters beyond ASCII are letters.
    assert written_text.rouge("Wörter und", "wörter und mehr")[0] == pytest.approx(0.8)


def test_the_longest_common_subsequence_is_that_of_trying_all() -> None:
    draws = random.Random(0)  # noqa: S311
    for _ in range(200):
        one, other = (draws.choices("abcd", k=draws.randrange(8)) for _ in range(2))
        every = (part for size in range(len(one) + 1) for part in itertools.combinations(one, size))
        longest = max(len(part) for part in every if _is_within(part, other))
        assert written_text._common(one, other) == longest


def _is_within(part: Sequence[str], whole: Sequence[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in part)


def test_all_metrics_of_rows() -> None:
    found = Generation().compute_metrics(*_rows(hits=(2, 2, 1, 0, 1)))
    assert found.keys() == {metric.name for metric in Generation.metrics}
    assert found["exact_match"] == pytest.approx(1 / 5)
    assert found["copy_exact_match"] == pytest.approx(2 / 5)
    assert found["token_accuracy"] == pytest.approx(6 / 10)
    assert found["empty_share"] == found["cut_share"] == pytest.approx(1 / 5)
    assert found["length_ratio"] == pytest.approx((6 + 5 + 3 + 0 + 4) / (6 + 5 + 3 + 1 + 4))
    assert found["copy_chrf"] == pytest.approx(CHRF().corpus_score(SOURCES, [TARGETS]).score / 100)


def test_rows_of_equal_weight_have_the_metrics_of_rows() -> None:
    targets, predictions = _rows()
    (part,) = draws(len(targets), 0)
    found = Generation().resampled_metrics(targets, predictions, part)
    whole = Generation().compute_metrics(targets, predictions)
    assert found.keys() == whole.keys()
    for name, values in found.items():
        assert values.shape == (len(part.weights),)
        assert values.min() - 1e-9 <= whole[name] <= values.max() + 1e-9
    shares = Generation().shares(targets, predictions)
    assert {name: part / of for name, (part, of) in shares.items()} == {name: whole[name] for name in shares}


def test_texts_are_read_from_an_evaluation_and_assessed() -> None:
    task = Generation()
    values = list(task.evaluated(_rows()[1]))
    assert [one["text"] for one in values] == TEXTS and values[2]["cut"]
    right, wrong = (task.assess(["x"], TARGETS[place], values[place]) for place in (1, 0))
    assert (right.right, right.loss, right.answer) == (True, 0.0, TEXTS[1])
    assert wrong.right is False and 0 < wrong.loss < 1 and wrong.truth == TARGETS[0]


def test_an_answer_as_json_and_as_a_row() -> None:
    output = {"text": b"a", "score": -0.5, "cut": False, "texts": [b"a", b"b", b""], "scores": [-0.5, -1.0, -1e9]}
    found = Generation().to_json(output)
    assert found["best"] == [{"text": "a", "score": -0.5}, {"text": "b", "score": -1.0}]
    assert json.dumps(found)
    assert Generation().to_row(found) == ["a", "-0.500000"]
    assert Generation().to_line(found, ["x"]) == "a\t-0.500000\tb\t-1.000000"


def test_checkpoints_are_chosen_by_token_accuracy_alone() -> None:
    task = Generation()
    assert task.primary_metric.name == "token_accuracy"
    assert task.check_metric("token_accuracy") is None
    assert task.check_metric("chrf") == (
        "is 'chrf', which is measured once the model is exported",
        "Known: token_accuracy",
    )
    assert task.metric_value("token_accuracy", np.zeros((2, 3)), np.array([[1, 2], [2, 2]])) == pytest.approx(0.75)


def test_targets_lose_what_cannot_be_seen() -> None:
    assert Generation.clean_label(" so\u200bft\u00ad \u00e9") == "soft \u00e9"


def test_the_room_of_a_target_is_the_settings() -> None:
    settings = Data(train=("t",), dev=("d",), task="generation", target_length=9, long_targets="cut")
    assert tasks.from_settings(settings) == Generation(target_length=9, cuts_targets=True)
    assert tasks.from_dict(tasks.to_dict(Generation(target_length=9))) == Generation(target_length=9)


def test_the_loss_of_guessing_is_that_of_each_tokens_share() -> None:
    train, dev = np.array([[5, 5, 6, -1]]), np.array([[5, -1, -1, -1]])
    assert Generation().guessing_loss(train, dev) == pytest.approx(-np.log(2.5 / (3 + 7 * 0.5)))


@pytest.mark.parametrize(("margin", "result"), [(0.1, "pass"), (0.3, "fail")])
def test_a_gate_holds_a_model_against_copied_sources(margin: float, result: str) -> None:
    gate = Gate(min_over_copy={"chrf": margin})
    summary = {"metrics": {CANDIDATE: {"": {"chrf": 0.7, "copy_chrf": 0.5}}}, "megabytes": 1.0}
    (line,) = verdict.verdict(gate, Generation(), summary, "dev")["verdict"]
    assert (line["rule"], line["value"], line["result"]) == ("min_over_copy chrf", pytest.approx(0.2), result)
    assert line["text"] == f"chrf is 0.7000, 0.5000 where sources are copied, required: at least {margin:g} more"
