"""What is left to do once a pipeline was exported for a scheduler, with the commands that do it."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from components.common.checkout import ROOT
from components.settings.kinds.registry import AnyRun
from pipeline.reports.tables import Command, Hanging, short_path, started

_DAGS = '"$(airflow config get-value core dags_folder)"'


def for_airflow(run: AnyRun, root: Path, written: list[Path]) -> RenderableType:
    """From the files to a run of the DAG, in Airflow's own environment.

    Args:
        run: what was exported.
        root: where its runs will be kept.
        written: the DAG file, and the compiled pipeline beside it.
    """
    schedule, files = run.schedule, shlex.join(str(path) for path in written)
    when = "begins when it is triggered, by the next command"
    if schedule.cron:
        when = f"begins at {schedule.cron}, in the time of {schedule.timezone}"
    steps = [
        (f"If {written[0].parent} is not in Airflow's folder of DAGs, copy both files into it, side by side:", [
            f"cp {files} {_DAGS}",
        ]),
        ("See that Airflow reads it; a file that was just put there takes up to five minutes:", [
            f"airflow dags details {run.name}",
        ]),
        (f"Let it run. It {when}:", [f"airflow dags unpause {run.name}", f"airflow dags trigger {run.name}"]),
        ("Look at the run once it has ended:", [
            shlex.join([*started(), "show", run.name, "--root", short_path(str(root.resolve()))]),
        ]),
    ]  # fmt: skip
    if schedule.pool != "default_pool":
        pool = (f"Make the pool {schedule.pool}, unless there is one; a node takes a slot of it:", [
            f"airflow pools set {schedule.pool} 1 bert-pipeline",
        ])  # fmt: skip
        steps.insert(2, pool)
    return _numbered(steps)


def for_kubeflow(run: AnyRun, config: Path, written: Path) -> RenderableType:
    """From the YAML file to a run on the cluster.

    Args:
        run: what was exported.
        config: its TOML file.
        written: the YAML file.
    """
    settings = run.kubeflow
    image = str(settings.image).split("@")[0]
    where = f"the volume claim {settings.volume}" if settings.volume else "every container"
    folder = f"{short_path(str(config.resolve().parent))}/."
    steps = [
        (f"If {settings.image} does not hold this state of the code, build it, write the digest that `docker push` "
         "prints into `kubeflow.image`, and export again; docs/kubeflow.md says what BASE is:", [
            f"docker build --build-arg BASE=$BASE -t {shlex.quote(image)} {shlex.quote(short_path(str(ROOT)))}",
            f"docker push {shlex.quote(image)}",
        ]),
        (f"Have the data, the base model and what else {config} names by relative paths in {where}, so that it lies at "
         f"{settings.folder} as it lies here beside the TOML file; by a pod that mounts it, say:", [
            f"kubectl cp {shlex.quote(folder)} $POD:{shlex.quote(str(settings.folder))}",
        ]),
        ("Start a run, or upload the file in Kubeflow's page:", [
            f"kfp run create --experiment-name {run.name} --package-file {shlex.quote(str(written))} run_name=first",
        ]),
    ]  # fmt: skip
    return _numbered(steps)


def _numbered(steps: list[tuple[str, list[str]]]) -> RenderableType:
    lines: list[RenderableType] = [Text(), Text("next")]
    for number, (text, commands) in enumerate(steps, 1):
        lines.append(Hanging(Text(f"{number}. "), Text(text)))
        lines += [Hanging(Text("   "), Command(command)) for command in commands]
    return Group(*lines)
