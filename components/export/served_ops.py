"""The ops that a pushed model is made of: a SavedModel is a program, and one of other ops is refused before loading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from components.common.errors import InputError
from components.export import older_ops

ALLOWED = frozenset(
    """
    AddN AddV2 All Any ArgMax AsString Assert BatchMatMulV2 BiasAdd Bitcast BitwiseAnd BitwiseOr BroadcastTo Cast
    ConcatV2 Const Cumsum DecodeRaw DenseBincount DynamicStitch EnsureShape Equal Erf ExpandDims Fill FloorDiv
    FloorMod GatherNd GatherV2 Greater GreaterEqual Identity IdentityN If LeftShift Less LessEqual LogSoftmax
    LogicalAnd LogicalNot LogicalOr LowerBound MatMul Max Maximum Mean Minimum Mul Neg NoOp NotEqual OnesLike Pack
    Pad PadV2 ParseExampleV2 PartitionedCall PlaceholderWithDefault Pow Prod RaggedGather RaggedRange
    RaggedTensorToSparse RaggedTensorToTensor Range ReadVariableOp RealDiv ReduceJoin Reshape ResourceGather
    RightShift Rsqrt Select SelectV2 Shape Sigmoid Size Softmax SparseSoftmaxCrossEntropyWithLogits SparseToDense
    Split SplitV Square Squeeze StatefulPartitionedCall StatelessIf StatelessWhile StaticRegexFullMatch
    StaticRegexReplace StridedSlice StringJoin StringLength StringSplitV2 StringToHashBucketStrong StringToNumber
    Sub Sum Tanh TensorListConcatV2 TensorListLength TensorListReserve TensorListSetItem TensorScatterUpdate Tile
    TopKV2 Transpose UnicodeDecode UnicodeDecodeWithOffsets UnicodeEncode Unpack UnsortedSegmentJoin
    UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentSum UpperBound Where While ZerosLike
    """.split()  # noqa: SIM905
)
"""What models of all tasks are made of: ops that TensorFlow 2.14.1 has, too, and none that reads a file or the net."""

_TAKEN = ALLOWED | frozenset(
    """
    BatchMatMulV3 Einsum Erfc Exp FusedBatchNormV3 Log Log1p RegexFullMatch RegexReplace Relu Softplus
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

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
"""Ops that run a function as it is, on this machine."""

_FUNCTION_ATTRIBUTES = frozenset({"_construction_context", "_input_shapes"})
"""That say nothing of how a function runs: by others, Grappler takes another function in its place."""

_KINDS = ("user_object", "variable", "function", "bare_concrete_function", "constant")
"""Of the objects in a model of ours: no resources and assets, whose functions run while a model is loaded."""

_OBJECTS = ("_generic_user_object", "signature_map")


def check(model: Path) -> None:
    """Refuses a SavedModel that holds an op that no pushed model is made of; registers what older ones need.

    The ops of all its functions count, also of those that nothing names: TensorFlow may run one in another's place. So
    does what loading runs by itself, in a model server too. Nothing of the model has run yet.

    Raises:
        InputError: it does, it is damaged, or it needs TensorFlow Text, which is not installed.
        OSError: no SavedModel.
    """
    graph = _Graph(model)
    ops = graph.ops()
    names = ops & {older_ops.WORDPIECE}
    if names and not older_ops.register():
        problem = "the model was pushed before and holds an op of TensorFlow Text, which is not installed"
        remedy = "Install tensorflow-text of TensorFlow's version beside it, or train and push again"
        raise InputError(str(model), problem, remedy)
    if others := sorted(ops - _TAKEN - names):
        listed = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        raise graph.refused(f"it can come to {listed}, which no model that this pipeline pushes does")


