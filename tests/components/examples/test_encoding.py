from typing import Any

import pytest
import tensorflow as tf

from components.examples.encoding import all_serialized, serialized
from components.rows.reader import Row
from components.tasks import TASKS

TEXTS = ("ein Schluß", "", "👍 \u2028 e\u0301", "x" * 5000)


def as_dict(example: bytes) -> dict[str, Any]:
    features = tf.train.Example.FromString(example).features.feature
    return {name: features[name].SerializeToString() for name in features}


@pytest.mark.parametrize("task", sorted(TASKS))
def test_many_rows_together_are_the_examples_that_they_are_one_by_one(task: str) -> None:
    made = TASKS[task]()
    labels = ("0.1", "-3", "16777217", "1e-40") if made.numeric else ("gut", "", "b|c", "é")
    rows = [
        Row(number, "train", (text,) * len(made.texts), label, (label, text))
        for number, (text, label) in enumerate(zip(TEXTS, labels, strict=True))
    ]
    for names in (("origin", "column_3"), ()):
        given = [row if names else row._replace(slices=()) for row in rows]
        together = [as_dict(example) for example in all_serialized(given, made, names)]
        assert together == [as_dict(serialized(row, made, names)) for row in given]
        assert len(together[0]) == len(made.texts) + 1 + len(names)
