"""The compiled DAG, launched node by node as TFX's LocalDagRunner does it. Importing this imports TensorFlow."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import chain
from types import SimpleNamespace
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import (
    beam_executor_operator,
    launcher,
    python_executor_operator,
    runtime_parameter_utils,
)
from tfx.proto.orchestration import executable_spec_pb2, pipeline_pb2

from components.common.literal_paths.libraries import use_literal_paths
from pipeline.beam import options
from pipeline.beam.batch_size import use_large_batches
from pipeline.config.preflight import AnyChecked
from pipeline.dag.build import build_pipeline
from pipeline.runners import inputs
from pipeline.runners.cache_context import CacheContexts
from pipeline.runs.lock import check_metadata
from pipeline.runs.manifest import Manifest
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import NodeOutcome
from pipeline.runs.recovery import Digests, adopt, discard_unfinished, disown, put_aside_unknown
from pipeline.runs.rerun_reasons import reason

_STATES = metadata_store_pb2.Execution


def compiled_run(checked: AnyChecked, paths: PipelinePaths, manifest: Manifest) -> pipeline_pb2.Pipeline:
    """A run's DAG as TFX's intermediate representation, the run's id not yet in it.

    Raises:
        InputError: the code is another one than the manifest's.
    """
    compiled = compiler.Compiler().compile(build_pipeline(checked, paths, manifest))
    inputs.check_code(manifest)
    return compiled


class _PythonOperator(python_executor_operator.PythonExecutorOperator):
    """TFX's, with a check of what the executor has read: if it raises, the launcher notes the execution as failed."""

    def __init__(self, check: Callable[[], None], executor_spec: Any, platform_config: Any = None) -> None:
        super().__init__(executor_spec, platform_config)
        self._check = check

    def run_executor(self, *arguments: Any, **others: Any) -> Any:
        output = super().run_executor(*arguments, **others)
        self._check()
        return output


class _BeamOperator(beam_executor_operator.BeamExecutorOperator):
    """The same for Beam, its arguments apart from the executor's spec; waits for no job service that has gone."""

    def __init__(
        self, check: Callable[[], None], arguments: list[Any], executor_spec: Any, platform_config: Any = None
    ) -> None:
        super().__init__(executor_spec, platform_config)
        self._check, self.beam_pipeline_args = check, arguments

    def run_executor(self, *arguments: Any, **others: Any) -> Any:
        options.check_again(argument.value.string_value for argument in self.beam_pipeline_args)
        output = super().run_executor(*arguments, **others)
        self._check()
        return output


def use_local_beam_arguments(executor: executable_spec_pb2.BeamExecutableSpec) -> None:
    """Gives a spec the arguments of `local`: it counts in the cache key, and what a node makes is the same anywhere."""
    del executor.beam_pipeline_args_placeholders[:]
    for argument in options.LOCAL:
        executor.beam_pipeline_args_placeholders.add().value.string_value = argument
    # TFX writes them down twice.
    executor.beam_pipeline_args[:] = options.LOCAL


class _NoWatcher:
    """In place of TFX's server for jobs elsewhere that report their progress: a port of the loopback for each node.

    The executors here run in this process and report nothing.
    """

    address = ""

    def __init__(self, **_: Any) -> None:
        pass

    def start(self) -> None:
        """No server."""

    def stop(self) -> None:
        """No server."""


# The launcher looks both up by these names. Finding a free port tries some, on every interface of the machine.
launcher.execution_watcher = SimpleNamespace(ExecutionWatcher=_NoWatcher)
launcher.portpicker = SimpleNamespace(pick_unused_port=lambda: 0)


