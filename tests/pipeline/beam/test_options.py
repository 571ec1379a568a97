import json
import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from components.common.errors import InputError
from components.settings.beam import Beam
from components.settings.fields import ConflictError
from components.settings.toml import TomlSource
from pipeline.beam import options as options_module
from pipeline.beam.options import check, original_error

LOCAL = ["--runner=FnApiRunner", "--sdk_container_image=none"]


def problem(**settings: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Beam(**settings)
    conflict: ConflictError = caught.value.errors()[0]["ctx"]["error"]
    return conflict.problem


def test_without_a_word_beam_runs_in_this_process() -> None:
    assert options_module.arguments(Beam()) == LOCAL
    assert options_module.arguments(Beam(arguments=("--no_direct_runner_use_stacked_bundle",)))[:2] == LOCAL


def test_portable_submits_to_a_job_service_and_never_gives_up_on_it() -> None:
    assert options_module.arguments(
        Beam(preset="portable", job_service="jobs:1", workers="pool:2", arguments=("--x=y",))
    ) == [
        "--runner=PortableRunner",
        "--job_endpoint=jobs:1",
        "--job_server_timeout=2592000",
        "--sdk_container_image=none",
        "--environment_type=EXTERNAL",
        "--environment_config=pool:2",
        "--x=y",
    ]
    found = options_module.arguments(Beam(preset="portable"))
    assert {"--job_endpoint=127.0.0.1:8099", "--environment_config=127.0.0.1:50000"} < set(found)


def test_flink_has_its_workers_started_by_the_projects_script() -> None:
    found = options_module.arguments(Beam(preset="flink", flink_master="flink:8081"))
    assert found[:2] == ["--runner=FlinkRunner", "--flink_master=flink:8081"]
    (process,) = (argument for argument in found if argument.startswith("--environment_config="))
    command = Path(json.loads(process.partition("=")[2])["command"])
    assert command.name == "worker.py"
    assert command.stat().st_mode & 0o111


def test_dataflow_is_told_what_its_workers_import() -> None:
    told = ("--project=p", "--region=r", "--temp_location=gs://b/t", "--sdk_container_image=i")
    found = options_module.arguments(Beam(preset="dataflow", arguments=told))
    assert found[:1] == ["--runner=DataflowRunner"]
    assert found[-4:] == list(told)
    assert "--beam_plugin=tfx" in found


@pytest.mark.parametrize("preset", ["local", "portable", "flink", "dataflow"])
def test_beam_knows_every_argument_of_a_preset_and_its_runner(preset: Any) -> None:
    from apache_beam.options import pipeline_options
    from apache_beam.runners.runner import create_runner

    told = ("--project=p", "--region=r", "--temp_location=gs://b/t", "--sdk_container_image=i")
    settings: Any = {"flink": {"flink_master": "f:1"}, "dataflow": {"arguments": told}}.get(preset, {})
    options = pipeline_options.PipelineOptions(options_module.arguments(Beam(preset=preset, **settings)))
    known = options.get_all_options(retain_unknown_options=False)
    assert options.get_all_options(retain_unknown_options=True) == known
    assert create_runner(known["runner"])


@pytest.mark.parametrize(
    ("runner", "why"),
    [
        ("DaskRunner", "writes no examples, mixes up outputs and calls that success"),
        ("beam_pyspark_runner.pyspark_runner.PySparkRunner", "gives wrong results or none where third parties made it"),
        ("ray_beam.portability.ray_runner.RayRunner", "gives wrong results or none"),
        ("DirectRunner", "tries to download Prism and, failing, leaves a port open on all interfaces"),
        ("direct", "tries to download Prism and, failing, leaves a port open on all interfaces"),
        ("PrismRunner", "downloads what it runs"),
        ("FlinkRunner", "is no preset"),
    ],
)
def test_another_runner_is_refused_with_the_reason(runner: str, why: str) -> None:
    found = problem(preset="portable", arguments=(f"--runner={runner}",))
    assert found.startswith(f'`beam.arguments` names the runner "{runner}", which {why}')


def test_what_is_no_argument_is_refused() -> None:
    assert problem(arguments=("--runner", "DaskRunner")) == '`beam.arguments` holds "DaskRunner"'
    assert problem(arguments=("--=1",)) == '`beam.arguments` holds "--=1"'


@pytest.mark.parametrize("settings", [{"preset": "portable"}, {"preset": "flink", "flink_master": "f:1"}])
def test_what_a_preset_sets_is_not_undone_by_an_argument(settings: dict[str, Any]) -> None:
    names = [argument.partition("=")[0] for argument in options_module.arguments(Beam(**settings))]
    for name in set(names) - {"--runner", "--sdk_container_image"}:
        told = f'`beam.arguments` holds {name}, which `beam.preset` "{settings["preset"]}" sets'
        assert problem(**settings, arguments=(f"{name}=other",)) == told
    assert problem(**settings, arguments=("--job-server-timeout=5",)).startswith("`beam.arguments` holds --job-server-")


def test_a_setting_of_another_preset_is_refused() -> None:
    assert problem(workers="pool:1") == '`beam.workers` is given, but `beam.preset` is "local"'
    assert problem(preset="portable", flink_master="f:1").startswith("`beam.flink_master` is given")
    assert problem(preset="flink").endswith("`beam.flink_master` is missing: Beam would start a cluster here")
    assert problem(arguments=("--job_endpoint=embed",)).startswith("`beam.arguments` holds --job_endpoint")


def test_a_job_service_that_answers_is_in_order_and_one_that_does_not_is_told_with_its_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        found = Beam(preset="portable", job_service=f"127.0.0.1:{port}")
        place = TomlSource("run.toml", f'[beam]\npreset = "portable"\njob_service = "127.0.0.1:{port}"\n')
        check(found, place)
    with pytest.raises(InputError) as caught:
        check(found, place)
    assert str(caught.value).startswith(f"run.toml:3: no job service answers at 127.0.0.1:{port}")


def test_the_cache_key_does_not_tell_where_a_node_ran() -> None:
    from tfx.components.statistics_gen.executor import Executor
    from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

    from pipeline.runners.launch import use_local_beam_arguments

    def spec(arguments: list[str]) -> Any:
        made = BeamExecutorSpec(Executor)
        made.add_beam_pipeline_args(arguments)
        return made.encode()

    portable = spec(options_module.arguments(Beam(preset="portable")))
    assert portable.SerializeToString(deterministic=True) != spec(LOCAL).SerializeToString(deterministic=True)
    use_local_beam_arguments(portable)
    assert portable.SerializeToString(deterministic=True) == spec(LOCAL).SerializeToString(deterministic=True)


TRACEBACK = """\
Pipeline job-1 failed in state FAILED: Error running pipeline.
Traceback (most recent call last):
  File "fn_runner.py", line 1395, in process_bundle
    raise RuntimeError(result.error)
RuntimeError: Traceback (most recent call last):
  File "records.py", line 82, in readable
    raise InputError(str(path), f"not a whole gzip file ({error})", "Compress it again, or drop the .gz") from None
%s
"""


def test_a_mistake_that_a_worker_found_is_one_again() -> None:
    where = "components.common.errors.InputError: a b.gz [while running 'Read/ParDo(_R)']"
    text = f"{where}: not whole (cut. short). Compress it."
    found = original_error(RuntimeError(TRACEBACK % text))
    assert isinstance(found, InputError)
    assert str(found) == "a b.gz: not whole (cut. short). Compress it."


def test_what_beam_says_after_a_mistake_is_no_part_of_it() -> None:
    text = (
        "components.common.errors.InputError: a.tsv:7: empty. Fill it.\n\nPassed instruction: bundle 3. Stage: Read\n"
    )
    assert str(original_error(RuntimeError(TRACEBACK % text))) == "a.tsv:7: empty. Fill it."


def test_of_what_else_a_worker_raised_the_last_line_counts() -> None:
    found = original_error(RuntimeError(TRACEBACK % "RuntimeError: a worker is gone\n  more"))
    assert str(found) == "the Beam job failed: a worker is gone"
    found = original_error(RuntimeError(TRACEBACK % "KeyError: 'x' [while running 'Answer']"))
    assert str(found) == "the Beam job failed: KeyError: 'x'"


def test_an_error_of_this_process_stays_as_it_is_but_for_what_beam_puts_into_its_place() -> None:
    error = RuntimeError("out of luck")
    assert original_error(error) is error
    mistake = InputError("rows.tsv:7", "empty", "Fill it")
    assert original_error(mistake) is mistake
    augmented = InputError("rows.tsv:7 [while running 'ReadRows/ParDo(_ReadFile)']", "empty", "Fill it")
    assert str(original_error(augmented)) == "rows.tsv:7: empty. Fill it."
