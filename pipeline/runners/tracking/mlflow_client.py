"""Logs one run to MLflow: started with the Python of an environment that has MLflow, and imports nothing of ours.

Standard input is a JSON object, what `mlflow_log.told` returns and `uri`, MLflow's address; the last line of standard
output is where the run is. What is wrong is the last line of standard error, and the exit status is 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_AT_ONCE = 100
"""Parameters that MLflow takes in a request; of metrics it takes more."""

_KEY = "bert_pipeline.key"
"""The tag by which a run that is logged again is found."""

_SHOWN = 150
"""Characters of an error before what it comes from."""


def log(told: dict[str, Any]) -> str:
    """Logs it, into the MLflow run that an earlier call for the same run made, or a new one.

    Returns:
        What names the MLflow run: its page of a server, or the URI of the store and the run's id.
    """
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

    client = MlflowClient(tracking_uri=told["uri"])
    experiment = _experiment(client, told)
    tags = {**told["tags"], _KEY: told["key"], "mlflow.runName": told["run"]}
    # One process logs a run at a time: the run's own, or the scheduler's last step.
    found = client.search_runs([experiment], filter_string=f"tags.`{_KEY}` = '{told['key']}'", max_results=1)
    if found and any(told["params"].get(name, was) != was for name, was in found[0].data.params.items()):
        # MLflow changes no parameter: a run that failed before Trainer had `auto` where a choice stands by now.
        client.delete_run(found.pop().info.run_id)
    run = found[0] if found else client.create_run(experiment, start_time=told["started"], tags=tags)
    run_id = run.info.run_id
    # At the same time whenever they are logged: of equal ones MLflow keeps one.
    metrics = [Metric(name, value, told["started"], step) for name, value, step in told["metrics"]]
    params = [Param(name, value) for name, value in told["params"].items()]
    for begin in range(0, max(len(metrics), len(params)), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        client.log_batch(run_id, metrics=metrics[part], params=params[part])
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])
    for path, place in told["artifacts"]:
        if Path(path).is_dir():
            client.log_artifacts(run_id, path, place)
        else:
            client.log_artifact(run_id, path, place)
    client.set_terminated(run_id, told["status"], told["ended"])
    if told["uri"].startswith("http"):
        return f"{told['uri'].rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"
    return f"{told['uri']} run {run_id}"


def _experiment(client: Any, told: dict[str, Any]) -> str:
    """The id of the experiment, which is made if it is not there."""
    found = client.get_experiment_by_name(told["experiment"])
    if found is None:
        return str(client.create_experiment(told["experiment"], artifact_location=told["files"]))
    return str(found.experiment_id)


def main() -> int:
    """What a process of its own does.

    Returns:
        The exit status.
    """
    try:
        print(log(json.load(sys.stdin)))
    except Exception as error:
        print(_told(error), file=sys.stderr)
        return 1
    return 0


def _told(error: BaseException) -> str:
    """An error in a line, with what it comes from: of a server that is not there, MLflow's own says that last."""
    first = error
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    text = _line(first)
    return text if error is first or len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({_line(error)})"


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


if __name__ == "__main__":
    sys.exit(main())
