"""Beam looks at the same functions, options and modules thousands of times a pipeline: here, once a process.

A toy run's Beam pipelines hold a hundred rows in a thousand steps, and 40% of its time went into that. Beam's own
workers, and commands that a test starts as plain processes, have Beam as it is.
"""

from __future__ import annotations

import copy
import functools
import sys
import weakref
from collections.abc import Callable, Iterable, Sequence
from types import CodeType, MethodType, ModuleType
from typing import Any

_Arguments = tuple[list[str], list[Any]]
_Specs = tuple[set[Any], set[Any]]


@functools.cache
def remember() -> None:
    """Makes Beam remember a method's arguments, a class's state and timers and the values of options, all as found."""
    import objsize.traverse
    from apache_beam.internal.cloudpickle import cloudpickle
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.transforms import core, userstate

    core.get_function_args_defaults = _remembered_arguments(core.get_function_args_defaults)
    userstate.get_dofn_specs = _remembered_specs(userstate.get_dofn_specs)
    cloudpickle._find_imported_submodules = _imported_submodules
    objsize.traverse._iter_modules_globals = _Globals()
    PipelineOptions.__init__ = _remembered_options(PipelineOptions.__init__)


def _remembered_arguments(find: Callable[[Any], _Arguments]) -> Callable[[Any], _Arguments]:
    found: weakref.WeakKeyDictionary[Any, _Arguments] = weakref.WeakKeyDictionary()

    def arguments(function: Any) -> _Arguments:
        # Of a bound method the first argument is left out, so only methods share a place with methods.
        if not isinstance(function, MethodType):
            return find(function)
        key = function.__func__
        if key not in found:
            found[key] = find(function)
        names, defaults = found[key]
        return list(names), list(defaults)

    return arguments


def _remembered_specs(find: Callable[[Any], _Specs]) -> Callable[[Any], _Specs]:
    found: weakref.WeakKeyDictionary[type, _Specs] = weakref.WeakKeyDictionary()

    def specs(function: Any) -> _Specs:
        # What was made a method of one object is not its class's.
        if any(isinstance(value, MethodType) for value in vars(function).values()):
            return find(function)
        if type(function) not in found:
            found[type(function)] = find(function)
        states, timers = found[type(function)]
        return set(states), set(timers)

    return specs


def _remembered_options(begin: Callable[..., None]) -> Callable[..., None]:
    parsed: dict[tuple[type, tuple[str, ...]], Any] = {}

    def __init__(self: Any, flags: Sequence[str] | None = None, **given: Any) -> None:  # noqa: N807
        if flags is None or isinstance(flags, str):
            return begin(self, flags, **given)
        key = (type(self), tuple(flags))
        if key not in parsed:
            begin(self, flags, **given)
            parsed[key] = copy.deepcopy(self._visible_options)
            return None
        self._flags, self._all_options = flags, given
        self._visible_options = copy.deepcopy(parsed[key])
        for name, value in vars(self._visible_options).items():
            given.setdefault(name, value)
        return None

    return __init__


def _imported_submodules(code: CodeType, packages: Iterable[Any]) -> list[ModuleType]:
    """The modules that a function's names may stand for, `a.b` of the names `a` and `b`."""
    found = []
    names = [package.__name__ for package in packages if isinstance(package, ModuleType) and package.__package__]
    while names:
        package = names.pop()
        below = [name for name in (f"{package}.{part}" for part in code.co_names) if name in sys.modules]
        found += [sys.modules[name] for name in below]
        names += below
    return found


class _Globals:
    """The globals of all modules, looked up again once there are more modules."""

    def __init__(self) -> None:
        self._modules, self._found = 0, [globals()]

    def __call__(self) -> list[dict[str, Any]]:
        if self._modules != len(sys.modules):
            self._modules = len(sys.modules)
            modules = [module for module in list(sys.modules.values()) if hasattr(module, "__dict__")]
            self._found = [vars(module) for module in modules]
        return self._found
