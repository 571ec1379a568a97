"""A Beam pipeline that computes each step when it is added to it, in lists: for rows that memory holds.

Building, translating and starting a pipeline of TensorFlow Model Analysis takes Beam 2 s, whatever it computes. Here
the same steps run one after another in this process, and nothing is translated, pickled or encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.io import iobase
from apache_beam.runners import common
from apache_beam.transforms import core, ptransform, sideinputs, window
from apache_beam.transforms.util import Reshuffle
from apache_beam.utils.windowed_value import WindowedValue

_WINDOWING = core.Windowing(window.GlobalWindows())


class Values(pvalue.PCollection):
    """A PCollection that is computed.

    Args:
        pipeline: whose it is.
        values: its elements.
    """

    def __init__(self, pipeline: beam.Pipeline, values: Iterable[Any]) -> None:
        super().__init__(pipeline)
        self.values = list(values)
        # Beam asks the step that made it.
        self._windowing = _WINDOWING


class EagerPipeline(beam.Pipeline):
    """The pipeline, for `with` and `|` as Beam's.

    It knows what a batch of rows on one machine needs: no streams, no windows, no state of a key and no splitting of an
    element. A step of another kind that has no parts either raises NotImplementedError.
    """

    def __init__(self) -> None:
        super().__init__(runner="FnApiRunner", options=beam.options.pipeline_options.PipelineOptions([]))
        self.rows: list[Any] = []
        """What a step has kept for who made the pipeline."""

    def apply(self, transform: Any, pvalueish: Any = None, label: str | None = None) -> Any:
        """Computes a step's output."""
        while isinstance(transform, ptransform._NamedPTransform):
            transform = transform.transform
        if isinstance(transform, ptransform._PTransformFnPTransform):
            transform.set_options(self._options)
        pvalueish, _ = transform._extract_input_pvalues(pvalueish)
        for kind, compute in _PRIMITIVES.items():
            if isinstance(transform, kind):
                found = compute(transform, pvalueish)
                if found is not NotImplemented:
                    return Values(self, found) if isinstance(found, list) else found
        if type(transform).expand is ptransform.PTransform.expand:
            raise NotImplementedError(f"{type(transform).__name__} of Beam's")
        return transform.expand(pvalueish)

    def __exit__(self, *_: object) -> None:
        """Nothing: all is computed."""


class _Outputs:
    """The outputs of a step that has several, by tag, as Beam hands them out."""

    def __init__(self, pipeline: EagerPipeline, main_tag: str | None, by_tag: Mapping[str | None, list[Any]]) -> None:
        self._main_tag = main_tag
        self._found = {tag: Values(pipeline, values) for tag, values in by_tag.items()}

    def __getitem__(self, tag: str | int | None) -> Values:
        return self._found[None if tag == self._main_tag else tag]  # type: ignore[index]

    def __getattr__(self, tag: str) -> Values:
        if tag.startswith("__"):
            raise AttributeError(tag)
        return self[tag]

    def __iter__(self) -> Iterator[Values]:
        # The main one first, if it has a name.
        return iter(self._found.values() if self._main_tag else list(self._found.values())[1:])


class _Kept(common.Receiver):
    def __init__(self) -> None:
        self.values: list[Any] = []

    def receive(self, windowed_value: WindowedValue) -> None:
        self.values.append(windowed_value.value)


def _of_each(step: core.ParDo, given: Values, tags: Sequence[str] = ()) -> dict[str | None, list[Any]]:
    """What a DoFn makes of all values, by tag; `None` is the main output."""
    receivers: dict[str | None, _Kept] = {tag: _Kept() for tag in (None, *tags)}
    views = [_view(side_input) for side_input in step.side_inputs]
    runner = common.DoFnRunner(step.fn, step.args, step.kwargs, views, _WINDOWING, tagged_receivers=receivers)
    runner.setup()
    try:
        runner.start()
        for value in given.values:
            runner.process(window.GlobalWindows.windowed_value(value))
        runner.finish()
    finally:
        runner.teardown()
    return {tag: receiver.values for tag, receiver in receivers.items()}


def _view(side_input: pvalue.AsSideInput) -> sideinputs.SideInputMap:
    values = [window.GlobalWindows.windowed_value(value) for value in side_input.pvalue.values]
    return sideinputs.SideInputMap(type(side_input), side_input._view_options(), values)


def _par_do(step: core.ParDo, given: Values) -> list[Any]:
    return _of_each(step, given)[None]


def _multi_par_do(step: core._MultiParDo, given: Values) -> _Outputs:
    by_tag = _of_each(step._do_transform, given, step._tags)
    return _Outputs(given.pipeline, step._main_tag, by_tag)


def _create(step: core.Create, _: Any) -> list[Any]:
    return list(step.values)


def _impulse(_: core.Impulse, __: Any) -> list[Any]:
    return [b""]


def _same(_: Any, given: Values) -> Values:
    return given


def _flatten(_: core.Flatten, given: Iterable[Values]) -> list[Any]:
    return [value for one in given for value in one.values]


def _read(step: iobase.Read, _: Any) -> Any:
    if not isinstance(step.source, iobase.BoundedSource):
        return NotImplemented
    found: list[Any] = []
    for part in step.source.split(1 << 62):
        found += part.source.read(part.source.get_range_tracker(part.start_position, part.stop_position))
    return found


def _by_key(given: Values) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for key, value in given.values:
        found.setdefault(key, []).append(value)
    return found


def _group_by_key(_: core.GroupByKey, given: Values) -> list[Any]:
    return list(_by_key(given).items())


def _combined(function: core.CombineFn, step: Any, groups: Iterable[Iterable[Any]]) -> Iterator[Any]:
    args, kwargs = getattr(step, "args", ()), getattr(step, "kwargs", {})
    function.setup(*args, **kwargs)
    try:
        for values in groups:
            yield function.apply(values, *args, **kwargs)
    finally:
        function.teardown(*args, **kwargs)


def _combine_per_key(step: core.CombinePerKey, given: Values) -> Any:
    if step.side_inputs:
        return NotImplemented
    groups = _by_key(given)
    return list(zip(groups, _combined(step.fn, step, groups.values()), strict=True))


def _combine_with_fanout(step: core._CombinePerKeyWithHotKeyFanout, given: Values) -> list[Any]:
    groups = _by_key(given)
    return list(zip(groups, _combined(step._combine_fn, None, groups.values()), strict=True))


def _combine_globally(step: core.CombineGlobally, given: Values) -> Any:
    if step.as_view or not (step.has_defaults or given.values):
        return NotImplemented
    function = core.CombineFn.maybe_from_callable(step.fn, has_side_inputs=step.args or step.kwargs)
    return list(_combined(function, step, [given.values]))


_PRIMITIVES: dict[type, Callable[[Any, Any], Any]] = {
    # A ParDo, too.
    core.WindowInto: _same,
    core.ParDo: _par_do,
    core._MultiParDo: _multi_par_do,
    core.Create: _create,
    core.Impulse: _impulse,
    Reshuffle: _same,
    core.Flatten: _flatten,
    iobase.Read: _read,
    core.GroupByKey: _group_by_key,
    core.CombinePerKey: _combine_per_key,
    core._CombinePerKeyWithHotKeyFanout: _combine_with_fanout,
    core.CombineGlobally: _combine_globally,
}
