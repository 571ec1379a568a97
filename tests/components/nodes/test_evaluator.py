import functools
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow_transform as tft
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    matthews_corrcoef,
    precision_recall_fscore_support,
    roc_auc_score,
)

from components.evaluation import comparable
from components.export.card import identity, read_card
from components.export.signatures import Exported
from components.nodes import evaluator
from components.rows.splits import text_hash
from components.serving.predictor import Predictor
from components.settings.data import Data
from components.settings.gate import Gate
from components.settings.model import Model
from components.settings.serialization import dump, load_file
from components.settings.training import Training
from components.tasks.classification import Classification
from components.training import initial_model
from components.verdict.answers import ANSWERS_FILE, Answers
from pipeline.beam.batch_size import use_large_batches
from tests.conftest import LABELS, Trained, Transformed, artifact, beam_executor


class Row(NamedTuple):
    """A row of dev."""

    text: str
    label: str
    source: str


class Evaluated(NamedTuple):
    """The parameters of an Evaluator, and what it wrote."""

    gate: Gate
    summary: dict[str, Any]
    blessing: Path

    @property
    def blessed(self) -> bool:
        """What the Pusher will see."""
        (mark,) = (path.name for path in self.blessing.iterdir() if path.name != "measured.json")
        return mark == "BLESSED"


Export = Callable[..., Any]


