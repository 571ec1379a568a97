from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.runs import provenance


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A `components` of three modules: a imports b, and c is by itself."""
    folder = tmp_path / "components"
    folder.mkdir()
    (folder / "a.py").write_text("from components.b import value\n")
    (folder / "b.py").write_text("value = 1\n")
    (folder / "c.py").write_text("")
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    provenance.source_hash.cache_clear()
    yield folder
    provenance.source_hash.cache_clear()


def fresh(module: str) -> str:
    provenance.source_hash.cache_clear()
    return provenance.source_hash(module)


def test_a_change_in_an_imported_module_changes_the_hash(package: Path) -> None:
    before = fresh("components.a")
    (package / "b.py").write_text("value = 2\n")
    assert fresh("components.a") != before


def test_a_change_elsewhere_leaves_the_hash(package: Path) -> None:
    before = fresh("components.a")
    (package / "c.py").write_text("value = 3\n")
    assert fresh("components.a") == before


def test_import_of_a_module_by_its_package_counts(package: Path) -> None:
    (package / "c.py").write_text("from components import b\n")
    before = fresh("components.c")
    (package / "b.py").write_text("value = 2\n")
    assert fresh("components.c") != before


def test_a_module_named_in_a_string_counts(package: Path) -> None:
    (package / "c.py").write_text('module = "components.b"\n')
    before = fresh("components.c")
    (package / "b.py").write_text("value = 2\n")
    assert fresh("components.c") != before


def test_modules_that_import_each_other_have_an_end(package: Path) -> None:
    (package / "b.py").write_text("from components import a\n")
    assert fresh("components.a") == fresh("components.a")


def test_the_base_models_hashes_name_its_files(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes(b"a\n")
    (tmp_path / "README.md").write_bytes(b"not part of the model")
    # sha256 of "a\n"
    expected = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
    assert provenance.base_model_hashes(tmp_path) == {"vocab.txt": expected}


@pytest.mark.parametrize(
    ("module", "behind"),
    [
        ("components.nodes.example_gen", "components.tasks"),
        ("components.nodes.preprocessing", "components.tasks.tagging"),
        ("components.nodes.trainer", "components.tasks.base"),
        ("components.nodes.evaluator", "components.evaluation.task_metrics"),
        ("components.nodes.evaluator", "components.evaluation.class_metrics"),
    ],
)
def test_the_code_behind_a_node_includes_the_tasks_and_their_metrics(module: str, behind: str) -> None:
    assert behind in provenance.reachable_modules(module, set())
