"""Sentences of Examples on disk."""

from pathlib import Path

import tensorflow as tf

from components.evaluation import split_examples
from components.tasks.tagging import Tagging


def test_sentences_are_read_in_the_order_of_files_and_records(tmp_path: Path) -> None:
    written = {"a.gz": [("Zoë visits", "B-PER O"), ("张 三", "B-PER I-PER")], "b.gz": [("Rome", "B-LOC")]}
    for name, rows in written.items():
        with tf.io.TFRecordWriter(str(tmp_path / name), "GZIP") as writer:
            for tokens, tags in rows:
                example = tf.train.Example()
                for feature, value in (("tokens", tokens), ("label", tags)):
                    example.features.feature[feature].bytes_list.value.append(value.encode())
                writer.write(example.SerializeToString())
    assert list(split_examples.sentences(tmp_path, Tagging())) == [
        (["Zoë", "visits"], ["B-PER", "O"]),
        (["张", "三"], ["B-PER", "I-PER"]),
        (["Rome"], ["B-LOC"]),
    ]