def names_in(model: Path) -> list[tuple[str, ...]]:
    """The lists of texts that a SavedModel's functions hold as constants: a tagger's types of entities are among them.

    Errors as `check`, which is to go before.
    """
    constants = (node.attr["value"].tensor for node in _Graph(model).nodes() if node.op == "Const")
    lists = (one for one in constants if one.dtype == types_pb2.DT_STRING and len(one.tensor_shape.dim) == 1)
    return [tuple(text.decode(errors="replace") for text in one.string_val) for one in lists]


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
        functions = self._graph.graph_def.library.function
        self._functions = {function.signature.name: function for function in functions}
        if len(self._functions) < len(functions):
            raise self.refused("it has two functions of one name")
        self._check_objects()
        self._check_functions()

    def refused(self, problem: str) -> InputError:
        remedy = "A SavedModel is a program: whoever trusts its maker may load it, without this pipeline"
        return InputError(str(self._model), problem, remedy)

    def _not_ours(self, problem: str) -> InputError:
        problem = f"not a model this pipeline pushed ({problem})"
        return InputError(str(self._model), problem, "Give the path a run printed at its end")

    def ops(self) -> set[str]:
        """The kinds of ops that it holds, but for those that read and write its variables where they belong."""
        nodes, functions = self._check_saver()
        outside = {node.op for node in self._graph.graph_def.node if node.name not in nodes} - _OUTSIDE
        of_functions = (function for name, function in self._functions.items() if name not in functions)
        return outside.union(*({node.op for node in function.node_def} for function in of_functions))

    def _check_functions(self) -> None:
        for name, function in self._functions.items():
            if others := set(function.attr) - _FUNCTION_ATTRIBUTES:
                raise self.refused(
                    f"its function {name[:60]} has the attribute {min(others)[:60]}, which none of ours has"
                )
        for node in self.nodes():
            for value in node.attr.values():
                # A function whose own attributes say which other one it calls.
                if value.placeholder or any(one.attr for one in (value.func, *value.list.func)):
                    raise self.refused(
                        f"its node {node.name[:60]} has a function for a parameter, which none of ours has"
                    )
            for name in _called(node) - set(self._functions):
                raise self.refused(f"it calls {name[:60]}, a function that is not in it")

    def nodes(self) -> Iterator[Any]:
        """Of the graph and of its functions."""
        yield from self._graph.graph_def.node
        for function in self._functions.values():
            yield from function.node_def

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

    def _check_saver(self) -> tuple[set[str], set[str]]:
        """Names of the nodes that call the functions for variables, and of these: they are as TensorFlow writes them.

        Each reads the place of the variables from where TensorFlow puts it, and nothing else runs them.
        """
        saver, graph = self._graph.saver_def, self._graph.graph_def
        allowed = {_node_name(saver.save_tensor_name): _SAVES, saver.restore_op_name: _RESTORES}
        place = _node_name(saver.filename_tensor_name)
        nodes = [node for node in graph.node if node.name in allowed and node.op in _CALLS]
        used = {_node_name(name) for node in graph.node for name in node.input} | self._run_by_name()
        for node in nodes:
            if node.name in used:
                raise self.refused(f"something else runs {node.name[:60]}, which reads or writes its variables")
            if not any(other.name == place and other.op == "Placeholder" for other in graph.node) or not (
                node.input and _node_name(node.input[0]) == place
            ):
                raise self.refused("what restores its variables reads another file than theirs")
            for name in _called(node):
                self._check_saver_function(name, allowed[node.name])
        # How often all nodes and objects name each function: one that is called from elsewhere too is like any other.
        named = Counter(name for node in self.nodes() for name in (node.op, *_called(node)))
        objects = self._graph.object_graph_def
        named.update(list(objects.concrete_functions))
        named.update(name for node in objects.nodes for name in node.function.concrete_functions)
        named.update(node.bare_concrete_function.concrete_function_name for node in objects.nodes)
        functions = {name for node in nodes for name in _called(node) if named[name] == 1}
        return {node.name for node in nodes}, functions

    def _run_by_name(self) -> set[str]:
        """Names of the nodes that signatures and collections name: what a server runs on loading is among them."""
        listed = (name for one in self._graph.collection_def.values() for name in one.node_list.value)
        signatures = self._graph.signature_def.values()
        tensors = [info for one in signatures for infos in (one.inputs, one.outputs) for info in infos.values()]
        tensors += [part for info in tensors for part in info.composite_tensor.components]
        sparse = [info.coo_sparse for info in tensors]
        names = [one.name for one in tensors] + [
            name
            for one in sparse
            for name in (one.values_tensor_name, one.indices_tensor_name, one.dense_shape_tensor_name)
        ]
        return {_node_name(name) for name in (*listed, *names)}

    def _check_saver_function(self, name: str, allowed: frozenset[str]) -> None:
        function = self._functions[name]
        if {inner.op for inner in function.node_def} - allowed:
            raise self.refused(f"what restores its variables does more than that ({name[:60]})")
        prefix = function.signature.input_arg[0].name if function.signature.input_arg else ""
        if any(inner.op == "RestoreV2" and inner.input[:1] != [prefix] for inner in function.node_def):
            raise self.refused("what restores its variables reads another file than theirs")


def _node_name(tensor: str) -> str:
    """Of a tensor, or of a control input."""
    return tensor.removeprefix("^").split(":")[0]


def _called(node: Any) -> set[str]:
    """Names of the functions among a node's attributes."""
    values = node.attr.values()
    return ({value.func.name for value in values} | {f.name for value in values for f in value.list.func}) - {""}