class CompiledPipeline:
    """A compiled DAG, to be launched.

    Args:
        pipeline: as `compiled_run` made it.
        paths: where it keeps what.
        run_id: names the run in ML Metadata.
        compiled_by: as for `inputs.check`.
    """

    def __init__(
        self, pipeline: pipeline_pb2.Pipeline, paths: PipelinePaths, run_id: str, compiled_by: str = ""
    ) -> None:
        self._pipeline, self._compiled_by = pipeline, compiled_by
        runtime_parameter_utils.substitute_runtime_parameter(
            self._pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
        self._deployment = runner_utils.extract_local_deployment_config(self._pipeline)
        self._run_id = run_id
        self._paths, self._digests = paths, Digests(paths)
        self._connection = metadata.sqlite_metadata_connection_config(str(paths.metadata))
        self._nodes = {step.pipeline_node.node_info.id: step.pipeline_node for step in self._pipeline.nodes}

    def recover(self) -> list[str]:
        """Puts in order what a copy of the root, a killed run or a damaged disk left.

        Returns:
            What was not as it had been, for the user.

        Raises:
            InputError: as `check_metadata`.
        """
        check_metadata(self._paths.metadata, whole=True)
        copied = [*put_aside_unknown(self._paths), *adopt(self._paths)]
        discard_unfinished(self._paths, self._connection)
        return [*copied, *disown(self._paths, self._connection), *self._digests.mend()]

    def discard_unfinished(self, node_id: str) -> None:
        """Removes what an earlier attempt at a node, in this run, had begun before it was killed."""
        check_metadata(self._paths.metadata)
        contexts = (self._run_id, f"{self._pipeline.pipeline_info.id}.{node_id}")
        discard_unfinished(self._paths, self._connection, contexts)

    def annotate(self, name: str, text: str) -> None:
        """Puts a text into ML Metadata, as a property of this run's context."""
        with metadata.Metadata(self._connection) as mlmd:
            context = mlmd.store.get_context_by_type_and_name(constants.PIPELINE_RUN_CONTEXT_TYPE_NAME, self._run_id)
            context.custom_properties[name].string_value = text
            mlmd.store.put_contexts([context])

    @classmethod
    def of(cls, checked: AnyChecked, paths: PipelinePaths, manifest: Manifest) -> CompiledPipeline:
        """A run's, named by its manifest; errors as `compiled_run`."""
        return cls(compiled_run(checked, paths, manifest), paths, manifest.run, manifest.code["sha256"])

    @property
    def node_ids(self) -> list[str]:
        """The nodes in the order in which they run."""
        return list(self._nodes)

    def launch(self, node_id: str) -> NodeOutcome:
        """Runs one node, or takes its outputs from cache.

        Raises:
            Exception: whatever the node's executor raised.
            InputError: a file that the node reads, or its code, is another one than when the run began; nothing that it
                made of that is taken from cache; or ML Metadata's file is locked or damaged.
            RuntimeError: the node's inputs are missing, or Beam's job service has gone.
        """
        check_metadata(self._paths.metadata)
        use_large_batches()
        use_literal_paths()
        launcher.cache_utils = CacheContexts(self._paths.home)
        executor = runner_utils.extract_executor_spec(self._deployment, node_id)
        check = functools.partial(self._check_inputs, node_id, executor)
        check()
        # A push cannot be taken back.
        check_again = check if node_id != "Pusher" else lambda: None
        operators = {executable_spec_pb2.PythonClassExecutableSpec: functools.partial(_PythonOperator, check_again)}
        if isinstance(executor, executable_spec_pb2.BeamExecutableSpec):
            arguments = list(executor.beam_pipeline_args_placeholders)
            operators[executable_spec_pb2.BeamExecutableSpec] = functools.partial(_BeamOperator, check_again, arguments)
            use_local_beam_arguments(executor)
        try:
            with options.own_arguments():
                launched = launcher.Launcher(
                    pipeline_node=self._nodes[node_id],
                    mlmd_connection=metadata.Metadata(self._connection),
                    pipeline_info=self._pipeline.pipeline_info,
                    pipeline_runtime_spec=self._pipeline.runtime_spec,
                    executor_spec=executor,
                    custom_driver_spec=runner_utils.extract_custom_driver_spec(self._deployment, node_id),
                    custom_executor_operators=operators,
                ).launch()
        except Exception as error:
            raised = options.original_error(error)
            if raised is error:
                raise
            raise raised from error
        with metadata.Metadata(self._connection) as mlmd:
            (execution,) = mlmd.store.get_executions_by_id([launched.execution_id])
            events = mlmd.store.get_events_by_execution_ids([launched.execution_id])
            produced = [event for event in events if event.type == metadata_store_pb2.Event.OUTPUT]
            artifacts = mlmd.store.get_artifacts_by_id([event.artifact_id for event in produced])
            state = execution.last_known_state
            why = reason(mlmd.store, node_id, execution, str(self._paths.home)) if state == _STATES.COMPLETE else ""
        if state not in (_STATES.COMPLETE, _STATES.CACHED):
            raise RuntimeError(f"{node_id} ended as {_STATES.State.Name(state)}: its inputs are missing")
        uris = {artifact.id: artifact.uri for artifact in artifacts}
        outputs: dict[str, list[str]] = {}
        for event in produced:
            outputs.setdefault(event.path.steps[0].key, []).append(uris[event.artifact_id])
        if state == _STATES.COMPLETE:
            self._digests.remember(chain.from_iterable(outputs.values()))
        return NodeOutcome(state == _STATES.CACHED, outputs, why)

    def _check_inputs(self, node_id: str, executor: Any) -> None:
        beam = isinstance(executor, executable_spec_pb2.BeamExecutableSpec)
        found = executor.python_executor_spec if beam else executor
        parameters = self._nodes[node_id].parameters.parameters
        properties = {name: value.field_value.string_value for name, value in parameters.items()}
        inputs.check(found.class_path, properties, self._compiled_by)
