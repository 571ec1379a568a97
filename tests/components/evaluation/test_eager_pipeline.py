"""Beam's steps in lists: each kind by hand, and TFMA's whole pipeline of them against Beam's own runner."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.pvalue import AsDict, AsIter, AsList, AsSingleton, TaggedOutput

from components.evaluation.eager_pipeline import EagerPipeline
from components.evaluation.tfma_summary import read_summary
from components.tasks import Task
from components.tasks.classification import Classification
from components.tasks.multilabel import Multilabel
from components.tasks.tagging import Tagging
from tests.components.evaluation.raw_data import analyse


def made(*steps: Any) -> list[Any]:
    """What a chain of steps gives."""
    with EagerPipeline() as pipeline:
        found: Any = pipeline
        for step in steps:
            found |= step
        return list(found.values)


class Pairs(beam.DoFn):
    """Elements two by two, the last one perhaps alone; says in which order Beam calls it."""

    calls: list[str] = []  # noqa: RUF012

    def setup(self) -> None:
        self.calls.append("setup")

    def start_bundle(self) -> None:
        self._waiting: list[int] = []

    def process(self, element: int) -> Iterator[list[int]]:
        self._waiting.append(element)
        if len(self._waiting) == 2:
            yield self._waiting
            self._waiting = []

    def finish_bundle(self) -> Iterator[Any]:
        from apache_beam.transforms.window import GlobalWindows

        self.calls.append("finish")
        yield GlobalWindows.windowed_value(self._waiting)

    def teardown(self) -> None:
        self.calls.append("teardown")


def test_steps_give_what_beam_gives() -> None:
    def numbers() -> Any:
        return beam.Create([1, 2, 3])

    def pairs() -> Any:
        return beam.Create([("b", 1), ("a", 2), ("b", 3)])

    assert made(numbers(), "Twice" >> beam.Map(lambda x: 2 * x)) == [2, 4, 6]
    assert made(numbers(), beam.Filter(lambda x: x > 1), beam.FlatMap(range)) == [0, 1, 0, 1, 2]
    assert made(numbers(), beam.ParDo(Pairs())) == [[1, 2], [3]]
    assert Pairs.calls == ["setup", "finish", "teardown"]
    assert made(pairs(), beam.Reshuffle(), beam.GroupByKey()) == [("b", [1, 3]), ("a", [2])]
    assert made(pairs(), beam.CombinePerKey(sum)) == [("b", 4), ("a", 2)]
    assert made(pairs(), beam.CombinePerKey(sum).with_hot_key_fanout(8)) == [("b", 4), ("a", 2)]
    assert made(numbers(), beam.combiners.Count.Globally()) == [3]
    assert made(beam.Create([]), beam.CombineGlobally(sum)) == [0]
    assert made(beam.Create([]), beam.CombineGlobally(sum).without_defaults()) == []
    assert made(numbers(), beam.BatchElements(2, 2)) == [[1, 2], [3]]


def test_outputs_have_tags_and_other_values_come_aside() -> None:
    def tell(x: int) -> Iterator[Any]:
        yield x
        yield TaggedOutput("odd" if x % 2 else "even", x)

    with EagerPipeline() as pipeline:
        numbers = pipeline | beam.Create([1, 2, 3])
        found = numbers | beam.FlatMap(tell).with_outputs("odd", "even", main="all")
        every, odd, even = found
        assert [every.values, odd.values, even.values] == [[1, 2, 3], [1, 3], [2]]
        assert (found.odd.values, found["even"].values, found["all"].values) == ([1, 3], [2], [1, 2, 3])
        assert ((odd, even) | beam.Flatten()).values == [1, 3, 2]
        one = pipeline | "One" >> beam.Create([10])
        names = pipeline | "Names" >> beam.Create([(1, "one"), (2, "two"), (3, "three")])
        with_others = numbers | beam.Map(
            lambda x, ten, name, listed, more: (x + ten, name[x], listed, sum(more)),
            AsSingleton(one),
            AsDict(names),
            listed=AsList(odd),
            more=AsIter(even),
        )
        assert with_others.values[1] == (12, "two", [1, 3], 2)


def test_records_are_written_where_beam_would_and_read_again(tmp_path: Path) -> None:
    made(beam.Create([b"a", b"b"]), beam.io.WriteToTFRecord(str(tmp_path / "some"), file_name_suffix=".gz"))
    assert [path.name for path in tmp_path.iterdir()] == ["some-00000-of-00001.gz"]
    made(beam.Create([b"c"]), beam.io.WriteToTFRecord(str(tmp_path / "more"), file_name_suffix=".gz"))
    assert sorted(made(beam.io.ReadFromTFRecord(str(tmp_path / "*")))) == [b"a", b"b", b"c"]


def test_an_error_is_the_steps_own() -> None:
    with pytest.raises(ZeroDivisionError, match=r"^division by zero$"):
        made(beam.Create([0]), beam.Map(lambda x: 1 / x))


def test_a_kind_of_step_that_is_unknown_is_refused() -> None:
    class Unknown(beam.PTransform):
        """It has no parts."""

    with pytest.raises(NotImplementedError, match="Unknown"):
        made(beam.Create([0]), Unknown())


RAW: dict[str, tuple[Task, list[Any], list[list[float]], list[list[float]]]] = {
    "classification": (
        Classification(("a", "b", "c")),
        [0, 1, 2, 2, 1],
        [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [0.5, 0.2, 0.3], [0.2, 0.7, 0.1]],
        [[0.6, 0.3, 0.1], [0.4, 0.3, 0.3], [0.1, 0.2, 0.7], [0.2, 0.1, 0.7], [0.3, 0.5, 0.2]],
    ),
    "multilabel": (
        Multilabel(("a", "b"), threshold=0.5),
        [[0, 0], [1, 0], [1, 1], [0, 1], [1, 0]],
        [[0.1, 0.6], [0.9, 0.2], [0.4, 0.9], [0.2, 0.8], [0.7, 0.3]],
        [[0.2, 0.1], [0.8, 0.1], [0.6, 0.7], [0.6, 0.4], [0.3, 0.2]],
    ),
    "tagging": (
        Tagging(("LOC",)),
        [[1, 0], [0, 1], [1, 2], [0, 0], [2, 0]],
        [[1, 0], [0, 0], [1, 2], [0, 1], [1, 0]],
        [[0, 0], [0, 1], [1, 2], [0, 0], [1, 0]],
    ),
}
"""Task -> the task, targets, and predictions of candidate and baseline."""


def files(evaluation: str) -> dict[str, list[bytes]]:
    """The records of TFMA's files, which have no order."""
    import tensorflow as tf

    return {
        path.name: sorted(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
        for path in sorted(Path(evaluation).glob("*.tfrecord"))
    }


@pytest.mark.parametrize("name", RAW)
def test_an_evaluation_is_that_of_beams_runner(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, targets, candidate, baseline = RAW[name]
    columns: dict[str, list[Any]] = {
        "label_target": targets,
        "source": ["x", "y", "x", "y", "x"],
        "text_length": ["short"] * 5,
        "candidate's": candidate,
        "baseline's": baseline,
    }
    of_beam = analyse(tmp_path / "beam", task, columns, ["source"])
    monkeypatch.setattr(beam, "Pipeline", EagerPipeline)
    eager = analyse(tmp_path / "eager", task, columns, ["source"])
    assert set(files(eager)) == set(files(of_beam))
    found = read_summary(eager, task)
    assert found == read_summary(of_beam, task)
    # What is no number for TFMA, but JSON, is there too.
    assert set(found["intervals"]) == {"candidate", "baseline"}
    assert task.primary_metric.name in found["differences"]
