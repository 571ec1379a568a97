"""A pushed model as ONNX: its own graph, from token ids on, converted by tf2onnx and quantised by ONNX Runtime."""

from __future__ import annotations

import contextlib
import gc
import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.common import cpu
from components.export import signature_names
from components.export.card import ASSETS
from components.export.formats import onnx_fusions, tokenizer
from components.export.formats.parity import Predict, Reference, Texts
from components.export.formats.pushed import Pushed
from components.tokenization import joins

MODEL = "model.onnx"

_OPSET = 17

VECTOR = "vector"
"""The output with the vectors of texts."""


def write(model: Pushed, directory: Path, reference: Reference, precision: str, rows: Sequence[Texts]) -> None:
    """Writes model.onnx, and beside it the tokenizer's files.

    The graph: `token_ids` int32[n, length], padded behind [SEP] -> the task's predictions, by the name that
    `Task.prediction_key` gives them, and where a row has one text `vector` float32[n, hidden], of length 1.

    Args:
        model: the version.
        directory: where to.
        reference: the version, loaded.
        precision: `float32`, or `int8`: weights of products by channel, their inputs as they come (dynamic), or
            `int8-static`: their inputs by the ranges that they have on rows of dev.
        rows: texts of dev, which only the last one needs.

    Raises:
        InputError: as `tokenizer.write`.
    """
    import onnx

    tokenizer.write(model, directory)
    if model.task.per_token:
        shutil.copy(model.path / ASSETS / joins.FILE, directory / ASSETS / joins.FILE)
    is_static = precision == "int8-static"
    graph = _converted(model, reference, for_ranges=is_static)
    if precision == "float32":
        onnx.save(graph, directory / MODEL)
        return
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        place = Path(scratch, MODEL)
        onnx.save(graph, place)
        if is_static:
            _quantize_static(place, directory / MODEL, reference, rows)
        else:
            _quantize_dynamic(place, directory / MODEL)


def _quantize_dynamic(graph: Path, place: Path) -> None:
    """Writes `place`; the range of what a weight is multiplied with is found anew in each call."""
    from onnx import TensorProto
    from onnxruntime.quantization import quantize_dynamic

    # Two inputs that are both computed stay as they are; of ONNX Runtime's own nodes, the type is told.
    more = {"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT}
    kinds = ["MatMul", "Gemm", "Attention"]
    quantize_dynamic(graph, place, op_types_to_quantize=kinds, extra_options=more, **_weights())


def _quantize_static(graph: Path, place: Path, reference: Reference, rows: Sequence[Texts]) -> None:
    """Writes `place`; the range of what a weight is multiplied with is what it was on rows."""
    from onnx import TensorProto
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType, quantize_static

    class Rows(CalibrationDataReader):
        """A row at a time, without padding, whose numbers count for nothing."""

        def __init__(self) -> None:
            self._given = iter({"token_ids": ids[np.newaxis].astype(np.int32)} for ids in reference.token_ids(rows))

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._given, None)

    more = {"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT}
    # What comes out of a product stays float32: a bias follows.
    more["OpTypesToExcludeOutputQuantization"] = ["MatMul", "Gemm"]
    quantize_static(
        graph,
        place,
        Rows(),
        op_types_to_quantize=["MatMul", "Gemm"],
        activation_type=QuantType.QUInt8,
        calibrate_method=CalibrationMethod.MinMax,
        extra_options=more,
        **_weights(),
    )


def _weights() -> dict[str, Any]:
    """How weights are rounded."""
    from onnxruntime.quantization import QuantType

    # Where products of 8 bits are added up in 16, they saturate: 7 bits do not.
    return {"per_channel": True, "reduce_range": not cpu.has_vnni(), "weight_type": QuantType.QInt8}


def _converted(model: Pushed, reference: Reference, for_ranges: bool) -> Any:
    """The graph, as an onnx.ModelProto; the last as `onnx_fusions.fuse` has it."""
    import tf2onnx

    # It tells of each of its passes.
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    signatures, key = reference.loaded.signatures, model.task.prediction_key
    has_vector = signature_names.EMBEDDING_SIGNATURE in signatures and key != VECTOR

    def predict(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        found = {key: signatures[signature_names.TOKEN_SIGNATURE](token_ids=token_ids)[key]}
        if has_vector:
            found[VECTOR] = signatures[signature_names.EMBEDDING_SIGNATURE](token_ids=token_ids)[VECTOR]
        return found

    spec = [tf.TensorSpec([None, None], tf.int32, name="token_ids")]
    function = tf.function(predict, input_signature=spec, autograph=False)
    with _collected():
        graph = tf2onnx.convert.from_function(function, input_signature=spec, opset=_OPSET)[0]
    onnx_fusions.fuse(graph, for_ranges)
    return graph


@contextlib.contextmanager
def _collected() -> Iterator[None]:
    """Has what each pass of tf2onnx leaves removed at once: copies of the graph with its weights, that hold each other.

    For the sample weights, 91 MB, the most memory of a process is 3.7 GB instead of 8.0.
    """
    from tf2onnx.optimizer.optimizer_base import GraphOptimizerBase

    before = GraphOptimizerBase.optimize

    def optimize(self: Any, graph: Any, iteration: int) -> Any:
        found = before(self, graph, iteration)
        gc.collect()
        return found

    GraphOptimizerBase.optimize = optimize
    # What is there already is not looked through each time: of TensorFlow and transformers alone it is ten seconds.
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        GraphOptimizerBase.optimize = before


class Session:
    """model.onnx in ONNX Runtime.

    Args:
        directory: with the file.
        threads: that a call computes by; 0: as many as there are cores.
    """

    def __init__(self, directory: Path, threads: int = 0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Errors are raised; what else it has to say is for its makers.
        options.log_severity_level = 3
        path = str(directory / MODEL)
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._run_options = onnxruntime.RunOptions()
        # An output that is not asked for is not computed.
        self._run_options.only_execute_path_to_fetches = True

    @property
    def outputs(self) -> list[str]:
        """Their names."""
        return [output.name for output in self._session.get_outputs()]

    def run(self, output: str, token_ids: np.ndarray) -> np.ndarray:
        """An output of int32[n, length]."""
        given = {"token_ids": token_ids.astype(np.int32, copy=False)}
        return np.asarray(self._session.run([output], given, self._run_options)[0])


def predict_of(model: Pushed, directory: Path) -> Predict:
    """What `write` wrote, as `parity.measure` takes it."""
    session = Session(directory)
    return lambda token_ids: session.run(model.task.prediction_key, token_ids)
