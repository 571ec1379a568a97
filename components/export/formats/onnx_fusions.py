"""Layer normalisation, GELU and attention as one node each, which ONNX Runtime has kernels for: a graph's usual parts.

tf2onnx writes what TensorFlow's ops are; ONNX Runtime finds these parts by itself in PyTorch's graphs, and not in ours.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

MICROSOFT = "com.microsoft"
"""The operators that are ONNX Runtime's own."""

_FLAT = 2


class Graph:
    """A graph that is rewritten.

    Args:
        model: an onnx.ModelProto, which is changed.
    """

    def __init__(self, model: Any) -> None:
        from onnx import numpy_helper

        self.graph = model.graph
        self.constants = {one.name: numpy_helper.to_array(one) for one in self.graph.initializer}
        for node in self.graph.node:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        self._numbers = itertools.count()
        self._look()

    def _look(self) -> None:
        self.maker = {output: node for node in self.graph.node for output in node.output}
        self._readers: dict[str, list[Any]] = defaultdict(list)
        for node in self.graph.node:
            for name in node.input:
                self._readers[name].append(node)

    def of_kind(self, kind: str) -> list[Any]:
        """The nodes of an operator."""
        return [node for node in self.graph.node if node.op_type == kind]

    def made_by(self, name: str, kind: str) -> Any:
        """The node that gives a value, if it is of this operator."""
        node = self.maker.get(name)
        return node if node is not None and node.op_type == kind else None

    def reader(self, name: str, kind: str) -> Any:
        """The only node that takes a value, if it is of this operator."""
        nodes = self._readers[name]
        return nodes[0] if len(nodes) == 1 and nodes[0].op_type == kind else None

    def other(self, node: Any, name: str) -> str:
        """The input of a node of two inputs beside one of them."""
        return str(node.input[1] if node.input[0] == name else node.input[0])

    def constant(self, name: str, value: float) -> bool:
        """Whether a value is this number."""
        found = self.constants.get(name)
        return found is not None and found.size == 1 and bool(np.isclose(float(found.reshape(-1)[0]), value, rtol=1e-6))

    def add_constant(self, value: np.ndarray) -> str:
        """A new constant's name."""
        from onnx import numpy_helper

        name = f"fused_constant_{next(self._numbers)}"
        self.graph.initializer.append(numpy_helper.from_array(value, name))
        self.constants[name] = value
        return name

    def replace(self, last: Any, made: list[Any]) -> None:
        """Puts nodes in the place of one, whose outputs the last of them gives; what nothing reads any more stays."""
        place = list(self.graph.node).index(last)
        self.graph.node.remove(last)
        for number, node in enumerate(made):
            self.graph.node.insert(place + number, node)
        self._look()

    def prune(self) -> None:
        """Removes nodes and constants whose outputs nothing reads."""
        wanted = {output.name for output in self.graph.output}
        kept = []
        for node in reversed(self.graph.node):
            if wanted & set(node.output):
                wanted |= set(node.input)
                kept.append(node)
        nodes, constants = list(reversed(kept)), [one for one in self.graph.initializer if one.name in wanted]
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(nodes)
        self.graph.initializer.extend(constants)


def fuse(model: Any, for_ranges: bool = False) -> None:
    """Rewrites a model in place; a part that looks otherwise stays as it is.

    Args:
        model: an onnx.ModelProto.
        for_ranges: as the quantiser for fixed ranges needs it, which knows no node of attention, with a product in it,
            and no type that it is not told: attention stays in parts, and each product with its bias is one node, for
            ONNX Runtime would make one of them that is not of 8 bits.
    """
    from onnx import TensorProto, helper, shape_inference

    graph = Graph(model)
    if for_ranges:
        known = shape_inference.infer_shapes(model).graph.value_info
        flat = {one.name for one in known if len(one.type.tensor_type.shape.dim) == _FLAT}
        for node in graph.of_kind("MatMul"):
            _gemm(graph, node, flat)
    for node in graph.of_kind("Erf"):
        _gelu(graph, node)
    for node in graph.of_kind("Reciprocal"):
        _layer_norm(graph, node)
    for node in [] if for_ranges else graph.of_kind("Softmax"):
        _attention(graph, node)
    graph.prune()
    own = [name for node in graph.graph.node if node.domain == MICROSOFT for name in node.output]
    if for_ranges:
        graph.graph.value_info.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in own)
    domains = {one.domain for one in model.opset_import}
    if MICROSOFT not in domains:
        model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))


