"""The ops that a pushed model is made of: a SavedModel is a program, and one of other ops is refused before loading."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from components.common.errors import InputError
from components.export import older_ops

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

_TAKEN = ALLOWED | frozenset(
    """
    BatchMatMulV3 Einsum Erfc Exp FusedBatchNormV3 Log Log1p LogSoftmax Pow RegexFullMatch RegexReplace Relu Softplus
    Sqrt SquaredDifference StringLower StringStrip Substr
    """.split()  # noqa: SIM905
)
"""With what models hold that were pushed before, or trained on another device: of values alone, too."""

_OUTSIDE = frozenset({"AssignVariableOp", "Placeholder", "VarHandleOp", "VarIsInitializedOp"})
"""Besides, in the graph around the functions: where variables are made."""

_RESTORES = frozenset({"AssignVariableOp", "Const", "Identity", "NoOp", "RestoreV2"})
"""Of the function by which a server reads the variables."""

_SAVES = (
    frozenset({"DisableCopyOnRead", "MergeV2Checkpoints", "Pack", "ReadVariableOp", "SaveV2", "ShardedFilename"})
    | frozenset({"Select", "StaticRegexFullMatch", "StringJoin"})
    | _RESTORES - {"RestoreV2", "AssignVariableOp"}
)
"""Of the function that would write them, which nothing calls."""

_KINDS = ("user_object", "variable", "function", "bare_concrete_function", "constant")
"""Of the objects in a model of ours: no resources and assets, whose functions run while a model is loaded."""

_OBJECTS = ("_generic_user_object", "signature_map")


def reachable_ops(model: Path) -> set[str]:
    """The kinds of ops that a SavedModel's functions can come to, but for the two that read and write its variables.

    Raises:
        InputError: it is damaged, or holds what no model of ours does.
    """
    return _Graph(model).reachable()


def check(model: Path) -> None:
    """Refuses a SavedModel that can come to an op that no pushed model is made of; registers what older ones need.

    What loading runs by itself counts, too. Nothing of the model has run yet.

    Raises:
        InputError: it can, it is damaged, or it needs TensorFlow Text, which is not installed.
        OSError: no SavedModel.
    """
    graph = _Graph(model)
    names = graph.every() & {older_ops.WORDPIECE}
    if names and not older_ops.register():
        problem = "the model was pushed before and holds an op of TensorFlow Text, which is not installed"
        remedy = "Install tensorflow-text of TensorFlow's version beside it, or train and push again"
        raise InputError(str(model), problem, remedy)
    if others := sorted(graph.reachable() - _TAKEN - names):
        listed = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        raise graph.refused(f"it can come to {listed}, which no model that this pipeline pushes does")


class _Graph:
    """A SavedModel's one graph, read and not loaded."""

    def __init__(self, model: Path) -> None:
        self._model = model
        try:
            saved = SavedModel.FromString((model / "saved_model.pb").read_bytes())
        except DecodeError as error:
            raise self._not_ours(f"saved_model.pb is damaged: {error}") from None
        if len(saved.meta_graphs) != 1 or not saved.meta_graphs[0].object_graph_def.nodes:
            # TensorFlow would take another for one of its first version, and run what that says on loading.
            raise self._not_ours("saved_model.pb has no graph of objects")
        self._graph: MetaGraphDef = saved.meta_graphs[0]
        self._functions = {function.signature.name: function for function in self._graph.graph_def.library.function}
        self._check_objects()

    def refused(self, problem: str) -> InputError:
        remedy = "A SavedModel is a program: whoever trusts its maker may load it, without this pipeline"
        return InputError(str(self._model), problem, remedy)

    def _not_ours(self, problem: str) -> InputError:
        problem = f"not a model this pipeline pushed ({problem})"
        return InputError(str(self._model), problem, "Give the path a run printed at its end")

    def every(self) -> set[str]:
        """The kinds of ops of all functions: TensorFlow has to know them to load the model."""
        return {node.op for function in self._functions.values() for node in function.node_def}

    def reachable(self) -> set[str]:
        """The kinds of ops of what is run on loading, by a server too, or by whoever has the model."""
        saver = self._check_saver()
        outside = [node for node in self._graph.graph_def.node if node.name not in saver]
        objects = self._graph.object_graph_def
        names = set(objects.concrete_functions)
        names |= {name for node in objects.nodes for name in node.function.concrete_functions}
        names |= {node.bare_concrete_function.concrete_function_name for node in objects.nodes}
        return ({node.op for node in outside} - _OUTSIDE - set(self._functions)) | self._of(
            names.union(*(_called(node) for node in outside))
        )

    def _of(self, names: Iterable[str]) -> set[str]:
        """The kinds of ops of functions, and of those that they call."""
        found: set[str] = set()
        waiting, seen = set(names) - {""}, set[str]()
        while waiting:
            name = waiting.pop()
            seen.add(name)
            if name not in self._functions:
                raise self.refused(f"it calls {name[:60]}, a function that is not in it")
            for node in self._functions[name].node_def:
                if node.op not in self._functions:
                    found.add(node.op)
                waiting |= ({node.op} & set(self._functions) | _called(node)) - seen
        return found

    def _check_objects(self) -> None:
        for node in self._graph.object_graph_def.nodes:
            kind = node.WhichOneof("kind")
            known = kind in _KINDS and not node.registered_name and not node.registered_saver
            if kind == "user_object":
                identifier = node.user_object.identifier
                known = known and (identifier in _OBJECTS or identifier.startswith("trackable_"))
            # Of a variable and of what holds some, TensorFlow knows without a function how they are restored.
            if not known or node.saveable_objects:
                name = node.registered_name or node.registered_saver or kind or "an object of no kind"
                raise self.refused(f"it holds {name}, which may run on loading, and which no model of ours holds")

    def _check_saver(self) -> set[str]:
        """Names of the nodes that call the two functions for variables, which are as TensorFlow writes them."""
        saver = self._graph.saver_def
        names = {saver.save_tensor_name.split(":")[0]: _SAVES, saver.restore_op_name: _RESTORES}
        for node in self._graph.graph_def.node:
            for name in _called(node) if node.name in names else ():
                function = self._functions.get(name)
                allowed = names[node.name]
                if function is None or {inner.op for inner in function.node_def} - allowed:
                    raise self.refused(f"what restores its variables does more than that ({name[:60]})")
                prefix = function.signature.input_arg[0].name if function.signature.input_arg else ""
                if any(inner.op == "RestoreV2" and inner.input[:1] != [prefix] for inner in function.node_def):
                    raise self.refused("what restores its variables reads another file than theirs")
        return {node.name for node in self._graph.graph_def.node if node.name in names and "Call" in node.op}


def _called(node: Any) -> set[str]:
    """Names of the functions among a node's attributes."""
    values = node.attr.values()
    return ({value.func.name for value in values} | {f.name for value in values for f in value.list.func}) - {""}
