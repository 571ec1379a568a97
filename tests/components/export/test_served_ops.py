import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from components.common.errors import InputError
from components.export import saved_weights, served_ops
from components.export.card import CARD_FILE, read_card
from tests.conftest import Trained
from tests.saved_models import function_ops


class OfTexts(tf.Module):
    """A model whose one signature does something to its text.

    Args:
        does: string[n] -> string[n].
        holds: what else it has.
    """

    def __init__(self, does: Callable[..., Any], holds: Any = None) -> None:
        super().__init__()
        self.holds, self.weight = holds, tf.Variable(1.0)
        spec = tf.TensorSpec([None], tf.string, name="text")
        self.serve = tf.function(lambda text: {"label": does(text)}, input_signature=[spec], autograph=False)


def save(folder: Path, does: Callable[..., Any], holds: Any = None) -> Path:
    model = OfTexts(does, holds)
    tf.saved_model.save(model, str(folder / "model"), signatures={"serving_default": model.serve})
    return folder / "model"


def changed(model: Path, change: Callable[[Any], object]) -> Path:
    """The same SavedModel with its one graph changed."""
    saved = SavedModel.FromString((model / "saved_model.pb").read_bytes())
    change(saved.meta_graphs[0])
    (model / "saved_model.pb").write_bytes(saved.SerializeToString())
    return model


def refused(model: Path) -> str:
    with pytest.raises(InputError) as caught:
        served_ops.check(model)
    assert caught.value.place == str(model)
    return caught.value.problem


def written(text: tf.Tensor) -> tf.Tensor:
    tf.io.write_file("/nowhere/at/all", text[0])
    return text


def printed(text: tf.Tensor) -> tf.Tensor:
    tf.print(text, output_stream="file:///nowhere/at/all")
    return text


