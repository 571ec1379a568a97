"""Export to Airflow: a DAG file that imports nothing of ours, and beside it the compiled pipeline.

TFX's own AirflowDagRunner is not used: under it a node behind a false condition runs and counts as successful, dynamic
properties arrive as placeholder objects, and Airflow 3 cannot import it.
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

from components.common import atomic_files
from components.common.checkout import ROOT, SCRIPT
from components.common.errors import InputError
from components.common.streams import hidden_stderr
from pipeline.config import preflight
from pipeline.runners.exported_dag import ExportedDag
from pipeline.runs import lifecycle, manifest
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.pushed_versions import NamedRuns

_DAG_FILE = Path(__file__).with_name("airflow_dag.py")


def export(path: Path, root: Path, output: Path) -> list[Path]:
    """Writes NAME.json and NAME.py into a directory of DAGs.

    Args:
        path: the run's TOML, which is read again when a run begins.
        root: where the runs keep their files.
        output: Airflow's folder of DAGs, or one below it.

    Returns:
        What was written.

    Raises:
        InputError: the config, or what it names, is wrong; or the directory cannot be written.
    """
    checked = preflight.check_any(path, NamedRuns(root))
    paths = PipelinePaths.of(checked.run, root)
    lifecycle.check_names(checked, paths)
    with hidden_stderr():
        from google.protobuf import json_format

        from pipeline.runners.launch import compiled_run

    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    compiled = compiled_run(checked, paths, manifest.collect(checked, "exported", now))
    exported = ExportedDag(
        name=checked.run.name,
        config=str(path.resolve()),
        root=str(root.resolve()),
        python=sys.executable,
        runner=str(ROOT / SCRIPT),
        schedule=checked.run.schedule,
        pipeline=json_format.MessageToDict(compiled),
        notify=checked.run.notify,
    )
    dag = output / f"{checked.run.name}.py"
    _check_free(dag, exported)
    try:
        output.mkdir(parents=True, exist_ok=True)
        # First, because the other one reads it.
        exported.write(dag.with_suffix(".json"))
        atomic_files.write_text(dag, _DAG_FILE.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise InputError(str(output), problem, "Give a directory you may write to") from None
    return [dag, dag.with_suffix(".json")]


def _check_free(dag: Path, exported: ExportedDag) -> None:
    """Refuses to write over another pipeline's DAG, or over a file that is none of ours."""
    if not dag.exists():
        return
    remedy = "Give another --output, or delete it"
    try:
        before = ExportedDag.read(dag.with_suffix(".json"))
    except InputError:
        raise InputError(str(dag), "is there already, and `export` did not write it", remedy) from None
    if (before.config, before.root) != (exported.config, exported.root):
        raise InputError(str(dag), f"is the DAG of {before.config} with --root {before.root}", remedy)
