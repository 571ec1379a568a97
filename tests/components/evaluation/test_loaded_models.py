import os
from pathlib import Path

import pytest

from components.evaluation import loaded_models


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded_models, "_models", {})


def test_a_model_is_loaded_once_until_its_files_change_and_two_are_kept(tmp_path: Path) -> None:
    loaded = []

    def ask(name: str) -> object:
        def load() -> object:
            loaded.append(name)
            return object()

        return loaded_models.kept(tmp_path / name, load)

    for name in ("candidate", "production", "older"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").write_text(name)
    first = ask("candidate")
    assert ask("production") is not first
    assert ask("candidate") is first
    assert loaded == ["candidate", "production"]
    # The same name, size and time of change: but another file.
    place = tmp_path / "candidate" / "saved_model.pb"
    times = place.stat()
    other = tmp_path / "other"
    other.write_text("CANDIDATE")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(place)
    assert ask("candidate") is not first
    ask("older")
    ask("production")
    assert loaded == ["candidate", "production", "candidate", "older", "production"]
