from pathlib import Path

import pytest

from components.common.errors import InputError
from pipeline.commands.named_models import model_path


def push(serving: Path, *versions: int) -> Path:
    """As far as a path is to be found."""
    for version in versions:
        (serving / str(version)).mkdir(parents=True)
        (serving / str(version) / "saved_model.pb").write_bytes(b"")
    return serving


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    push(tmp_path / "runs" / "tickets" / "serving" / "tickets", 7, 9)
    (tmp_path / "runs" / "mails" / "runs").mkdir(parents=True)
    return Path("runs")


def message(given: str, root: Path) -> str:
    with pytest.raises(InputError) as caught:
        model_path(Path(given), root)
    return str(caught.value)


def test_a_pipelines_name_is_where_it_pushes_to_and_with_a_version_that_one(root: Path) -> None:
    serving = root.resolve() / "tickets" / "serving" / "tickets"
    assert model_path(Path("tickets"), root) == serving
    assert model_path(Path("tickets/7"), root) == serving / "7"


def test_a_directory_is_taken_as_it_is(root: Path) -> None:
    for given in ("runs/tickets/serving/tickets", "runs/tickets/serving/tickets/7", str(root.resolve()), "a/b/c"):
        assert model_path(Path(given), root) == Path(given)
    # Of a root without pipelines, the model itself says that it is none.
    assert model_path(Path("other"), Path("elsewhere")) == Path("other")


def test_a_directory_of_the_pipelines_name_that_is_no_model_is_not_meant(root: Path) -> None:
    (Path("tickets") / "data").mkdir(parents=True)
    assert model_path(Path("tickets"), root) == root.resolve() / "tickets" / "serving" / "tickets"


def test_what_is_a_model_and_a_pipeline_is_asked_for(root: Path) -> None:
    push(Path("tickets"), 1)
    assert message("tickets", root) == (
        f"tickets: both a model's directory and a pipeline in runs. Give {Path('tickets').absolute()}, or "
        f"{root.resolve()}/tickets/serving/tickets."
    )
    assert model_path(Path("tickets").absolute(), root) == Path("tickets").absolute()
    push(Path("mails"), 1)
    assert model_path(Path("mails"), root) == Path("mails")


def test_a_name_that_leads_to_no_model_is_told_with_those_that_do(root: Path) -> None:
    assert message("tikets", root) == (
        "tikets: no such directory, and no pipeline of this name in runs. Did you mean 'tickets'? "
        "Give a model's directory, or one of the pipelines: mails, tickets."
    )
    assert message("tickets/8", root) == "tickets/8: the pipeline tickets has no version 8. Its versions are 7, 9."


def test_a_pipeline_that_has_pushed_nothing_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "new" / "serving" / "new").mkdir(parents=True)
    monkeypatch.setattr("pipeline.commands.named_models._serving", lambda root, name: root / name / "serving" / name)
    assert message("new", root) == (
        "new: the pipeline new in runs has pushed no model. `show new` says why, or run it first."
    )