def _gemm(graph: Graph, product: Any, flat: set[str]) -> None:
    """rows . weight + bias, of what is flat: of rank 2."""
    from onnx import helper

    rows, weight = product.input
    plus = graph.reader(product.output[0], "Add")
    if plus is None or rows not in flat or weight not in graph.constants or graph.constants[weight].ndim != _FLAT:
        return
    bias = graph.constants.get(graph.other(plus, product.output[0]))
    if bias is not None and bias.size == graph.constants[weight].shape[1]:
        inputs = [rows, weight, graph.add_constant(bias.reshape(-1))]
        graph.replace(plus, [helper.make_node("Gemm", inputs, list(plus.output), plus.output[0])])


def _gelu(graph: Graph, erf: Any) -> None:
    """x * (0.5 * (1 + erf(x / sqrt(2))))."""
    from onnx import helper

    scaled = graph.made_by(erf.input[0], "Mul")
    plus = graph.reader(erf.output[0], "Add")
    half = plus and graph.reader(plus.output[0], "Mul")
    if scaled is None or plus is None or half is None:
        return
    x = next((name for name in scaled.input if name not in graph.constants), None)
    last = graph.reader(half.output[0], "Mul")
    is_gelu = (
        x is not None
        and last is not None
        and graph.constant(graph.other(scaled, x), 0.5**0.5)
        and graph.constant(graph.other(plus, erf.output[0]), 1)
        and graph.constant(graph.other(half, plus.output[0]), 0.5)
        and graph.other(last, half.output[0]) == x
    )
    if is_gelu:
        graph.replace(last, [helper.make_node("Gelu", [x], list(last.output), domain=MICROSOFT)])


def _layer_norm(graph: Graph, reciprocal: Any) -> None:
    """(x - mean) * (1 / sqrt(variance + epsilon)) * gamma + beta, the mean over the last axis."""
    from onnx import helper

    root = graph.made_by(reciprocal.input[0], "Sqrt")
    plus = root and graph.made_by(root.input[0], "Add")
    epsilon = next((name for name in plus.input if name in graph.constants), None) if plus is not None else None
    variance = plus is not None and epsilon and graph.made_by(graph.other(plus, epsilon), "ReduceMean")
    squared = variance and graph.made_by(variance.input[0], "Mul")
    if not squared or squared.input[0] != squared.input[1]:
        return
    centred = graph.made_by(squared.input[0], "Sub")
    mean = centred is not None and graph.made_by(centred.input[1], "ReduceMean")
    if not mean or mean.input[0] != centred.input[0] or graph.constants[epsilon].size != 1:
        return
    made = list(_scaled(graph, reciprocal, centred.output[0]))
    if len(made) == 2:
        (gamma, _), (beta, last) = made
        inputs = [centred.input[0], gamma, beta]
        value = float(graph.constants[epsilon].reshape(-1)[0])
        node = helper.make_node("LayerNormalization", inputs, list(last.output), axis=-1, epsilon=value)
        graph.replace(last, [node])


def _scaled(graph: Graph, reciprocal: Any, centred: str) -> Iterator[tuple[str, Any]]:
    """The scale and the offset of a normalisation, each with the node that it goes into."""
    factors, name, scale = [], reciprocal.output[0], None
    for _ in range(2):
        if (scale := graph.reader(name, "Mul")) is None:
            return
        factors.append(graph.other(scale, name))
        name = scale.output[0]
    # In whichever order: TensorFlow's own optimiser changes it.
    gamma = next((factor for factor in factors if factor in graph.constants), None)
    if gamma is None or centred not in factors:
        return
    yield gamma, scale
    shift = graph.reader(name, "Add")
    if shift is not None and (beta := graph.other(shift, name)) in graph.constants:
        yield beta, shift


