"""One tiny data set's way through the components, each stage run once a session and only if a test asks for it."""

from __future__ import annotations

import contextlib
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from components.common import cpu, tensorflow_env
from components.settings.data import Data
from components.settings.model import Model
from components.settings.serialization import dump, load
from components.settings.training import Training
from tests import beam_reflection
from tests.checkout import ROOT
from tests.commands import Interpreter
from tests.network import own_loopback
from tests.toys import VOCABULARY, write_toy_checkpoint

# They hold for a process from the first import of TensorFlow on.
tensorflow_env.set_up()

LABELS = ["bad", "good", "mixed"]

MAX_LENGTH = 24

SIZES = {"train": 48, "dev": 30, "test": 6}

_FEATURE = """
feature { name: "%s" type: BYTES presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } } }
"""


def pytest_configure() -> None:
    """TFX hands the arguments of its process to absl, which has flags of pytest's names: `-v` for one."""
    del sys.argv[1:]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts files with slow tests first: what is quick fills the end, when a process has no long file left to begin."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_runtest_setup() -> None:
    """Once a test has imported Beam, Beam remembers: importing it for this alone takes seconds."""
    if "apache_beam.transforms.core" in sys.modules:
        beam_reflection.remember()


@pytest.fixture(scope="session", autouse=True)
def in_float32() -> Iterator[None]:
    """Forms of one computation are compared to seven digits, on a CPU with AMX too: `auto` would be bfloat16 there."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cpu, "multiplies_bfloat16", lambda: False)
        yield


class Trained(NamedTuple):
    """What Trainer left, and what it was told."""

    model: Any
    """Model artifact."""
    run: Path
    """Directory of the model run."""
    fn_args: Any

    @property
    def saved_model(self) -> Path:
        """The exported SavedModel."""
        return Path(self.model.uri, "Format-Serving")


class Transformed(NamedTuple):
    """What Transform left."""

    graph: Any
    """TransformGraph artifact."""
    examples: Any
    """Examples artifact: train, dev and test."""


def fuzz_cases(usual: int) -> int:
    """Cases of a property test: FUZZ_CASES says how many, if it is set, as `make fuzz` does."""
    return int(os.environ.get("FUZZ_CASES", usual))


def artifact(kind: Any, uri: Path) -> Any:
    """An artifact of TFX as the launcher makes it: its directory is there."""
    made = kind()
    made.uri = str(uri)
    uri.mkdir(parents=True, exist_ok=True)
    return made


HERE = "--runner=FnApiRunner"

BY_BEAM = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
"""The same runner by another name, by which a node does not know that its rows stay in this process."""


def beam_executor(cls: Any, folder: Path, runner: str = HERE) -> Any:
    """An executor that works in this process, as a run has it, or `BY_BEAM`."""
    arguments = [runner, "--sdk_container_image=none"]
    context = cls.Context(beam_pipeline_args=arguments, tmp_dir=str(folder / "tmp"), unique_id="1")
    return cls(context)


def generate(data: Data, folder: Path, runner: str = HERE) -> Any:
    """The Examples of ExampleGen's executor."""
    from tfx.types import standard_artifacts

    from components.nodes.example_gen import Driver, Executor

    examples = artifact(standard_artifacts.Examples, folder / "examples")
    properties = {"data": dump(data), "data_path": ""}
    found = Driver(None).run(SimpleNamespace(exec_properties=properties)).exec_properties["input_files"].string_value
    beam_executor(Executor, folder, runner).Do({}, {"examples": [examples]}, {**properties, "input_files": found})
    return examples


def tiny_rows(count: int, seed: int) -> list[tuple[str, str, str]]:
    """(text, label, source): the label follows from the words, some texts have more than 16 tokens."""
    draws = random.Random(seed)  # noqa: S311
    rows = []
    for index in range(count):
        label = LABELS[index % 3]
        words = {"bad": ["bad"], "good": ["good"], "mixed": ["good", "bad"]}[label]
        filler = draws.choices("abcdefgh", k=draws.choice([1, 3, 5, 15]))
        rows.append((" ".join(["the", *filler, *words, draws.choice("!.")]), label, draws.choice(["paper", "web"])))
    return rows


def transformed_texts(trained: Trained) -> list[str]:
    """The texts of dev in the order in which Trainer saw their token ids: all words of the tiny data are tokens."""
    import tensorflow as tf

    from components.common import feature_names

    texts = []
    files = tf.io.gfile.glob(trained.fn_args.eval_files)
    for record in tf.data.TFRecordDataset(sorted(files), compression_type="GZIP").as_numpy_iterator():
        ids = tf.train.Example.FromString(record).features.feature[feature_names.TOKEN_IDS].int64_list.value
        texts.append(" ".join(VOCABULARY[index] for index in ids[1:-1]))
    return texts


