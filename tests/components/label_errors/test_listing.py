"""Rows to suspects, by the base model with heads and by the model of a run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.label_errors import listing
from components.label_errors.encoder import Computed, Encoder
from components.label_errors.listing import GivenRow, Models
from components.settings.model import Model
from components.tasks import Task
from components.tasks.classification import Classification
from components.tasks.tagging import Tagging
from components.tasks.word_tags import WordTags
from tests.conftest import LABELS, MAX_LENGTH, Trained, tiny_rows
from tests.toys import VOCABULARY

SETTINGS = Model(base="toy", max_length=MAX_LENGTH)

TASK = Classification(tuple(LABELS))


def given(count: int, seed: int, flipped: tuple[int, ...] = ()) -> list[GivenRow]:
    """Rows of the tiny data, of which these have another label, each in a line of its own from 2 on."""
    rows = []
    for place, (text, label, _) in enumerate(tiny_rows(count, seed)):
        if place in flipped:
            label = LABELS[(LABELS.index(label) + 1) % 3]  # noqa: PLW2901
        rows.append(GivenRow("train.tsv", place + 2, (text,), label))
    return rows


def models(checkpoint: Path, trained: Path | None = None) -> Models:
    return Models(checkpoint, trained, SETTINGS, seed=1)


class Words:
    """In place of a base model: the state of a word, or of a text's last but one, tells which it is."""

    def __init__(self, per_token: bool) -> None:
        self._per_token, self._draws = per_token, np.random.default_rng(0)

    def states(self, texts: Sequence[tuple[str, ...]], scratch: Path) -> Computed:
        words = [text.split(" ") if self._per_token else [text.split(" ")[-2]] for (text,) in texts]
        flat = [VOCABULARY.index(word) if word in VOCABULARY else 0 for some in words for word in some]
        values = np.eye(len(VOCABULARY))[flat] + self._draws.normal(0, 0.05, (len(flat), len(VOCABULARY)))
        rows = np.repeat(np.arange(len(texts)), [len(some) for some in words])
        return Computed(values.astype(np.float32), rows, np.concatenate([np.arange(len(some)) for some in words]))


def test_flipped_labels_of_train_are_suspected_with_their_place(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing.Encoder, "of_base", lambda *_: Words(per_token=False))
    flipped = (20, 41, 62)
    rows = [row for row in given(240, 5, flipped) if LABELS[(row.line - 2) % 3] != "mixed"]
    found, unjudged = listing.of_train(rows, TASK, models(checkpoint), tmp_path)
    again, _ = listing.of_train(rows, TASK, models(checkpoint), tmp_path)
    assert found == again
    by_line = {row.line: row for row in rows}
    assert {one.line - 2 for one in found} == set(flipped) & {line - 2 for line in by_line}
    assert unjudged == 0
    for one in found:
        row = by_line[one.line]
        assert (one.file, one.split, one.word) == ("train.tsv", "train", None)
        assert (one.texts, one.label, one.suggestion) == (row.texts, row.label, LABELS[(one.line - 2) % 3])


def test_what_is_computed_leaves_nothing_behind(checkpoint: Path, tmp_path: Path) -> None:
    found, _ = listing.of_train(given(60, 5), TASK, models(checkpoint), tmp_path)
    again, _ = listing.of_train(given(60, 5), TASK, models(checkpoint), tmp_path)
    assert found == again
    assert not list(tmp_path.iterdir())


def test_rows_of_other_splits_are_judged_by_the_runs_model(
    checkpoint: Path, tiny_trained: Trained, tmp_path: Path
) -> None:
    from components.serving.predictor import Predictor

    rows = given(60, 7, (4, 33))
    served = list(Predictor(tiny_trained.saved_model).predict(row.texts for row in rows))
    encoder = Encoder.of_run(checkpoint, SETTINGS, tiny_trained.saved_model)
    values = encoder.predictions([row.texts for row in rows], tmp_path).values
    assert np.allclose(values, [list(one["probabilities"].values()) for one in served], atol=1e-5)
    found = listing.of_others(rows, "dev", TASK, models(checkpoint, tiny_trained.saved_model), tmp_path)
    assert {one.split for one in found} <= {"dev"}
    wrong = {place for place, one in enumerate(served) if one["label"] != rows[place].label}
    assert {one.line - 2 for one in found} <= wrong
    assert [one.quality for one in found] == sorted(one.quality for one in found)


@pytest.mark.parametrize(
    ("task", "good", "bad"),
    [(WordTags(("ADJ", "NOUN")), "ADJ", "NOUN"), (Tagging(("ART",)), "B-ART", "O")],
    ids=lambda value: value.name if isinstance(value, Task) else value,
)
def test_a_words_tag_is_suspected_by_its_word(
    task: Task, good: str, bad: str, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing.Encoder, "of_base", lambda *_: Words(per_token=True))
    draws = np.random.default_rng(0)
    rows = []
    for place in range(60):
        words = draws.choice(["good", "film", "the"], 5).tolist()
        tags = [good if word == "good" else bad for word in words]
        rows.append(GivenRow("train.txt", 10 * place + 1, (" ".join([*words, str(place)]),), " ".join([*tags, bad])))
    words, tags = rows[30].texts[0].split(), rows[30].label.split()
    tags[2] = bad if tags[2] == good else good
    rows[30] = rows[30]._replace(label=" ".join(tags))
    found, _ = listing.of_train(rows, task, models(checkpoint), tmp_path)
    assert [(one.line, one.word, one.label, one.suggestion) for one in found] == [
        (301, 3, tags[2], good if tags[2] == bad else bad)
    ]
    assert words == found[0].texts[0].split()


def test_words_beyond_what_the_model_sees_are_not_judged(checkpoint: Path, tmp_path: Path) -> None:
    task = WordTags(("ADJ", "NOUN"))
    encoder = Encoder.of_base(checkpoint, replace(SETTINGS, max_length=5), task)
    computed = encoder.states([("good film",), ("the film is not good .",)], tmp_path)
    assert computed.rows.tolist() == [0, 0, 1, 1, 1]
    assert computed.words.tolist() == [0, 1, 0, 1, 2]
    assert computed.values.shape == (5, 8)


def test_a_state_is_what_the_head_sees(checkpoint: Path, tmp_path: Path) -> None:
    encoder = Encoder.of_base(checkpoint, SETTINGS, TASK)
    texts = [("the film is good",), ("bad",), ("the film is good",)]
    states = np.array(encoder.states(texts, tmp_path).values)
    assert np.allclose(states[0], states[2], atol=1e-6)
    probabilities = encoder.predictions(texts, tmp_path).values
    dense: Any = encoder._model.dense
    logits = states @ dense.kernel.numpy() + dense.bias.numpy()
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert np.allclose(probabilities, shifted / shifted.sum(axis=1, keepdims=True), atol=1e-5)