@pytest.fixture(scope="module")
def export(tiny_transformed: Transformed, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Makes a Model artifact of a classifier that was not trained: its guesses are wild."""
    from tfx.types import standard_artifacts

    def make(labels: list[str], seed: int) -> Any:
        transform = tft.TFTransformOutput(tiny_transformed.graph.uri)
        model = initial_model.build_model(
            checkpoint, Model(base="toy"), Training(seed=seed), Classification(tuple(labels))
        )
        assert model.dense is not None
        model.dense.kernel.assign(np.random.default_rng(seed).normal(size=model.dense.kernel.shape))
        made = artifact(standard_artifacts.Model, tmp_path_factory.mktemp("untrained"))
        exported = Exported(model, transform.transform_features_layer(), transform.raw_feature_spec())
        exported.write(Path(made.uri, "Format-Serving"), {})
        return made

    return make


@pytest.fixture(scope="module")
def evaluate(tiny_examples: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Evaluated]:
    """Runs the Evaluator on dev."""
    from tfx.types import standard_artifacts

    # As a run does: the last bits of an answer are those of the batch it is in.
    use_large_batches()

    def run(model: Any, baseline: Any, gate: Gate, fewest: int = 1, most: int = 50, eager: int = 10_000) -> Evaluated:
        folder = tmp_path_factory.mktemp("evaluated")
        baseline.set_string_custom_property("pushed_version", "7")
        evaluation = artifact(standard_artifacts.ModelEvaluation, folder / "evaluation")
        blessing = artifact(standard_artifacts.ModelBlessing, folder / "blessing")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(comparable, "FEWEST_ROWS", fewest)
            patch.setattr(evaluator, "MOST_EAGER_ROWS", eager)
            beam_executor(evaluator.Executor, folder).Do(
                {"examples": [tiny_examples], "model": [model], "baseline_model": [baseline]},
                {"evaluation": [evaluation], "blessing": [blessing]},
                {
                    "gate": dump(gate),
                    "slices": '{"source": []}',
                    "max_slice_values": most,
                    "split": "dev",
                    "confidence": 0.95,
                },
            )
        summary = json.loads((folder / "evaluation" / "summary.json").read_text())
        return Evaluated(gate, summary, folder / "blessing")

    return run


@pytest.fixture(scope="module")
def rows(tiny_data: Data) -> list[Row]:
    return [Row(*line.split("\t")) for line in Path(tiny_data.dev[0]).read_text().splitlines()[1:]]


loaded = functools.cache(Predictor)


def scores(model: Any, rows: list[Row]) -> dict[str, Any]:
    """scikit-learn's metrics of a model's predictions, by our names; and the confusion matrix."""
    predictions = list(loaded(Path(model.uri, "Format-Serving")).predict((row.text,) for row in rows))
    probabilities = np.array([list(prediction["probabilities"].values()) for prediction in predictions])
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    actual, guess = [LABELS.index(row.label) for row in rows], probabilities.argmax(axis=1)
    found = {
        "accuracy": accuracy_score(actual, guess),
        "macro_f1": f1_score(actual, guess, average="macro"),
        "mcc": matthews_corrcoef(actual, guess),
        "auc": roc_auc_score(actual, probabilities, multi_class="ovr", average="macro"),
        "loss": log_loss(actual, probabilities),
        "example_count": len(rows),
        "confusion": confusion_matrix(actual, guess, labels=range(3)).tolist(),
    }
    precision, recall, f1, _ = precision_recall_fscore_support(actual, guess, labels=range(3), zero_division=0.0)
    for index, label in enumerate(LABELS):
        found |= {f"precision/{label}": precision[index], f"recall/{label}": recall[index], f"f1/{label}": f1[index]}
    return found


@pytest.fixture(scope="module")
def wild(export: Export) -> Any:
    """A Model that was never trained."""
    return export(LABELS, seed=3)


@pytest.fixture(scope="module")
def refused(evaluate: Callable[..., Evaluated], wild: Any, tiny_trained: Trained) -> Evaluated:
    """The wild model, measured against the trained one and against bounds it cannot reach."""
    gate = Gate(
        min={"accuracy": 0.9, "recall/bad": 0.5, "auc": 0.0},
        max={"loss": 0.25},
        max_drop={"macro_f1": 0.015, "loss": 0.1, "accuracy": 1.0},
    )
    return evaluate(wild, tiny_trained.model, gate)


def test_more_rows_than_are_computed_in_lists_go_through_beam_to_the_same_end(
    evaluate: Callable[..., Evaluated], refused: Evaluated, wild: Any, tiny_trained: Trained, rows: list[Row]
) -> None:
    by_beam = evaluate(wild, tiny_trained.model, refused.gate, eager=len(rows) - 1)
    assert by_beam.summary == refused.summary
    assert not by_beam.blessed
    # What each row was answered is kept where memory has room for the rows.
    assert sorted([*files_of(by_beam), "answers.json"]) == files_of(refused)


def files_of(evaluated: Evaluated) -> list[str]:
    return sorted(path.name for path in evaluated.blessing.parent.rglob("*") if path.is_file())


def answers_of(evaluated: Evaluated) -> Answers:
    path = evaluated.blessing.with_name("evaluation") / ANSWERS_FILE
    return load_file(Answers, path, "answers", "none")


def test_the_answers_that_are_kept_are_those_that_the_models_give(
    refused: Evaluated, wild: Any, tiny_trained: Trained, rows: list[Row]
) -> None:
    kept = answers_of(refused)
    wild_model = Path(wild.uri, "Format-Serving")
    assert (kept.split, kept.version, kept.total) == ("dev", "7", len(rows))
    assert kept.model == identity(read_card(wild_model))
    assert [row.texts for row in kept.rows] == [texts for texts, _ in labelled_of(rows)]
    for model, of in ((wild_model, "candidate"), (tiny_trained.saved_model, "production")):
        for row, asked in zip(kept.rows, loaded(model).assess(labelled_of(rows)), strict=True):
            found = getattr(row, of)
            assert (found.truth, found.answer, found.right) == (asked.truth, asked.answer, asked.right)
            assert (found.loss, found.confidence) == pytest.approx((asked.loss, asked.confidence), abs=1e-4)
    measured = refused.summary["metrics"]
    for name, of in (("candidate", "candidate"), ("baseline", "production")):
        right = [getattr(row, of).right for row in kept.rows]
        assert sum(right) / len(right) == pytest.approx(measured[name][""]["accuracy"])


def labelled_of(rows: list[Row]) -> list[tuple[tuple[str, ...], str]]:
    return [((row.text,), row.label) for row in rows]


@pytest.fixture(scope="module")
def blessed(evaluate: Callable[..., Evaluated], export: Export, tiny_trained: Trained, rows: list[Row]) -> Evaluated:
    """The trained model, measured against bounds it just reaches; in production is a model of other classes."""
    exact = scores(tiny_trained.model, rows)
    gate = Gate(
        min={name: float(exact[name]) for name in ("accuracy", "macro_f1", "recall/good")},
        max={"loss": float(exact["loss"])},
        max_drop={"accuracy": 0.0, "loss": 0.0},
    )
    return evaluate(tiny_trained.model, export(["bad", "good"], seed=4), gate, most=1)


def test_the_two_models_are_worth_telling_apart(rows: list[Row], wild: Any, tiny_trained: Trained) -> None:
    trained, untrained = scores(tiny_trained.model, rows), scores(wild, rows)
    assert 0.5 < trained["accuracy"] < 1
    assert 0 < untrained["accuracy"] < trained["accuracy"]


def test_metrics_of_candidate_and_baseline_are_scikit_learns(
    refused: Evaluated, rows: list[Row], wild: Any, tiny_trained: Trained
) -> None:
    for name, model in (("candidate", wild), ("baseline", tiny_trained.model)):
        expected = scores(model, rows)
        assert refused.summary["confusion"][name] == expected.pop("confusion")
        found = dict(refused.summary["metrics"][name][""])
        # TFMA takes the area under a curve of 10,000 thresholds: probabilities closer than that are a tie to it.
        assert found.pop("auc") == pytest.approx(expected.pop("auc"), abs=2e-3)
        assert found == pytest.approx(expected, abs=1e-6)


def test_slices_are_the_metrics_of_their_rows(refused: Evaluated, rows: list[Row], wild: Any) -> None:
    slices = {
        "source=paper": [row for row in rows if row.source == "paper"],
        "source=web": [row for row in rows if row.source == "web"],
        "text_length=1-16 tokens": [row for row in rows if len(row.text.split()) <= 14],
        "text_length=17-32 tokens": [row for row in rows if len(row.text.split()) > 14],
    }
    found = refused.summary["metrics"]["candidate"]
    assert set(found) == {"", *slices}
    for name, of_slice in slices.items():
        expected = scores(wild, of_slice)
        for metric in ("example_count", "accuracy", "loss"):
            assert found[name][metric] == pytest.approx(expected[metric], abs=1e-6)


def test_values_beyond_the_limit_are_a_slice_together(blessed: Evaluated, rows: list[Row]) -> None:
    found = blessed.summary["metrics"]["candidate"]
    (first, most), (_, others) = Counter(row.source for row in rows).most_common()
    assert most > others
    counts = {name: values["example_count"] for name, values in found.items() if name.startswith("source=")}
    assert counts == {f"source={first}": most, "source=(others)": others}


def test_a_model_is_refused_for_every_bound_it_misses_and_for_no_other(
    refused: Evaluated, rows: list[Row], tiny_data: Data, wild: Any, tiny_trained: Trained
) -> None:
    train = {line.split("\t")[0] for line in Path(tiny_data.train[0]).read_text().splitlines()}
    # Chance has made some texts of dev be texts of train.
    rest = [row for row in rows if row.text not in train]
    assert (len(rest), len(rows)) == (25, 30)
    now, was, now_on_rest = scores(wild, rows), scores(tiny_trained.model, rest), scores(wild, rest)
    where = "on the 25 of 30 rows of dev that version 7 has not learned from"
    assert refused.summary["blessed"] is False
    assert not refused.blessed
    assert set(refused.summary["reasons"]) == {
        f"accuracy is {now['accuracy']:.4f}, required: at least 0.9",
        f"loss is {now['loss']:.4f}, allowed: at most 0.25",
        f"loss is {now_on_rest['loss']:.4f}, {now_on_rest['loss'] - was['loss']:.4f} worse than {was['loss']:.4f} in "
        f"production; allowed: 0.1; {where}",
        f"macro_f1 is {now_on_rest['macro_f1']:.4f}, {was['macro_f1'] - now_on_rest['macro_f1']:.4f} worse than "
        f"{was['macro_f1']:.4f} in production; allowed: 0.015; {where}",
        f"recall/bad is {now['recall/bad']:.4f}, required: at least 0.5",
    }
    assert len(refused.summary["reasons"]) == 5
    assert refused.summary["baseline_version"] == "7"
    assert "not_compared" not in refused.summary
    learned = refused.summary["learned"]
    assert (learned["rows"], learned["of"]) == (5, 30)
    assert learned["metrics"]["candidate"]["loss"] == pytest.approx(now_on_rest["loss"], abs=1e-6)
    assert learned["metrics"]["baseline"]["loss"] == pytest.approx(was["loss"], abs=1e-6)


def test_a_model_that_just_reaches_its_bounds_is_blessed_though_a_slice_of_it_does_not(blessed: Evaluated) -> None:
    assert blessed.summary["reasons"] == []
    assert blessed.summary["blessed"] is True
    assert blessed.blessed
    accuracies = {name: metrics["accuracy"] for name, metrics in blessed.summary["metrics"]["candidate"].items()}
    assert min(accuracies.values()) < accuracies[""] - 0.01


def test_a_model_of_other_classes_in_production_is_not_compared_with_and_that_is_said(blessed: Evaluated) -> None:
    kept = answers_of(blessed)
    assert kept.version is None
    assert {row.production for row in kept.rows} == {None}
    assert set(blessed.gate.max_drop) == {"accuracy", "loss"}
    assert blessed.summary["baseline_version"] == "7"
    assert blessed.summary["not_compared"] == "version 7 knows other classes (bad, good)"
    assert set(blessed.summary["metrics"]) == {"candidate"}


def that_learned(model: Any, folder: Path, rows: list[Row]) -> Any:
    """A copy of a Model artifact that says it has learned from rows; of none it says nothing."""
    from tfx.types import standard_artifacts

    copied = artifact(standard_artifacts.Model, folder)
    shutil.copytree(model.uri, folder, dirs_exist_ok=True)
    path = folder / "Format-Serving" / "assets.extra" / "learned_texts.u64"
    path.unlink()
    if rows:
        path.write_bytes(np.unique(np.array([text_hash([row.text]) for row in rows], np.uint64)).tobytes())
    return copied


NOT_WORSE = Gate(min={"accuracy": 0.0}, max_drop={"accuracy": 0.0})


def test_what_the_model_in_production_knows_by_heart_is_left_out_of_the_comparison_alone(
    evaluate: Callable[..., Evaluated], tmp_path: Path, rows: list[Row], wild: Any, tiny_trained: Trained
) -> None:
    ours, theirs = (
        [answer["label"] == row.label for answer, row in zip(answers, rows, strict=True)]
        for answers in (
            loaded(Path(model.uri, "Format-Serving")).predict((row.text,) for row in rows)
            for model in (wild, tiny_trained.model)
        )
    )
    better = [row for row, our, their in zip(rows, ours, theirs, strict=True) if their and not our]
    assert len(better) > 2
    # On one of the rows that are left the one in production is right and ours is not, on no other.
    found = evaluate(wild, that_learned(tiny_trained.model, tmp_path / "baseline", better[1:]), NOT_WORSE)
    left = len(rows) - len(better) + 1
    assert found.summary["blessed"] is found.blessed is False
    assert found.summary["learned"]["rows"] == len(better) - 1
    (reason,) = found.summary["reasons"]
    assert f", {1 / left:.4f} worse than " in reason
    assert reason.endswith(f"; on the {left} of 30 rows of dev that version 7 has not learned from")
    # Other numbers are of all rows.
    assert found.summary["metrics"]["candidate"][""]["example_count"] == len(rows)


def test_where_production_has_learned_all_rows_nothing_is_compared_and_where_it_does_not_say_all_are(
    evaluate: Callable[..., Evaluated], tmp_path: Path, rows: list[Row], wild: Any, tiny_trained: Trained
) -> None:
    found = evaluate(wild, that_learned(tiny_trained.model, tmp_path / "all", rows), NOT_WORSE)
    assert found.summary["not_compared"] == "it has learned from all 30 rows of dev"
    assert found.summary["learned"] == {"rows": 30, "of": 30}
    assert found.blessed
    found = evaluate(wild, that_learned(tiny_trained.model, tmp_path / "unknown", []), NOT_WORSE)
    assert found.summary["learned"] == {"rows": None}
    assert "worse than" in found.summary["reasons"][0]
    assert not found.blessed


def test_a_handful_of_rows_and_rows_without_a_class_decide_nothing(
    evaluate: Callable[..., Evaluated], tmp_path: Path, rows: list[Row], wild: Any, tiny_trained: Trained
) -> None:
    fewest = comparable.FEWEST_ROWS
    assert fewest == 30
    found = evaluate(wild, that_learned(tiny_trained.model, tmp_path / "most", rows[1:]), NOT_WORSE, fewest)
    left = [row for row in rows if row.text not in {row.text for row in rows[1:]}]
    where = f"only {len(left)} of 30 rows of dev are left that version 7 has not learned from"
    assert found.summary["not_compared"] == where
    assert found.blessed
    assert set(found.summary["metrics"]) == {"candidate"}
    of_bad = [row for row in rows if row.label == "bad"]
    found = evaluate(wild, that_learned(tiny_trained.model, tmp_path / "bad", of_bad), NOT_WORSE)
    assert found.summary["not_compared"] == "it has learned from all rows of dev with the label 'bad'"
    assert found.blessed