def dev_predictions(trained: Trained) -> tuple[Any, Any]:
    """What a model in memory with the exported weights predicts for dev, float32[rows, labels], and the rows."""
    from tests.in_memory import predictions

    fn_args, config = trained.fn_args, trained.fn_args.custom_config
    return predictions(
        trained.saved_model,
        Path(config["base_model"]),
        load(Model, config["model"]),
        fn_args.transform_output,
        fn_args.eval_files,
        trained.run,
    )


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy BERT of 2 layers, width 8, 32 positions."""
    return write_toy_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Headed files with the columns text, label and source; 3 classes."""
    folder = tmp_path_factory.mktemp("tiny_data")
    files: dict[str, Any] = {}
    for seed, (split, size) in enumerate(SIZES.items()):
        lines = ["text\tlabel\tsource", *("\t".join(row) for row in tiny_rows(size, seed))]
        path = folder / f"{split}.tsv"
        path.write_text("".join(f"{line}\n" for line in lines))
        files[split] = (str(path),)
    return Data(**files, slices=("source",))


@pytest.fixture(scope="session")
def tiny_examples(tiny_data: Data, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """ExampleGen's output."""
    return generate(tiny_data, tmp_path_factory.mktemp("tiny_examples"))


@pytest.fixture(scope="session")
def tiny_transformed(tiny_examples: Any, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Transformed:
    """Transform's output."""
    return transform(tiny_examples, checkpoint, tmp_path_factory.mktemp("tiny_transformed"))


def transform(raw: Any, checkpoint: Path, folder: Path, runner: str = HERE) -> Transformed:
    """What Transform's executor makes of the tiny Examples."""
    from tfx.proto import transform_pb2
    from tfx.types import standard_artifacts
    from tfx.utils import json_utils, proto_utils

    from components.nodes.transform import Executor

    schema = artifact(standard_artifacts.Schema, folder / "schema")
    (folder / "schema" / "schema.pbtxt").write_text("".join(_FEATURE % name for name in ("text", "label", "source")))
    graph = artifact(standard_artifacts.TransformGraph, folder / "graph")
    examples = artifact(standard_artifacts.Examples, folder / "examples")
    splits = transform_pb2.SplitsConfig(analyze=["train"], transform=list(SIZES))
    beam_executor(Executor, folder, runner).Do(
        {"examples": [raw], "schema": [schema]},
        {"transform_graph": [graph], "transformed_examples": [examples]},
        {
            "preprocessing_fn": "components.nodes.preprocessing.preprocessing_fn",
            "splits_config": proto_utils.proto_to_json(splits),
            "custom_config": json_utils.dumps({"base_model": str(checkpoint), "max_tokens": MAX_LENGTH}),
            "disable_statistics": 1,
        },
    )
    return Transformed(graph, examples)


@pytest.fixture(scope="session")
def train_tiny(
    tiny_transformed: Transformed, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Trained]:
    """Runs Trainer's entry point on the tiny data; keyword arguments are training settings.

    `go_on_from` is the SavedModel to start from instead of the checkpoint.
    """
    from tfx.components.trainer.fn_args_utils import FnArgs
    from tfx.types import standard_artifacts

    def train(go_on_from: Path | None = None, **settings: Any) -> Trained:
        from components.nodes.trainer import run_fn

        folder = tmp_path_factory.mktemp("trained")
        model = artifact(standard_artifacts.Model, folder / "model")
        examples = Path(tiny_transformed.examples.uri)
        fn_args = FnArgs(
            transform_output=tiny_transformed.graph.uri,
            train_files=[str(examples / "Split-train" / "*")],
            eval_files=[str(examples / "Split-dev" / "*")],
            model_run_dir=str(folder / "model_run" / "1"),
            serving_model_dir=str(folder / "model" / "Format-Serving"),
            base_model=go_on_from and str(go_on_from),
            custom_config={
                "base_model": str(checkpoint),
                "model": dump(Model(base="toy", max_length=MAX_LENGTH)),
                "training": dump(Training(**{"batch_size": 8, "learning_rate": 0.01, **settings})),
                "card": {"name": "tiny"},
            },
        )
        run_fn(fn_args)
        return Trained(model, folder / "model_run" / "1", fn_args)

    return train


@pytest.fixture(scope="session")
def tiny_trained(train_tiny: Callable[..., Trained]) -> Trained:
    """Trainer's output after few steps: right about most rows and wrong about some."""
    return train_tiny(epochs=8, dropout=0.0, seed=1)


@pytest.fixture(scope="session")
def in_network() -> Iterator[list[str]]:
    """The words in front of a command that give it a loopback of its own, which all commands with them share."""
    with contextlib.ExitStack() as stack:
        try:
            before = stack.enter_context(own_loopback())
        except PermissionError as error:
            pytest.skip(str(error))
        yield before


@pytest.fixture(scope="session")
def python_in_network(in_network: list[str]) -> Interpreter:
    """Starts commands on that loopback which do not import TensorFlow again."""
    return Interpreter(ROOT, os.environ, in_network)
