import socket
import sys
from pathlib import Path

import grpc
import pytest
from tfx_bsl.coders import batch_util

from pipeline.beam import options
from pipeline.beam.batch_size import use_large_batches
from pipeline.config import preflight
from pipeline.runners.launch import CompiledPipeline
from pipeline.runs import lifecycle, manifest
from pipeline.runs.paths import PipelinePaths
from tests.toys import write_toy_run


def test_a_node_opens_no_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # gRPC listens in C: where it would is known by its server being made.
    tried: list[str] = []
    served: list[object] = []
    monkeypatch.setattr(socket.socket, "bind", lambda _, address: tried.append(str(address)))
    monkeypatch.setattr(grpc, "server", lambda *arguments, **_: served.append(arguments))
    compiled = toy(write_toy_run(tmp_path), tmp_path)
    assert not compiled.launch(compiled.node_ids[0]).cached
    assert (tried, served) == ([], [])


def test_a_caller_s_own_arguments_and_an_odd_root_are_nothing_to_a_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # absl knows a flag of this name.
    monkeypatch.setattr(sys, "argv", given := ["pytest", "-v", "--verbosity=high", "--runner=mine"])
    folder = tmp_path / "run [x]*"
    folder.mkdir()
    compiled = toy(write_toy_run(folder), folder)
    assert not compiled.launch(compiled.node_ids[0]).cached
    assert sys.argv is given
    (examples,) = folder.glob("runs/toy/artifacts/TsvExampleGen/examples/*/Split-train")
    assert [path.name for path in examples.iterdir()] == ["data_tfrecord-00000-of-00001.gz"]


def toy(config: Path, tmp_path: Path) -> CompiledPipeline:
    """A run that has begun."""
    checked = preflight.check(config)
    paths = PipelinePaths.of(checked.run, tmp_path / "runs")
    record = lifecycle.begin(checked, paths)
    return CompiledPipeline.of(checked, paths, manifest.collect(checked, record.id, record.started))


def test_beam_is_given_large_batches_from_the_start() -> None:
    use_large_batches()
    batches = batch_util.GetBatchElementsKwargs(None)
    assert batches["min_batch_size"] == batches["max_batch_size"] > 1_000_000


def test_a_job_service_that_has_gone_since_the_run_began_is_told_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Were it waited for, this test would not hang.
    monkeypatch.setattr(options, "NO_TIMEOUT", "--job_server_timeout=5")
    with socket.create_server(("127.0.0.1", 0)) as service:
        address = f"127.0.0.1:{service.getsockname()[1]}"
        path = write_toy_run(tmp_path, beam={"preset": "portable", "job_service": address})
        compiled = toy(path, tmp_path)
    with pytest.raises(RuntimeError) as caught:
        compiled.launch(compiled.node_ids[0])
    assert str(caught.value) == f"no job service answers at {address} (Connection refused) any more"
