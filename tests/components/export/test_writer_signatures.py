"""An exported model that writes: its ops, and what its signatures give for texts, token ids and examples."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.export import served_ops
from components.tasks.generation.task import CUT, HITS, MOST_COPIED, NO_TEXT, SCORE, TOKENS, Generation
from components.training.float32_pass import Float32Pass
from tests.components.export.conftest import Made
from tests.saved_models import function_ops

SOURCES = ["the film is good", "not", "is a bad film good !"]


def _examples() -> list[bytes]:
    made = []
    for source, target in zip(SOURCES, ["bad", "a b", "c"], strict=True):
        example = tf.train.Example()
        example.features.feature["source"].bytes_list.value.append(source.encode())
        example.features.feature["label"].bytes_list.value.append(target.encode())
        made.append(example.SerializeToString())
    return made


@pytest.mark.parametrize(
    "how",
    [
        {"search": "beam", "best": 2, "no_repeat_ngram": 2, "min_tokens": 2},
        # Nearly greedy: some of the texts are equal.
        {"search": "sample", "best": 6, "top_k": 20, "top_p": 0.9, "temperature": 0.05, "seed": 3},
    ],
    ids=lambda how: str(how["search"]),
)
def test_texts_ids_and_examples_have_one_answer(version: Made, how: dict[str, Any]) -> None:
    path = version("generation", generation=how)
    assert function_ops(path) <= served_ops.ALLOWED
    served_ops.check(path)
    loaded = tf.saved_model.load(str(path))
    signatures = loaded.signatures
    together = signatures["serving_default"](source=tf.constant(SOURCES))
    for place, source in enumerate(SOURCES):
        alone = signatures["serving_default"](source=tf.constant([source]))
        assert alone["texts"].numpy()[0].tolist() == together["texts"].numpy()[place].tolist()
        np.testing.assert_allclose(alone["scores"][0], together["scores"][place], atol=1e-4)
    for texts, scores in zip(together["texts"].numpy().tolist(), together["scores"].numpy(), strict=True):
        count = int((scores > NO_TEXT).sum())
        assert len(set(texts[:count])) == count and not any(texts[count:])
        assert scores.tolist() == sorted(scores, reverse=True)
        assert count < how["best"] or how["search"] == "beam"
    tokens = signatures["tokenize"](source=tf.constant(SOURCES))
    by_ids = signatures["token_ids"](token_ids=tokens["token_ids"])
    assert by_ids["text"].numpy().tolist() == together["text"].numpy().tolist()
    evaluated = signatures["predict_examples"](examples=tf.constant(_examples()))["written"].numpy()
    values = list(Generation().evaluated(evaluated))
    assert [one["text"].encode() for one in values] == together["text"].numpy().tolist()
    np.testing.assert_allclose(evaluated[:, SCORE], together["score"], atol=1e-4)
    assert (evaluated[:, CUT] > 0).tolist() == together["cut"].numpy().tolist()
    assert ((evaluated[:, HITS] >= 0) & (evaluated[:, HITS] <= evaluated[:, TOKENS])).all()
    assert "embedding" not in signatures


def test_weights_that_are_led_by_their_own_texts_write_them_and_no_others(version: Made) -> None:
    path = version("generation")
    weights, padded = Float32Pass(path, path.parents[1] / "base"), tf.saved_model.load(str(path)).signatures["tokenize"]
    tokens = padded(source=tf.constant(SOURCES))
    rows = [ids[:length] for ids, length in zip(tokens["token_ids"].numpy(), tokens["lengths"].numpy(), strict=True)]
    plain = weights.predictions(rows)
    texts = [one["text"] for one in Generation().evaluated(plain)]
    np.testing.assert_allclose(weights.predictions(rows, texts), plain, atol=4e-6)
    np.testing.assert_allclose(weights.predictions(rows, ["the film is bad", "", "a"]), plain, atol=4e-6)


def test_what_is_measured_of_no_rows_is_nothing(version: Made) -> None:
    loaded = tf.saved_model.load(str(version("generation")))
    found = loaded.signatures["predict_examples"](examples=tf.zeros([0], tf.string))["written"]
    assert found.shape[0] == 0


def test_of_a_source_as_much_is_measured_as_is_copied(version: Made) -> None:
    loaded = tf.saved_model.load(str(version("generation")))
    example = tf.train.Example()
    example.features.feature["source"].bytes_list.value.append("ä ".encode() * MOST_COPIED)
    example.features.feature["label"].bytes_list.value.append(b"good")
    found = loaded.signatures["transform_features"](examples=tf.constant([example.SerializeToString()]))
    (target,) = found["label_target"].numpy()
    assert (target[0], len(target)) == (MOST_COPIED, 1 + MOST_COPIED + len("good"))
