"""What all settings are made of: a frozen dataclass with ranges, an error for those that conflict, kinds of values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar, dataclass_transform

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from components.common.json_files import shown
from components.tasks import label_text

ADDRESS = r"^([A-Za-z0-9_.-]+|\[[A-Fa-f0-9:.]+\]):[0-9]{1,5}$"
"""HOST:PORT, an IPv6 address in brackets."""

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
def settings(cls: type[T]) -> type[T]:
    """A frozen, keyword-only dataclass without coercion: `"2"` is no integer and an unknown key is an error."""
    return dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))(
        cls
    )  # type: ignore[return-value]


class ConflictError(ValueError):
    """Settings that are right one by one and wrong together.

    Args:
        key: the one of them that a reader of the file should look at.
        problem: the rule and the values that broke it.
        remedy: what to do about it.
    """

    def __init__(self, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}.")
        self.key, self.problem, self.remedy = key, problem, remedy


def written_bound(bound: float) -> str:
    """A bound as a message and the docs have it."""
    whole = bound == int(bound) and 10_000 <= bound <= 10**18
    return f"{int(bound):,}" if whole else f"{bound:g}"


def several(value: object) -> object:
    """Lets TOML give one value where several are allowed."""
    return (value,) if isinstance(value, str | int | float) else tuple(value) if isinstance(value, list) else value


def label_keys(value: object) -> object:
    """A table by labels, with the labels as rows give them."""
    return _renamed(value, label_text.cleaned)


def metric_keys(value: object) -> object:
    """A table by metrics, METRIC or METRIC/LABEL, with the labels as rows give them."""
    return _renamed(value, _metric)


def metric_name(value: object) -> object:
    """METRIC or METRIC/LABEL, with the label as rows give it."""
    return _metric(value) if isinstance(value, str) else value


def _metric(full_name: str) -> str:
    metric, slash, label = full_name.partition("/")
    return f"{metric}{slash}{label_text.cleaned(label)}"


def _renamed(value: object, rename: Callable[[str], str]) -> object:
    if not isinstance(value, dict):
        return value
    names: dict[str, str] = {}
    for key in value:
        if (other := names.setdefault(rename(key), key)) != key:
            problem = f"{shown(other)} and {shown(key)} are the same label: spaces around it are no part of it"
            raise ConflictError(key, problem, "Delete one")
    return {name: value[key] for name, key in names.items()}


Column = str | Annotated[int, Field(ge=1, le=1_000_000)]

Columns = Annotated[tuple[Column, ...], BeforeValidator(several)]

PATH = r"^[^\x00]*$"

PathText = Annotated[str, Field(pattern=PATH)]
"""A path, or a glob: no system has a null character in one."""

Paths = Annotated[tuple[PathText, ...], BeforeValidator(several)]

MOST = 1_000_000_000
"""Of what is counted: no run comes near it, and sums of it stay within 64 bits."""

Count = Annotated[int, Field(ge=1, le=MOST)]

Hours = Annotated[float, Field(gt=0, le=87_600)]
"""Up to ten years: Airflow's clock cannot add much more."""

Minutes = Annotated[float, Field(gt=0, le=525_600)]
"""Up to a year."""

Several = Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(several)]
"""At least one."""

Strings = Annotated[tuple[str, ...], BeforeValidator(several)]

Share = Annotated[float, Field(ge=0, le=1)]

Rate = Annotated[float, Field(ge=0, lt=1)]

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"

Name = Annotated[str, Field(pattern=NAME)]
"""What may be a directory and a name in a URL."""

Address = Annotated[str, Field(pattern=ADDRESS)]
