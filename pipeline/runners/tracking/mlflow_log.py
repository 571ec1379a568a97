"""`[tracking]`: what MLflow is told of a run that has ended. If that fails, it is said, and changes nothing else."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.text import Text

from components.common import json_text
from components.common.checkout import ROOT
from components.common.errors import InputError, describe
from components.common.progress import watch
from components.common.streams import printable
from components.settings.kinds.registry import AnyRun
from components.settings.serialization import dump
from components.settings.tracking import SQLITE, Tracking
from pipeline.reports import tables
from pipeline.runners import outside_command
from pipeline.runs import lifecycle, manifest
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import RunRecord

_CLIENT = Path(__file__).with_name("mlflow_client.py")

_STATUS = {"pushed": "FINISHED", "refused": "FINISHED", "failed": "FAILED"}
"""State of a run -> MLflow's. One that was interrupted is not logged: the next one goes on with it."""

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
}
"""Nobody else is told, and a server that is not there is given up after some seconds instead of minutes; variables that
are set already count more."""

_LONGEST_VALUE = 6000
"""Characters of a parameter's value, or a tag's, that MLflow takes."""

_LONGEST_NAME = 250

_NOT_IN_NAMES = re.compile(r"[^\w.\- :/]")
"""What MLflow takes in no name of a metric."""

_INSTALL = "Run `make mlflow`, or put the command `mlflow` of an environment of its own on the PATH"

AGAIN = "Mend it and run again: what is finished comes from cache"
"""How a run of `run` is logged after all."""


def python() -> Path | None:
    """The Python of the environment that has MLflow: where `make mlflow` puts it, or that of the `mlflow` on the PATH;
    None: there is none."""
    if (own := ROOT / ".venv-mlflow" / "bin" / "python").is_file():
        return own
    # A tool's command may be a link into the tool's environment.
    found = shutil.which("mlflow")
    beside = Path(found).resolve().with_name("python3") if found else None
    return beside if beside and beside.is_file() else None


def missing(settings: Tracking) -> str | None:
    """What `check` warns of: that runs cannot be logged here; None: they are not to be, or can be."""
    if settings.mlflow is None or python():
        return None
    return f"tracking: MLflow is not installed, no run will be logged. {_INSTALL}"


@contextlib.contextmanager
def afterwards(run: AnyRun, begun: list[RunRecord], say: Callable[[Any], None]) -> Iterator[None]:
    """Around a run: what stands in the list is logged at its end.

    Args:
        run: its settings.
        begun: of its record, once there is one.
        say: shows a line to the user.
    """
    try:
        yield
    finally:
        for record in begun:
            log(run, record, say, AGAIN)


def log(run: AnyRun, record: RunRecord, say: Callable[[Any], None], again: str) -> None:
    """Logs a run, says where, or in one line on standard error why not.

    Args:
        run: its settings.
        record: of a run that has ended.
        say: shows a line to the user.
        again: how it is logged after all, in a message.
    """
    uri = run.tracking.mlflow
    if uri is None or record.state not in _STATUS:
        return
    remedy = again
    try:
        if interpreter := python():
            with watch(sys.stderr, "logging to MLflow"):
                problem, said = _logged(interpreter, run, record, uri)
        else:
            problem, said, remedy = "MLflow is not installed", "", _INSTALL
    except (OSError, ValueError) as error:
        problem = outside_command.why(error)
    except KeyboardInterrupt:
        problem = "was interrupted"
    except Exception as error:
        # Of a record that a node has left in another form, say: no run fails for it.
        problem = describe(error)
    if problem:
        line = f"! tracking: {problem}; the run is {record.state} all the same, and not logged in {uri}. {remedy}"
        # Standard error may be on a disk that is full.
        with contextlib.suppress(OSError):
            print(printable(line), file=sys.stderr, flush=True)
    else:
        say(tables.Hanging(Text("logged to  "), Text(said)))


def _logged(interpreter: Path, run: AnyRun, record: RunRecord, uri: str) -> outside_command.Ended:
    return outside_command.finish(
        [str(interpreter), "-I", str(_CLIENT)],
        json_text.dumps({"uri": uri, **told(run, record)}),
        run.tracking.seconds,
        "tracking.seconds",
        environment=_ENVIRONMENT | os.environ,
    )


