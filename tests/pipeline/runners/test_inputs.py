"""What changes while a run is on; `python -m tests.mid_run` has every kind of change at every node."""

import json
import shutil
from pathlib import Path

import pytest

from components.common.errors import InputError
from components.pretrained import content
from components.settings.kinds.registry import KINDS
from pipeline.runners import inputs
from pipeline.runs import cache_key
from tests import chaos, mid_run
from tests.checkout import ROOT
from tests.mid_run import disturbed, made, nodes, result
from tests.pipeline.conftest import GATE, FirstRun

TRAINER = {"run_fn": "components.nodes.trainer.run_fn"}


def test_runs_of_every_kind_are_disturbed_and_killed() -> None:
    assert set(chaos.RESULTS) == set(KINDS)
    # And of tasks that answer by texts, whose models are of other forms than a classifier's.
    assert set(mid_run.MADE) == set(chaos.KINDS) == {*KINDS, "answering", "generation"}


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the components, to be edited, in place of those that are imported."""
    shutil.copytree(ROOT / "components", tmp_path / "components", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache_key, "ROOT", tmp_path)
    return tmp_path / "components"


def test_a_node_whose_code_changed_is_refused_and_others_go_on(code: Path) -> None:
    trainer = {"custom_config": json.dumps({"source": inputs.source("tfx.Trainer", TRAINER)}), **TRAINER}
    pusher = {"source": inputs.source("components.nodes.pusher.Executor", {})}
    loop = code / "training" / "loop.py"
    loop.write_text(f"# A comment runs nothing.\n{loop.read_text()}")
    inputs.check("tfx.Trainer", trainer)
    loop.write_text(f"{loop.read_text()}\nCHANGED = 1\n")
    inputs.check("components.nodes.pusher.Executor", pusher)
    with pytest.raises(InputError) as caught:
        inputs.check("tfx.Trainer", trainer)
    assert str(caught.value) == (
        f"the code in {code.parent}: changed since the run began. Run again once the files are complete; "
        "of a scheduled run, clear all tasks; on Kubeflow, give the image the code of the export, "
        "and the package of a task of your own."
    )


def test_a_node_of_other_libraries_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = {"source": cache_key.libraries()}
    inputs.check("tfx.components.statistics_gen.executor.Executor", statistics)
    monkeypatch.setattr(cache_key, "libraries", lambda: "tensorflow==0")
    with pytest.raises(InputError, match="changed since the run began"):
        inputs.check("tfx.components.statistics_gen.executor.Executor", statistics)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    schema = tmp_path / "schema.pbtxt"
    schema.write_text("a")
    # sha256 of "a"
    known = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    properties = {"schema_file": str(schema), "source": known + cache_key.libraries()}
    inputs.check("tfx.ImportSchemaGen", properties)
    schema.write_text("b")
    with pytest.raises(InputError) as caught:
        inputs.check("tfx.ImportSchemaGen", properties)
    assert str(caught.value).startswith(
        f"{schema}: changed since the run began. Run again once the files are complete;"
    )


@pytest.mark.parametrize("in_custom_config", [True, False])
def test_another_base_model_is_refused(checkpoint: Path, tmp_path: Path, in_custom_config: bool) -> None:
    base = shutil.copytree(checkpoint, tmp_path / "base")
    given = {"base_model": str(base), "base_model_sha256": content.hashes(base), "source": cache_key.libraries()}
    own = {**given, "base_model_sha256": json.dumps(given["base_model_sha256"])}
    properties = {"custom_config": json.dumps(given)} if in_custom_config else own
    inputs.check("tfx.Any", properties)
    (base / "vocab.txt").write_text("[PAD]\n")
    with pytest.raises(InputError) as caught:
        inputs.check("tfx.Any", properties)
    assert str(caught.value).startswith(
        f"{base / 'vocab.txt'}: changed since the run began. Run again once the files are complete;"
    )


@pytest.mark.slow
def test_what_changes_during_a_run_is_said_and_nothing_of_it_is_kept(first_run: FirstRun, tmp_path: Path) -> None:
    # As the run that it is held against.
    place, root = made(tmp_path, gate=GATE, calibration={"enabled": False}), tmp_path / "root"
    # Each goes on from what the one before left: a run in all.
    for kind, moment, node, state in (
        ("data", "before", "TsvExampleGen", "TsvExampleGen"),
        ("tokenizer", "within", "Transform", "Transform"),
        ("weights", "within", "Trainer", "Trainer"),
        ("code", "before", "Evaluator", "Evaluator"),
    ):
        found = disturbed(place, root, kind, node, moment)
        assert found.happened
        assert found.said(place, kind), found
        assert nodes(place, root)[-1] == state
        # Trainer has not even begun a checkpoint, from which the next run would go on.
        assert not (root / "toy" / "artifacts" / "Trainer" / "checkpoints").exists() or kind == "code"
    # What cannot reach the run.
    found = disturbed(place, root, "config", "Evaluator.test", "before")
    dev = first_run.record["evaluations"]["dev"]["metrics"]["candidate"][""]
    assert found.result is not None
    assert found.result["metrics"]["dev"] == dev
    assert result(place, root) == found.result
