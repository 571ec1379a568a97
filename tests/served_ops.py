"""What ops a pushed model is made of."""

from __future__ import annotations

from pathlib import Path

from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

ALLOWED = frozenset(
    """
    AddN AddV2 All Any ArgMax Assert BatchMatMulV2 BiasAdd Bitcast BitwiseAnd BitwiseOr BroadcastTo Cast ConcatV2
    Const Cumsum DecodeRaw DenseBincount DynamicStitch EnsureShape Equal Erf ExpandDims Fill FloorDiv FloorMod
    GatherNd GatherV2 Greater GreaterEqual Identity IdentityN If LeftShift Less LessEqual LogicalAnd LogicalNot
    LogicalOr LowerBound MatMul Max Maximum Mean Minimum Mul Neg NoOp NotEqual Pack Pad PadV2 ParseExampleV2
    PartitionedCall PlaceholderWithDefault Prod RaggedGather RaggedRange RaggedTensorToSparse RaggedTensorToTensor
    Range ReadVariableOp RealDiv ReduceJoin Reshape ResourceGather RightShift Rsqrt Select SelectV2 Shape Sigmoid
    Size Softmax SparseToDense Split SplitV Square Squeeze StatefulPartitionedCall StatelessIf StatelessWhile
    StaticRegexFullMatch StaticRegexReplace StridedSlice StringJoin StringLength StringSplitV2 Sub Sum Tanh
    TensorListConcatV2 TensorListLength TensorListReserve TensorListSetItem TensorScatterUpdate Tile TopKV2
    Transpose UnicodeDecode UnicodeDecodeWithOffsets UnicodeEncode Unpack UnsortedSegmentJoin UnsortedSegmentMax
    UnsortedSegmentMin UnsortedSegmentSum UpperBound Where While ZerosLike
    """.split()  # noqa: SIM905
)
"""What models of all tasks are made of: ops that TensorFlow 2.14.1 has, too, and none that reads a file or the net."""


def reachable_ops(model: Path) -> set[str]:
    """The kinds of ops that a SavedModel's signatures can come to: of their functions, and of those they call."""
    graph = SavedModel.FromString((model / "saved_model.pb").read_bytes()).meta_graphs[0]
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    found: set[str] = set()
    # The nodes outside functions call those of the signatures; the function that restores variables is not theirs.
    called = [node for node in graph.graph_def.node if "PartitionedCall" in node.op or node.op == "NoOp"]
    signatures = {tensor.name.split(":")[0] for one in graph.signature_def.values() for tensor in one.outputs.values()}
    nodes = [node for node in called if node.name in signatures]
    seen: set[str] = set()
    while nodes:
        node = nodes.pop()
        if node.op in functions:
            names = {node.op}
        else:
            found.add(node.op)
            values = node.attr.values()
            names = {value.func.name for value in values} | {f.name for value in values for f in value.list.func}
        for name in (names - {""}) - seen:
            seen.add(name)
            nodes.extend(functions[name].node_def)
    return found