def told(run: AnyRun, record: RunRecord) -> dict[str, Any]:
    """What MLflow is told of a run, but for the address.

    Args:
        run: its settings.
        record: of a run that has ended.

    Returns:
        `experiment`, its name; `files`, where the store of a file keeps artifacts, None: the server says; `run`, the
        run's id; `key`, which no other run has; `started` and `ended` in milliseconds since 1970; `status`; `tags`
        and `params`, name -> text; `metrics`, (name, value, step); `artifacts`, (file or directory, directory it is
        put into).
    """
    uri, directory = str(run.tracking.mlflow), Path(record.directory)
    started = int(datetime.datetime.fromisoformat(record.started).timestamp() * 1000)
    return {
        "experiment": record.name,
        "files": str(Path(uri.removeprefix(SQLITE)).parent / "mlflow-files") if uri.startswith(SQLITE) else None,
        "run": record.id,
        "key": hashlib.sha256(str(directory).encode()).hexdigest()[:16],
        "started": started,
        "ended": started + int(record.seconds * 1000),
        "status": _STATUS[record.state],
        "tags": {name: value[:_LONGEST_VALUE] for name, value in _tags(record, directory).items()},
        "params": _params(run, record),
        "metrics": _metrics(record),
        "artifacts": list(_artifacts(run, record)),
    }


def _tags(record: RunRecord, directory: Path) -> dict[str, str]:
    why = {"refused": lambda: lifecycle.refusal(record), "failed": lambda: record.error or ""}
    reason = why[record.state]() if record.state in why else ""
    tags = {"verdict": f"{record.state}: {reason}" if reason else record.state}
    if record.pushed:
        tags["pushed"] = record.pushed
    with contextlib.suppress(InputError):
        if commit := manifest.read_alone(directory).code.get("commit"):
            tags["mlflow.source.git.commit"] = str(commit)
    return tags


def _params(run: AnyRun, record: RunRecord) -> dict[str, str]:
    """TABLE.KEY -> value of all that a result follows from, with what Trainer has chosen."""
    found: dict[str, Any] = {}
    for table, value in json.loads(dump(run)).items():
        if table in manifest.WITHOUT_EFFECT:
            # A command that is told may hold a password.
            continue
        found |= {f"{table}.{key}": item for key, item in value.items()} if isinstance(value, dict) else {table: value}
    found |= {one["key"]: one["value"] for one in record.training.get("chosen", [])}
    texts = {name: value if isinstance(value, str) else json_text.dumps(value) for name, value in found.items()}
    return {name: text[:_LONGEST_VALUE] for name, text in texts.items() if found[name] is not None}


def _metrics(record: RunRecord) -> list[tuple[str, float, int]]:
    """(name, value, step): what was measured while it trained, and at the end, at the step that was kept."""
    trained = record.training
    found: dict[tuple[str, int], float] = {}
    for one in trained.get("evaluations", []):
        found[f"training/dev_{trained['metric']}", one["step"]] = one["value"]
        found["training/dev_loss", one["step"]] = one["loss"]
    for split, metrics in record.outcome["metrics"].items():
        for name, value in metrics.items():
            found.setdefault((f"{split}/{_metric(name)}", trained.get("best_step", 0)), value)
    return [(name, float(value), step) for (name, step), value in found.items() if math.isfinite(value)]


def _metric(name: str) -> str:
    """METRIC, or METRIC/LABEL, as MLflow takes it: a label may be any text, and a name is a path there."""
    metric, slash, label = name.partition("/")
    label = label.replace("/", "_")
    label = label.replace(".", "_") if not label.strip(".") else label
    return _NOT_IN_NAMES.sub("_", f"{metric}{slash}{label}")[: _LONGEST_NAME - len("train/")]


def _artifacts(run: AnyRun, record: RunRecord) -> Iterator[tuple[str, str | None]]:
    if record.report.is_file():
        yield str(record.report), None
    if not run.tracking.model or record.state == "failed":
        return
    paths = PipelinePaths.of_run(run, Path(record.directory))
    model = paths.serving / Path(record.pushed).name if record.pushed else lifecycle.made_model(record, paths)
    if model.is_dir():
        yield str(model), "model"
