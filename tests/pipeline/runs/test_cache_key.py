import shutil
from pathlib import Path

import pytest

from pipeline.runs import cache_key
from tests.checkout import ROOT

NODES = [
    f"components.nodes.{path.stem}" for path in sorted(ROOT.glob("components/nodes/*.py")) if path.stem != "__init__"
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A `components` of four modules: a imports b, in the room r; c and d are by themselves."""
    write(tmp_path, "__init__", "")
    write(tmp_path, "a", "from components.r.b import value\n")
    write(tmp_path, "r/__init__", "")
    write(tmp_path, "r/b", "value = 1\n")
    write(tmp_path, "c", "")
    write(tmp_path, "d", "")
    return tmp_path


def write(root: Path, module: str, text: str) -> None:
    path = root / "components" / f"{module}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def reached(root: Path, module: str) -> set[str]:
    return {name.removeprefix("components").lstrip(".") for name in cache_key.reachable_modules(module, root)}


def test_a_change_in_an_imported_module_changes_the_hash(root: Path) -> None:
    before = cache_key.source_hash("components.a", root)
    write(root, "r/b", "value = 2\n")
    assert cache_key.source_hash("components.a", root) != before


def test_what_was_compiled_for_a_package_counts_where_the_package_is_reached(root: Path) -> None:
    library = root / "components" / "r" / "x.so"
    library.write_bytes(b"1")
    before = [cache_key.source_hash(f"components.{module}", root) for module in "ac"]
    library.write_bytes(b"2")
    after = [cache_key.source_hash(f"components.{module}", root) for module in "ac"]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True]


def test_what_was_compiled_is_of_the_whole_projects_hash(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setattr(cache_key, "ROOT", root)
    (root / "pipeline_runner.py").touch()
    before = cache_key.project_hash()
    (root / "components" / "r" / "x.so").write_bytes(b"1")
    assert cache_key.project_hash() != before
    # A build's scratch is no part of it.
    after = cache_key.project_hash()
    (root / "components" / "r" / "tmp1").mkdir()
    (root / "components" / "r" / "tmp1" / "x.so").write_bytes(b"1")
    assert cache_key.project_hash() == after


def test_a_change_elsewhere_leaves_the_hash(root: Path) -> None:
    before = cache_key.source_hash("components.a", root)
    write(root, "c", "value = 3\n")
    assert cache_key.source_hash("components.a", root) == before


def test_a_module_that_moves_changes_the_hash(root: Path) -> None:
    before = cache_key.source_hash("components.a", root)
    write(root, "r/e", "value = 1\n")
    write(root, "a", "from components.r.e import value\n")
    assert cache_key.source_hash("components.a", root) != before


@pytest.mark.parametrize(
    "statement",
    [
        "from components.r.b import value",
        "from components.r import b",
        "import components.r.b",
        "import components.r.b as other",
        "from .r.b import value",
        "from .r import b",
        "def f():\n    from components.r import b",
        "if True:\n    import components.r.b",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    from components.r import b",
        "path = 'components.r.b'",
        "path = 'components.r.b.value'",
    ],
)
def test_what_an_import_reaches_when_it_runs_counts_with_the_packages_around_it(root: Path, statement: str) -> None:
    write(root, "c", statement)
    assert reached(root, "components.c") == {"", "c", "r", "r.b"}


@pytest.mark.parametrize(
    "statement",
    [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from components.r import b",
        "import typing\nif typing.TYPE_CHECKING:\n    from components.r import b",
        '"""components.r.b"""',
        'def f():\n    """components.r.b"""\n    return 1',
        'value = 1\n"""components.r.b"""',
        "# components.r.b",
        "text = 'components.r.b is a module'",
        "import json",
    ],
)
def test_what_runs_no_module_does_not_count(root: Path, statement: str) -> None:
    write(root, "c", statement)
    assert reached(root, "components.c") == {"", "c"}


def test_a_relative_import_is_taken_from_the_modules_own_package(root: Path) -> None:
    write(root, "r/e", "from .b import value\nfrom ..c import other\n")
    write(root, "r/f/__init__", "from . import g\nfrom .. import e\n")
    write(root, "r/f/g", "")
    assert reached(root, "components.r.e") == {"", "r", "r.e", "r.b", "c"}
    assert reached(root, "components.r.f") == {"", "r", "r.f", "r.f.g", "r.e", "r.b", "c"}


def test_what_a_package_imports_counts_for_each_of_its_modules(root: Path) -> None:
    write(root, "r/__init__", "from components.d import value\n")
    assert reached(root, "components.a") == {"", "a", "r", "r.b", "d"}


def test_modules_that_import_each_other_have_an_end(root: Path) -> None:
    write(root, "r/b", "from components import a\n")
    assert reached(root, "components.a") == {"", "a", "r", "r.b"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("value = 1\n", "value = 1  # a comment\n"),
        ("value = 1\n", "# a comment\n\n\nvalue = (\n    1\n)\n"),
        ('"""One."""\nvalue = 1\n', '"""Another."""\nvalue = 1\n'),
        ('value = 1\n"""One."""\n', "value = 1\n"),
        (
            'class A:\n    """One."""\n    b: int = 1\n    """One."""\n',
            'class A:\n    """Two."""\n    b: int = 1\n    """Three."""\n',
        ),
        ('def f():\n    """One."""\n    return 1\n', "def f():\n    return 1\n"),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import json\n",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import csv\n",
        ),
    ],
)
def test_what_does_not_run_can_change_without_the_hash(root: Path, before: str, after: str) -> None:
    write(root, "r/b", before)
    one = cache_key.source_hash("components.a", root)
    write(root, "r/b", after)
    assert cache_key.source_hash("components.a", root) == one


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The project's own components, to be edited."""
    shutil.copytree(ROOT / "components", tmp_path / "components", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def replace(root: Path, module: str, old: str, new: str) -> None:
    path = root / "components" / f"{module}.py"
    text = path.read_text()
    assert text.count(old) == 1, f"{module} should hold {old!r} once"
    path.write_text(text.replace(old, new))


def changed_nodes(root: Path) -> set[str]:
    """The modules of nodes whose hashes are other ones than the project's."""
    return {
        node.rpartition(".")[2] for node in NODES if cache_key.source_hash(node, root) != cache_key.source_hash(node)
    }


def test_a_comment_and_a_docstring_in_every_module_make_no_node_run_again(copied: Path) -> None:
    for path in copied.glob("components/**/*.py"):
        text = path.read_text()
        assert text.startswith('"""')
        path.write_text(text.replace('"""', '"""Said better: ', 1) + "\n# And why.\n")
    assert changed_nodes(copied) == set()


def test_a_default_of_kubeflows_makes_no_node_run_again(copied: Path) -> None:
    replace(copied, "settings/kubeflow", '"nvidia.com/gpu"', '"amd.com/gpu"')
    assert changed_nodes(copied) == set()


def test_a_constant_of_the_loss_makes_the_trainer_run_again(copied: Path) -> None:
    replace(copied, "tasks/classification", "* (1 - smoothing)", "* (2 - smoothing)")
    changed = changed_nodes(copied)
    assert "trainer" in changed
    # Pusher writes other forms of a model, which follow from its task.
    assert not changed & {"baseline", "word_counter"}


def test_the_optimiser_makes_those_alone_run_again_that_train(copied: Path) -> None:
    path = copied / "components/training/optimizer/cpu_adamw.py"
    path.write_text(f"{path.read_text()}\nBETA = 0.5\n")
    assert changed_nodes(copied) == {"trainer", "pretrainer"}


def test_the_tokenizer_makes_those_run_again_that_tokenize(copied: Path) -> None:
    replace(copied, "tokenization/vocabulary", '"##"', '"#"')
    of_vocabulary = {"word_counter", "vocabulary_learner", "vocabulary_evaluator"}
    fine_tuning = {"example_validator", "preprocessing", "drift_validator", "serving_validator", "trainer", "transform"}
    pretraining, of_exports = {"pretrainer", "pretraining_evaluator"}, {"evaluator", "pusher"}
    assert changed_nodes(copied) == of_vocabulary | fine_tuning | pretraining | of_exports


def test_the_reader_of_rows_makes_those_run_again_that_read_files(copied: Path) -> None:
    replace(copied, "rows/rules", "Delete the line", "Delete it")
    assert changed_nodes(copied) == {"example_gen", "drift_validator", "corpus_example_gen"}


def test_a_definition_of_a_metric_makes_the_evaluator_alone_run_again(copied: Path) -> None:
    path = copied / "components/evaluation/tfma_task_metrics.py"
    path.write_text(f"{path.read_text()}\nONE_MORE = 1\n")
    assert changed_nodes(copied) == {"evaluator"}