def deep(text: tf.Tensor) -> tf.Tensor:
    """Reads a file within a branch within a loop."""

    def step(count: tf.Tensor, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return count + 1, tf.cond(count > 1, lambda: tf.map_fn(tf.io.read_file, text), lambda: text)

    return tf.while_loop(lambda count, _: count < 3, step, (0, text))[1]


@pytest.mark.parametrize(
    ("does", "op"),
    [
        (lambda text: tf.map_fn(tf.io.read_file, text), "ReadFile"),
        (written, "WriteFile"),
        (deep, "ReadFile"),
        (tf.io.matching_files, "MatchingFiles"),
        (printed, "PrintV2"),
        (lambda text: tf.py_function(lambda given: given, [text], tf.string), "EagerPyFunc"),
        (lambda text: tf.numpy_function(lambda given: given, [text], tf.string), "PyFunc"),
    ],
)
def test_an_op_that_no_pushed_model_has_is_refused_by_name(does: Callable[..., Any], op: str, tmp_path: Path) -> None:
    found = refused(save(tmp_path, does))
    assert found.startswith("it can come to ")
    assert op in found


def test_what_only_touches_values_is_taken(tmp_path: Path) -> None:
    served_ops.check(save(tmp_path, tf.strings.lower))


def test_a_table_is_refused_for_it_is_filled_on_loading(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("good\nbad\n")
    of_file = tf.lookup.TextFileInitializer(
        str(tmp_path / "words"),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    table = tf.lookup.StaticHashTable(of_file, -1)
    model = save(tmp_path, lambda text: tf.strings.as_string(table.lookup(text)), table)
    assert "may run on loading" in refused(model)


def restore_function(graph: Any) -> Any:
    return next(f for f in graph.graph_def.library.function if "traced_restore" in f.signature.name)


def test_what_restores_the_variables_reads_no_other_file(tmp_path: Path) -> None:
    def other_file(graph: Any) -> None:
        nodes = restore_function(graph).node_def
        aside = nodes.add(name="elsewhere", op="Const")
        aside.attr["dtype"].type = tf.string.as_datatype_enum
        aside.attr["value"].tensor.CopyFrom(tf.make_tensor_proto("/etc/secret"))
        next(node for node in nodes if node.op == "RestoreV2").input[0] = "elsewhere:output:0"

    assert "reads another file than theirs" in refused(changed(save(tmp_path, tf.identity), other_file))


def test_what_restores_the_variables_does_nothing_else(tmp_path: Path) -> None:
    def one_more(graph: Any) -> None:
        restore_function(graph).node_def.add(name="more", op="WriteFile")

    assert "does more than that" in refused(changed(save(tmp_path, tf.identity), one_more))


def test_a_signature_does_not_restore_variables_from_a_file_that_a_text_names(tmp_path: Path) -> None:
    def called_by_a_signature(graph: Any) -> None:
        restores = restore_function(graph).signature.name
        serve = next(f for f in graph.graph_def.library.function if "signature_wrapper" in f.signature.name)
        serve.node_def.add(name="more", op="StatefulPartitionedCall", input=["text"]).attr["f"].func.name = restores

    assert "RestoreV2" in refused(changed(save(tmp_path, tf.identity), called_by_a_signature))


def test_a_node_outside_all_functions_is_held_against_the_list_too(tmp_path: Path) -> None:
    def on_loading(graph: Any) -> None:
        graph.graph_def.node.add(name="more", op="WriteFile")

    assert "WriteFile" in refused(changed(save(tmp_path, tf.identity), on_loading))


def test_a_function_that_is_called_and_not_there_is_refused(tmp_path: Path) -> None:
    def calls_nothing(graph: Any) -> None:
        graph.graph_def.node.add(name="more", op="PartitionedCall").attr["f"].func.name = "elsewhere"

    assert "elsewhere, a function that is not in it" in refused(changed(save(tmp_path, tf.identity), calls_nothing))


def serve_function(graph: Any) -> Any:
    return next(f for f in graph.graph_def.library.function if "signature_wrapper" in f.signature.name)


def copy_that_writes(graph: Any) -> Any:
    """A copy of what the signature runs, which writes a file, and which nothing names."""
    copy = graph.graph_def.library.function.add()
    copy.CopyFrom(serve_function(graph))
    copy.signature.name = "copy"
    copy.node_def.add(name="more", op="WriteFile", input=["text", "text"])
    return copy


def test_the_ops_of_a_function_that_nothing_names_count(tmp_path: Path) -> None:
    assert "WriteFile" in refused(changed(save(tmp_path, tf.identity), copy_that_writes))


def test_a_function_that_may_be_taken_in_another_s_place_is_refused(tmp_path: Path) -> None:
    def implements(graph: Any) -> None:
        serve_function(graph).attr["api_implements"].s = b"same"

    assert "has the attribute api_implements" in refused(changed(save(tmp_path, tf.identity), implements))


def test_two_functions_of_one_name_are_refused(tmp_path: Path) -> None:
    def twice(graph: Any) -> None:
        graph.graph_def.library.function.add().CopyFrom(serve_function(graph))

    assert "two functions of one name" in refused(changed(save(tmp_path, tf.identity), twice))


@pytest.mark.parametrize("by", ["a parameter's name", "a parameter", "a parameter in a list"])
def test_a_function_that_is_a_parameter_is_refused(by: str, tmp_path: Path) -> None:
    def parameter(graph: Any) -> None:
        nodes = serve_function(graph).node_def
        called = nodes.add(name="more", op="PartitionedCall").attr["f"]
        if by == "a parameter's name":
            called.placeholder = "g"
            return
        function = called.func if by == "a parameter" else called.list.func.add()
        function.name, function.attr["g"].func.name = serve_function(graph).signature.name, "elsewhere"

    assert "has a function for a parameter" in refused(changed(save(tmp_path, tf.identity), parameter))


def saver_node(graph: Any, of: str) -> Any:
    name = graph.saver_def.save_tensor_name.split(":")[0] if of == "save" else graph.saver_def.restore_op_name
    return next(node for node in graph.graph_def.node if node.name == name)


@pytest.mark.parametrize("of", ["save", "restore"])
def test_what_saves_and_restores_the_variables_gets_their_place_from_the_server(of: str, tmp_path: Path) -> None:
    def elsewhere(graph: Any) -> None:
        aside = graph.graph_def.node.add(name="aside", op="Const")
        aside.attr["dtype"].type = tf.string.as_datatype_enum
        aside.attr["value"].tensor.CopyFrom(tf.make_tensor_proto("/nowhere/at/all"))
        saver_node(graph, of).input[0] = "aside"

    assert "reads another file than theirs" in refused(changed(save(tmp_path, tf.identity), elsewhere))


@pytest.mark.parametrize("by", ["input", "control input", "init op", "collection", "sparse output"])
def test_nothing_runs_what_saves_the_variables(by: str, tmp_path: Path) -> None:
    def runs(graph: Any) -> None:
        name = saver_node(graph, "save").name
        if by == "collection":
            graph.collection_def["saved_model_main_op"].node_list.value[:] = [name]
        elif "input" in by:
            graph.graph_def.node.add(name="more", op="NoOp", input=[f"^{name}" if by == "control input" else name])
        else:
            output = graph.signature_def["__saved_model_init_op"].outputs["__saved_model_init_op"]
            if by == "init op":
                output.name = name
            else:
                output.coo_sparse.values_tensor_name = f"{name}:0"

    assert "which reads or writes its variables" in refused(changed(save(tmp_path, tf.identity), runs))


@pytest.mark.parametrize("op", ["RemoteCall", "TPUPartitionedCall"])
def test_what_restores_the_variables_runs_here_and_as_it_is(op: str, tmp_path: Path) -> None:
    def otherwise(graph: Any) -> None:
        saver_node(graph, "restore").op = op

    assert op in refused(changed(save(tmp_path, tf.identity), otherwise))


@pytest.mark.parametrize(
    "change",
    [
        lambda graph: graph.ClearField("object_graph_def"),
        lambda graph: setattr(graph.object_graph_def.nodes[0], "registered_name", "another.Class"),
        lambda graph: setattr(graph.object_graph_def.nodes[0].user_object, "identifier", "_tf_keras_model"),
        lambda graph: setattr(graph.object_graph_def.nodes[0], "registered_saver", "another.saver"),
    ],
)
def test_objects_of_other_kinds_than_a_pushed_model_s_are_refused(
    change: Callable[[Any], object], tmp_path: Path
) -> None:
    refused(changed(save(tmp_path, tf.identity), change))


def test_a_pushed_model_is_taken_and_its_weights_are_those_of_its_card(tiny_trained: Trained) -> None:
    served_ops.check(tiny_trained.saved_model)
    assert function_ops(tiny_trained.saved_model) <= served_ops.ALLOWED
    assert (
        saved_weights.weights_sha256(tiny_trained.saved_model) == read_card(tiny_trained.saved_model)["weights_sha256"]
    )
    saved_weights.check(tiny_trained.saved_model)


def test_weights_that_are_not_those_of_the_card_are_told_by_both_hashes(tiny_trained: Trained, tmp_path: Path) -> None:
    model = tmp_path / "1"
    shutil.copytree(tiny_trained.saved_model, model)
    known = read_card(model)["weights_sha256"]
    card = model / CARD_FILE
    card.write_text(card.read_text().replace(known, "0" * 64))
    with pytest.raises(InputError) as caught:
        saved_weights.check(model)
    assert caught.value.problem == f"its weights have the sha256 {known}, its card says {'0' * 64}"


def test_weights_that_are_damaged_or_gone_are_told(tiny_trained: Trained, tmp_path: Path) -> None:
    model = tmp_path / "1"
    shutil.copytree(tiny_trained.saved_model, model)
    (data,) = (model / "variables").glob("*.data-*")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    with pytest.raises(InputError, match="its weights"):
        saved_weights.check(model)
    shutil.rmtree(model / "variables")
    with pytest.raises(InputError, match="its weights cannot be read"):
        saved_weights.check(model)
