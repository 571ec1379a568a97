"""Hashes of what a run depends on, for the cache keys and the model's card."""

from __future__ import annotations

import ast
import hashlib
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from components.common import atomic_files
from components.common.checkout import ROOT

_PACKAGE = "components"


@cache
def libraries() -> str:
    """The versions of what computes: another one may give other results from the same code."""
    names = (
        *("tensorflow", "tensorflow-text", "keras", "tensorflow-transform", "tensorflow-data-validation"),
        *("tensorflow-model-analysis", "tfx", "apache-beam", "numpy"),
    )
    python = ".".join(map(str, sys.version_info[:2]))
    return " ".join([f"python=={python}", *(f"{name}=={metadata.version(name)}" for name in names)])


@cache
def source_hash(module: str) -> str:
    """sha256 over the source of a module of `components` and of all modules there that it imports, however deep.

    TFX's cache key does not see the code behind a function path, so each node is told this hash of its own code, and of
    the versions of the libraries it stands on.
    """
    digest = hashlib.sha256(libraries().encode())
    for name in sorted(reachable_modules(module, set())):
        digest.update(name.encode() + b"\0" + _path(name).read_bytes())
    return digest.hexdigest()


@cache
def project_hash() -> str:
    """sha256 over all sources of the project that a run can stand on."""
    digest = hashlib.sha256()
    for path in sorted([*ROOT.glob("components/**/*.py"), *ROOT.glob("pipeline/**/*.py"), ROOT / "pipeline_runner.py"]):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def base_model_hashes(directory: Path) -> dict[str, str]:
    """File name -> sha256 of what a base model is made of."""
    patterns = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "*.safetensors", "*.index.json")
    return {path.name: atomic_files.sha256(path) for pattern in patterns for path in sorted(directory.glob(pattern))}


def reachable_modules(module: str, seen: set[str]) -> set[str]:
    """Adds a module, and all that it imports however deep, to those `seen`."""
    if module in seen:
        return seen
    seen.add(module)
    for node in ast.walk(ast.parse(_path(module).read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module == _PACKAGE:
            names = [f"{_PACKAGE}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{_PACKAGE}."):
            names = [str(node.module)]
        elif isinstance(node, ast.Constant) and str(node.value).startswith(f"{_PACKAGE}."):
            # Modules that TFMA is told by name.
            names = [str(node.value)]
        else:
            continue
        for name in names:
            if _path(name).is_file():
                reachable_modules(name, seen)
    return seen


def _path(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
