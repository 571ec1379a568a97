"""Of several answers each stands once: of two tokens of one word the better part."""

import numpy as np
import tensorflow as tf

from components.export.of_task.distinct import distinct
from components.serving.replay import Row, replay_of
from components.tasks.answering.task import BEST, Answering
from components.training.float32_pass import Float32Pass
from tests.components.export.conftest import Made

CONTEXTS = ["xyzzy is unfilmable", "the film is not bad , not at all", "uvwxyz"]


def test_equals_of_better_ones_go_behind_in_their_order() -> None:
    letters = np.array([["a", "b", "a", "c", "b"], ["a", "b", "c", "d", "e"]])
    order, again = distinct(tf.constant(letters[:, :, np.newaxis] == letters[:, np.newaxis]))
    assert order.numpy().tolist() == [[0, 1, 3, 2, 4], [0, 1, 2, 3, 4]]
    assert again.numpy().tolist() == [[False] * 3 + [True] * 2, [False] * 5]


def test_two_tokens_of_a_word_are_one_answer_with_the_better_score(version: Made) -> None:
    path = version("answering")
    signatures = tf.saved_model.load(str(path)).signatures
    given = {"question": tf.constant(["is it ?"] * 3), "context": tf.constant(CONTEXTS)}
    found = {name: values.numpy() for name, values in signatures["serving_default"](**given).items()}
    tokens = {name: values.numpy() for name, values in signatures["tokenize"](**given).items()}
    spans = signatures["token_ids"](token_ids=tf.constant(tokens["token_ids"]))["spans"].numpy()
    offsets = np.stack([tokens["start"], tokens["end"]], axis=2)
    for row in range(len(CONTEXTS)):
        best: dict[tuple[int, int], float] = {}
        for first, last, score in spans[row, 1:]:
            if score > 0:
                best.setdefault((offsets[row, int(first), 0], offsets[row, int(last), 1]), score)
        count = len(best)
        places = zip(found["starts"][row, :count], found["ends"][row, :count], strict=True)
        assert list(places) == list(best)
        np.testing.assert_allclose(found["scores"][row, :count], list(best.values()), rtol=1e-5)
        assert not found["scores"][row, count:].any()
        assert not found["answers"][row, count:].astype(bool).any()
    # One word of six pieces.
    assert (spans[2, 1:, 2] > 0).sum() == BEST
    assert found["answers"][2].tolist() == [b"uvwxyz", *[b""] * 4]
    # As a validation asks for it, and beside the weights.
    rows = [
        Row(("is it ?", context), ids[:length])
        for context, ids, length in zip(CONTEXTS, tokens["token_ids"], tokens["lengths"], strict=True)
    ]
    replay = replay_of(Answering())
    outputs = [
        {
            name: signatures[signature](**{key: tf.constant(value) for key, value in of.items()})[name].numpy()
            for name in names
        }
        for signature, of, names in replay.calls(rows)
    ]
    expected = Float32Pass(path, path.parents[1] / "base").predictions([row.token_ids for row in rows])
    assert all(one.same_ids and one.difference < 1e-5 for one in replay.found(rows, outputs, expected))
