"""The DAG file that `pipeline_runner.py export --runner airflow` puts beside NAME.json, for Airflow 2.11 and 3.

Nothing of the pipeline is imported here: a task is a node, run by the project's own command in the project's own
environment. Export again instead of editing.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

# Airflow's own library of times.
import pendulum

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG
    from airflow.operators.bash import BashOperator

_FILE = Path(__file__).with_suffix(".json")
_PIPELINE = json.loads(_FILE.read_bytes())
_SCHEDULE = _PIPELINE["schedule"]
_HOURS, _RUN_HOURS = _SCHEDULE["node_hours"], _SCHEDULE["run_hours"]


def _as_it_is(text: str) -> str:
    """For where Airflow reads templates: a path may hold their braces."""
    return "{{ " + ascii(text) + " }}" if "{" in text else text


def _step(task_id: str, command: str, **more: Any) -> BashOperator:
    return BashOperator(
        task_id=task_id,
        # The run's id is the user's: it goes by the environment, where no shell reads it as a command.
        bash_command=f'exec "$PIPELINE_PYTHON" "$PIPELINE_RUNNER" {command} --dag "$PIPELINE_DAG" --run-id="$RUN_ID"',
        env={
            "PIPELINE_PYTHON": _as_it_is(_PIPELINE["python"]),
            "PIPELINE_RUNNER": _as_it_is(_PIPELINE["runner"]),
            "PIPELINE_DAG": _as_it_is(str(_FILE)),
            "RUN_ID": "{{ run_id }}",
            # Airflow's own packages are none of the project's.
            "PYTHONPATH": "",
            "PYTHONUNBUFFERED": "1",
        },
        append_env=True,
        skip_on_exit_code=_PIPELINE["skip_exit_code"],
        do_xcom_push=False,
        **more,
    )


with DAG(
    dag_id=_PIPELINE["name"],
    description=_PIPELINE["config"],
    schedule=_SCHEDULE["cron"],
    # Airflow reads `schedule` in the time zone of this.
    start_date=pendulum.datetime(2020, 1, 1, tz=_SCHEDULE["timezone"]),
    catchup=False,
    # One at a time; `begin` keeps those of other DAGs on the same root apart.
    max_active_runs=1,
    dagrun_timeout=_RUN_HOURS and timedelta(hours=_RUN_HOURS),
    default_args={
        "pool": _SCHEDULE["pool"],
        "retries": _SCHEDULE["retries"],
        "retry_delay": timedelta(minutes=_SCHEDULE["retry_minutes"]),
        "execution_timeout": timedelta(hours=_HOURS),
    },
) as dag:
    begin = _step("begin", "begin-run")
    # What is said of the run is said of it once, whatever became of its nodes.
    end = _step("end", "end-run", trigger_rule="all_done", retries=0)
    nodes = {}
    for described in (step["pipelineNode"] for step in _PIPELINE["pipeline"]["nodes"]):
        name = described["nodeInfo"]["id"]
        nodes[name] = _step(name, f'run-node "{name}"')
        nodes[name].set_upstream([nodes[before] for before in described.get("upstreamNodes", [])] or [begin])
    end.set_upstream([begin, *nodes.values()])
