"""What a worker on another machine imports: the built wheel, away from the checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.kernels.build import LEVELS, library
from tests.checkout import ROOT

pytestmark = pytest.mark.slow

RESOLVE = """
import sys
from tfx.utils import import_utils
functions = [("components.nodes.preprocessing", "preprocessing_fn"), ("components.nodes.trainer", "run_fn")]
classes = [f"components.nodes.{name}.Executor" for name in (
    "baseline", "evaluator", "example_gen", "example_validator", "pusher", "schema_gen", "statistics_gen", "transform")]
found = [import_utils.import_func_from_module(*path) for path in functions]
found += [import_utils.import_class_by_path(path) for path in classes]
import pipeline_runner, pipeline.runners.launch
for thing in found:
    print(sys.modules[thing.__module__].__file__)
print(pipeline_runner.__file__)
print(pipeline.runners.launch.__file__)
"""


def test_entry_functions_and_executors_come_from_the_built_wheel(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--no-cache-dir"]
    # A copy, because setuptools builds within the folder it is given.
    source = tmp_path / "source"
    for folder in ("components", "pipeline", "data/intents", "data/requests"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for file in (ROOT / "data" / "README.md", *(ROOT / "data").glob("*.py")):
        shutil.copy(file, source / "data")
    for name in ("pipeline_runner.py", "pyproject.toml", "setup.py", "requirements.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(target)}
    done = subprocess.run(
        [sys.executable, "-c", RESOLVE], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    files = done.stdout.split()
    assert len(files) == 12
    assert all(file.startswith(str(target)) for file in files)
    assert (target / "pipeline" / "configs" / "run.schema.json").is_file()
    for level in LEVELS:
        assert library(level, target / "components" / "kernels").read_bytes() == library(level).read_bytes()
    (empty := tmp_path / "empty").mkdir()

    def command(*words: str, start: tuple[str, ...] = (sys.executable, "-m", "pipeline")) -> tuple[int, str, str]:
        ended = subprocess.run(
            [*start, *words], cwd=empty, env=environment, capture_output=True, text=True, check=False
        )
        return ended.returncode, ended.stdout, ended.stderr

    for start in ((str(target / "bin" / "bert-pipeline"),), (sys.executable, "-m", "pipeline")):
        status, said, _ = command("show", "--help", start=start)
        assert (status, said.split()[1]) == (0, "python" if len(start) > 1 else "bert-pipeline")
        assert "pipeline_runner.py" not in said
    # The config that ships is found, and its samples; the base model has to be fetched first, to where it is named.
    status, _, said = command("check", "--config", "pipeline/configs/intents.toml")
    assert (status, said.startswith(f"error: {target}/data/minilm: ")) == (2, True), said
    status, _, said = command("data", "nothing")
    assert (status, said.startswith("error: sample data: no sample is called 'nothing'")) == (2, True), said
