"""TensorFlow, Beam and TFX, imported without what they import for their other users: a third of the time it takes."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

LIBRARIES = ("tensorflow", "apache_beam", "tfx.components", "tfx.orchestration.portable.launcher")

LEFT_OUT = ("IPython", "docker", "keras_tuner", "kubernetes", "nltk", "pymongo", "scipy.stats")
"""Notebooks, containers, tuning, a metric of translations, a database, confidence intervals: the libraries have parts
for each that they import at once, and that nothing here calls."""

_OPTIONAL = ("sklearn",)
"""What Keras goes without where it is not installed: it wraps models for it."""


def load() -> None:
    """Imports them, once; what is left out can be imported afterwards as if nothing had been.

    Those of their parts that want it find a stand-in that has every name and does nothing. So for the libraries alone:
    what a user's own task imports, it gets.
    """
    if "tensorflow" in sys.modules:
        # There may be garbage, and what is there can no longer be left out.
        return
    with _no_collections(), _left_out():
        for name in LIBRARIES:
            importlib.import_module(name)


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Leaves Python's garbage collector off, and what was made meanwhile out of later collections.

    Modules are never garbage: looking for some among them takes a second of ten while TensorFlow is imported, and time
    in every node.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


@contextlib.contextmanager
def _left_out() -> Iterator[None]:
    """As long as the block lasts, what is left out and not there already is imported as an empty module."""
    finder = _Finder([name for name in LEFT_OUT if name not in sys.modules])
    missing = [name for name in _OPTIONAL if name not in sys.modules]
    sys.modules.update(dict.fromkeys(missing))  # type: ignore[arg-type]
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in missing:
            del sys.modules[name]
        for name in finder.made:
            parent, _, last = name.rpartition(".")
            del sys.modules[name]
            if vars(sys.modules.get(parent, finder)).get(last) is finder.made[name]:
                delattr(sys.modules[parent], last)


class _Finder(MetaPathFinder, Loader):
    """Finds an empty module for some names and all below them.

    Args:
        names: of packages or modules.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self.made: dict[str, ModuleType] = {}
        """By name, packages before what is in them."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """As Python's import asks for it."""
        among = any(f"{fullname}.".startswith(f"{name}.") for name in self._names)
        return ModuleSpec(fullname, self, is_package=True) if among else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The empty one."""
        self.made[spec.name] = _Empty(spec.name)
        return self.made[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: there is no code."""


class _Anything:
    """What an empty module has under any name: good for an annotation, a base class or a decorator."""

    def __getattr__(self, name: str) -> _Anything:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> _Anything:
        return self

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __or__(self, other: Any) -> Any:
        return other

    __ror__ = __or__

    def __getitem__(self, key: Any) -> _Anything:
        return self


class _Empty(ModuleType):
    def __getattr__(self, name: str) -> _Anything:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything()
