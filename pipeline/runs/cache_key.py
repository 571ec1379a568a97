"""Hashes of what a run depends on, for the cache keys and the manifest."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from components.common.checkout import ROOT
from components.tasks import own
from pipeline.runs.paths import HOME, moved

PLACES = (
    *(("base_model",), ("custom_config", "base_model"), ("custom_config", "card", "base_model")),
    *(("custom_config", "model", "base"), ("custom_config", "training", "init_from")),
    ("custom_config", "model", "vocabulary"),
    ("custom_config", "sign_key"),
    *(("data", "train"), ("data", "dev"), ("data", "test"), ("data", "files"), ("data_path",)),
    *(("directory",), ("schema_file",), ("corpus", "files")),
)
"""Which parameters of the nodes, or keys in them, say where something lies. What is there the key has otherwise: a hash
in another parameter, what a driver adds, an input artifact."""

_PACKAGE = "components"

COMPUTING = (
    *("tensorflow", "keras", "tensorflow-transform", "tensorflow-data-validation"),
    *("tensorflow-model-analysis", "tfx", "apache-beam", "numpy", "scipy", "tensorflow-text", "sentencex"),
)
"""The distributions of which another version may give other results from the same code."""

_DOTTED = re.compile(rf"{_PACKAGE}(\.\w+)+")


@cache
def libraries() -> str:
    """The versions of what computes."""
    python = ".".join(map(str, sys.version_info[:2]))
    return " ".join([f"python=={python}", *(f"{name}=={metadata.version(name)}" for name in COMPUTING)])


def placeless(parameters: Mapping[str, Any], home: str) -> dict[str, Any]:
    """A node's parameters without what says where something lies, for its cache key.

    Args:
        parameters: by name; what is in them may be JSON, and in that JSON again.
        home: of the pipeline; what is pushed into it, is pushed there wherever it lies.
    """
    found = {name: _from_json(value) for name, value in parameters.items()}
    for *outer, name in PLACES:
        inner = found
        for key in outer:
            inner[key] = _from_json(inner.get(key))
            inner = inner[key] if isinstance(inner[key], dict) else {}
        inner.pop(name, None)
    kept: dict[str, Any] = moved(found, home, HOME)
    return kept


def _from_json(value: Any) -> Any:
    """An object that is written as JSON; anything else as it is."""
    if isinstance(value, str) and value.startswith("{"):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


def source_hash(module: str, root: Path = ROOT) -> str:
    """sha256 over the code of a module of `components` and of all modules there that importing and running it reaches.

    TFX's cache key does not see the code behind a function path, so each node gets this hash of its own code, and of
    the versions of the libraries it stands on. Comments, docstrings, the layout of lines and what only type checkers
    import are no part of it.

    Args:
        module: its dotted name.
        root: directory that holds the package.
    """
    digest = hashlib.sha256(libraries().encode())
    reached = reachable_modules(module, root)
    for name in sorted(reached):
        digest.update(f"{name}\0{_code(_path(name, root).read_bytes()).sha256}\n".encode())
        for library in _libraries_of(_path(name, root)):
            digest.update(library.name.encode() + b"\0" + library.read_bytes())
    if own.__name__ in reached:
        _add_tasks(digest)
    return digest.hexdigest()


def reachable_modules(module: str, root: Path = ROOT) -> set[str]:
    """The modules of `components` that run when one of them does, itself included.

    These are what its import statements name, at its top or within a function; the packages around each; and modules
    that a string names, as TensorFlow Model Analysis loads the metrics' and TFX a node's function.
    """
    found: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        code = _code(_path(name, root).read_bytes())
        parents = name.split(".")[:-1]
        package = name if _path(name, root).name == "__init__.py" else ".".join(parents)
        named = {".".join(parents[:count]) for count in range(1, len(parents) + 1)}
        named |= {target for target in code.absolute_names(package) if target.split(".")[0] == _PACKAGE}
        waiting |= {_module_of(target, root) for target in named} - found - {""}
    return found


def _libraries_of(source: Path) -> list[Path]:
    """What was compiled for a package, beside its `__init__.py`."""
    return sorted(source.parent.glob("*.so")) if source.name == "__init__.py" else []


def project_hash() -> str:
    """sha256 over all sources of the project, and of packages with tasks of their own, that a run can stand on."""
    digest = hashlib.sha256()
    sources = [*ROOT.glob("components/**/*.py"), *ROOT.glob("pipeline/**/*.py"), ROOT / "pipeline_runner.py"]
    for path in sorted([*sources, *ROOT.glob("components/*/*.so")]):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    _add_tasks(digest)
    return digest.hexdigest()


def _add_tasks(digest: Any) -> None:
    """The packages that declare tasks, whichever a run has: which one it is, a node may learn from an artifact only."""
    for name, content in own.sources():
        digest.update(name.encode() + b"\0" + content)


@cache
def code_at_start() -> str:
    """`project_hash` as it was when this process first asked.

    What may wait, or import TensorFlow, asks before: modules that are imported afterwards could be of other sources.
    """
    return project_hash()


class _Code(NamedTuple):
    """What counts of a module's source."""

    sha256: str
    """Of its syntax tree."""
    names: tuple[tuple[int, str], ...]
    """What it imports, or has as a string: how many packages up it is to be looked for, 0 from the top; the name."""

    def absolute_names(self, package: str) -> Iterator[str]:
        """The names as they are from the top, in a module of this package."""
        parts = package.split(".")
        for level, name in self.names:
            yield ".".join([*parts[: len(parts) - level + 1], name]).strip(".") if level else name


# Most modules are reached from several nodes.
@cache
def _code(source: bytes) -> _Code:
    tree = _WhatRuns().visit(ast.parse(source))
    names: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names += [(0, alias.name) for alias in node.names]
            case ast.ImportFrom():
                # A name may be a module of the package, or something that the package defines.
                base = f"{node.module}." if node.module else ""
                names += [(node.level, f"{base}{alias.name}") for alias in node.names]
            case ast.Constant(value=str(text)) if _DOTTED.fullmatch(text):
                names.append((0, text))
    return _Code(hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(names))


class _WhatRuns(ast.NodeTransformer):
    """Removes docstrings, attributes' too, and what stands under `if TYPE_CHECKING:`."""

    def visit_Expr(self, node: ast.Expr) -> Any:
        """A string by itself does nothing."""
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> Any:
        """Leaves the branch that runs."""
        self.generic_visit(node)
        match node.test:
            case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
                return node.orelse
        return node


def _module_of(name: str, root: Path) -> str:
    """The longest part of a dotted name that is a module; empty if there is none."""
    parts = name.split(".")
    prefixes = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if _path(prefix, root).is_file()), "")


def _path(module: str, root: Path) -> Path:
    path = root / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
