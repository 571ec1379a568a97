"""What a SavedModel's file says, beside what the code makes of it."""

from __future__ import annotations

from pathlib import Path

from tensorflow.core.protobuf.saved_model_pb2 import SavedModel


def function_ops(model: Path) -> set[str]:
    """The kinds of ops of its functions, but for the two that TensorFlow writes to save and restore variables."""
    library = SavedModel.FromString((model / "saved_model.pb").read_bytes()).meta_graphs[0].graph_def.library
    of_variables = ("__inference__traced_save_", "__inference__traced_restore_")
    functions = [one for one in library.function if not one.signature.name.startswith(of_variables)]
    assert len(functions) == len(library.function) - 2
    return {node.op for function in functions for node in function.node_def}