class _Heads(NamedTuple):
    """Where queries, keys and values come from, which one product of the rows gives."""

    rows: str
    """[batch * length, hidden]."""
    weight: str
    """[hidden, 3 * hidden]."""
    bias: str
    shape: str
    """int64[5], `batch, length, 3, heads, width`."""


def _attention(graph: Graph, softmax: Any) -> None:
    """softmax(q / sqrt(width) . k + mask) . v, the three of one product of the rows, in several heads."""
    from onnx import helper

    plus = graph.made_by(softmax.input[0], "Add")
    scores: Any = plus and next((found for name in plus.input if (found := graph.made_by(name, "MatMul"))), None)
    query = scores and graph.made_by(scores.input[0], "Mul")
    key = scores and graph.made_by(scores.input[1], "Transpose")
    mixed = graph.reader(softmax.output[0], "MatMul")
    merged = mixed and graph.reader(mixed.output[0], "Transpose")
    last = merged and graph.reader(merged.output[0], "Reshape")
    if not (query and key and last):
        return
    scale = next((name for name in query.input if name in graph.constants), "")
    parts = (graph.other(query, scale), key.input[0], mixed.input[1])
    heads = _heads(graph, [graph.made_by(part, "Squeeze") for part in parts]) if scale else None
    if heads is None or list(merged.attribute[0].ints) != [0, 2, 1, 3]:
        return
    hidden = graph.constants[heads.weight].shape[0]
    width = round(float(graph.constants[scale].reshape(-1)[0]) ** -2)
    if width < 1 or hidden % width or not graph.constant(scale, width**-0.5):
        return
    mask = graph.other(plus, scores.output[0])
    names = [f"{last.output[0]}/{name}" for name in ("two", "three", "states", "seen", "bits", "mask", "mixed")]
    two, three, states, seen, bits, flat, out = names
    first, second = (graph.add_constant(np.array([place], np.int64)) for place in (0, 2))
    inner, axes = (graph.add_constant(np.array(value, np.int64)) for value in ([hidden], [1, 2]))
    # What is added to the scores of padding is far below, of tokens 0.
    bound = graph.add_constant(np.array(-1, np.float32))
    attention = {"num_heads": hidden // width, "mask_filter_value": -1e9, "domain": MICROSOFT}
    made = [
        helper.make_node("Slice", [heads.shape, first, second], [two]),
        helper.make_node("Concat", [two, inner], [three], axis=0),
        helper.make_node("Reshape", [heads.rows, three], [states]),
        helper.make_node("Greater", [mask, bound], [seen]),
        helper.make_node("Cast", [seen], [bits], to=6),
        helper.make_node("Squeeze", [bits, axes], [flat]),
        helper.make_node("Attention", [states, heads.weight, heads.bias, flat], [out], **attention),
        helper.make_node("Reshape", [out, last.input[1]], list(last.output)),
    ]
    graph.replace(last, made)


def _heads(graph: Graph, squeezed: list[Any]) -> _Heads | None:
    """Of the queries, keys and values."""
    split = squeezed[0] and graph.made_by(squeezed[0].input[0], "Split")
    if not split or [one and one.input[0] for one in squeezed] != list(split.output):
        return None
    turned = graph.made_by(split.input[0], "Transpose")
    parted = turned and graph.made_by(turned.input[0], "Reshape")
    plus = parted and graph.made_by(parted.input[0], "Add")
    product = plus and next((found for name in plus.input if (found := graph.made_by(name, "MatMul"))), None)
    if not product or list(turned.attribute[0].ints) != [2, 0, 3, 1, 4]:
        return None
    weight, bias = product.input[1], graph.other(plus, product.output[0])
    if weight not in graph.constants or bias not in graph.constants:
        return None
    return _Heads(product.input[0], weight, bias, parted.input[1])
