import io
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.load import load_config
from pipeline.reports import next_steps
from pipeline.reports.tables import console
from tests.toys import HEADED_RUN


def lines(shown: Any) -> list[str]:
    out = io.StringIO()
    console(out).print(shown)
    return out.getvalue().splitlines()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("run.toml").write_text(HEADED_RUN)
    return Path("run.toml")


def test_behind_an_export_for_airflow_stand_the_commands_up_to_the_run(config: Path) -> None:
    written = [Path("my dags/toy.py"), Path("my dags/toy.json")]
    shown = lines(next_steps.for_airflow(load_config(config), Path("runs"), written))
    assert [line.strip() for line in shown if line.startswith("   ")][:4] == [
        "cp 'my dags/toy.py' 'my dags/toy.json' \"$(airflow config get-value core dags_folder)\"",
        "airflow dags details toy",
        "airflow dags unpause toy",
        "airflow dags trigger toy",
    ]
    assert shown[-1].endswith("show toy --root runs")
    assert "3. Let it run. It begins when it is triggered, by the next command:" in shown


def test_a_schedule_and_a_pool_of_ones_own_are_told(config: Path) -> None:
    config.write_text(f'{HEADED_RUN}\n[schedule]\ncron = "0 3 * * *"\ntimezone = "Europe/Berlin"\npool = "training"\n')
    shown = lines(next_steps.for_airflow(load_config(config), Path("runs"), [Path("d/toy.py"), Path("d/toy.json")]))
    assert "   airflow pools set training 1 bert-pipeline" in shown
    assert "4. Let it run. It begins at 0 3 * * *, in the time of Europe/Berlin:" in shown


def test_behind_an_export_for_kubeflow_stand_image_volume_and_run(config: Path) -> None:
    settings = 'image = "r.example/bert@sha256:01"\nroot = "s3://b/p"\nfolder = "/mnt/toy"\nvolume = "toy"\n'
    config.write_text(f"{HEADED_RUN}\n[kubeflow]\n{settings}")
    shown = lines(next_steps.for_kubeflow(load_config(config), config, Path("out/toy.yaml")))
    commands = [line.strip() for line in shown if line.startswith("   ")]
    assert commands[1:] == [
        "docker push r.example/bert",
        "kubectl cp ./. $POD:/mnt/toy",
        "kfp run create --experiment-name toy --package-file out/toy.yaml run_name=first",
    ]
    assert commands[0].startswith("docker build --build-arg BASE=$BASE -t r.example/bert ")
    assert any("in the volume claim toy, so that it lies at /mnt/toy" in line for line in shown)
