"""TOML from people to settings: a mistake gets one message, with its line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, get_type_hints

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from components.common.errors import InputError
from components.common.json_files import shown
from components.common.suggest import did_you_mean
from components.settings.fields import ADDRESS, PATH, ConflictError, written_bound
from components.settings.schedule import CRON
from components.settings.serialization import T, adapter

_TYPES = {
    "bool_type": "true or false",
    "int_type": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "a string",
    "tuple_type": "a list",
    "dict_type": "a table",
    "dataclass_type": "a table",
}
"""Pydantic's names of type errors -> what TOML calls the type that was expected."""

_MISSING = ("missing", "missing_argument", "missing_keyword_only_argument")

_NEAR = 0.5
"""How near a key of the same table has to be to be suggested, and `_VERY_NEAR` one of another table."""

_VERY_NEAR = 0.8

_MOST_MISTAKES = 20
"""That are told at a time; each is looked for in all of the file."""

OF_OTHER_TOOLS = {
    "data.dev": "eval eval_data eval_file val valid validation validation_data validation_file dev_file dev_data",
    "data.label": "label_column label_column_name target target_column y",
    "data.labels": "classes class_names label_names num_labels num_classes",
    "data.test": "test_data test_file",
    "data.text": "text_column text_column_name sentence sentence1 texts x",
    "data.train": "train_data train_file train_path training_data",
    "model.base": "base_model checkpoint model model_name model_name_or_path pretrained_model_name_or_path",
    "model.max_length": "max_len max_seq_len max_seq_length max_sequence_length model_max_length sequence_length",
    "push.destination": "output output_dir",
    "training.batch_size": "batch per_device_train_batch_size per_gpu_train_batch_size train_batch_size",
    "training.checkpoint_steps": "save_steps",
    "training.class_weights": "class_weight",
    "training.clip_norm": "clip_grad_norm gradient_clip_val gradient_clipping max_grad_norm",
    "training.dropout": "attention_probs_dropout_prob dropout_rate hidden_dropout_prob",
    "training.early_stopping": "early_stopping_patience patience",
    "training.epochs": "max_epochs n_epochs num_epochs num_train_epochs",
    "training.evaluations_per_epoch": "eval_steps eval_strategy evaluation_strategy",
    "training.label_smoothing": "label_smoothing_factor",
    "training.layer_decay": "layerwise_lr_decay llrd lr_decay",
    "training.learning_rate": "eta init_lr lr max_lr peak_lr",
    "training.precision": "amp bf16 dtype fp16 mixed_precision",
    "training.seed": "data_seed manual_seed random_seed random_state",
    "training.steps": "max_steps num_steps num_train_steps total_steps train_steps",
    "training.warmup": "num_warmup_steps warmup_proportion warmup_ratio warmup_steps",
    "training.weight_decay": "decay l2 weight_decay_rate",
}
"""A key -> what it is called in other tools, Hugging Face's Trainer first of all."""


def parse(cls: type[T], values: Mapping[str, Any], source: TomlSource) -> T:
    """Settings from what a TOML file holds.

    Raises:
        InputError: unknown keys (with the nearest valid name), wrong types, values out of range, missing keys; all of
            them in one message.
    """
    try:
        # Through JSON, whose strict reading takes a list for a tuple and a table for a dataclass, and nothing else.
        parsed: T = adapter(cls).validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        raise _input_error(cls, error.errors(include_url=False), values, source) from None
    return parsed


class TomlSource:
    """A TOML file's text, to tell the line of a key.

    Args:
        name: how the file is called in messages.
        text: its content.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name, self._lines = name, text.split("\n")

    def locate(self, path: tuple[str, ...]) -> str:
        """`FILE:LINE` of a key such as ("training", "epochs"), or of the nearest table around it."""
        table: tuple[str, ...] = ()
        best, depth = 0, 0
        for number, line in enumerate(self._lines, 1):
            head = line.split("#")[0].strip()
            if head.startswith("["):
                keys = table = _dotted(head.strip("[]"))
            elif "=" in head:
                keys = (*table, *_dotted(head.split("=")[0]))
            else:
                continue
            if len(keys) > depth and keys == path[: len(keys)]:
                best, depth = number, len(keys)
        return f"{self.name}:{best}" if best else self.name


def _dotted(key: str) -> tuple[str, ...]:
    return tuple(part.strip(" \"'") for part in key.split("."))


def _input_error(cls: Any, errors: list[ErrorDetails], values: Mapping[str, Any], source: TomlSource) -> InputError:
    """One message for all mistakes; of an unknown key and a missing one in its table, the one that it may stand for."""
    unknown = [error for error in errors if error["type"] == "unexpected_keyword_argument"]
    tables = {error["loc"][:-1] for error in unknown}
    by_field: dict[tuple[int | str, ...], list[ErrorDetails]] = {}
    for error in errors:
        is_of_unknown = error["type"] in _MISSING and error["loc"][:-1] in tables
        if error["type"] != "unexpected_keyword_argument" and not is_of_unknown:
            by_field.setdefault(_field(cls, error["loc"]), []).append(error)
    count = len(unknown) + len(by_field)
    found = [_unknown_field(cls, error, values, source, short=count > 1) for error in unknown[:_MOST_MISTAKES]]
    fields_of = islice(by_field.values(), _MOST_MISTAKES - len(found))
    found += [_wrong_value(cls, of_field, values, source) for of_field in fields_of]
    if count == 1:
        return found[0]
    found.sort(key=lambda error: int(line) if (line := error.place.rpartition(":")[2]).isdecimal() else 0)
    more = f", the first {len(found)}" if len(found) < count else ""
    return InputError(source.name, f"{count:,} mistakes{more}", "\n" + "\n".join(map(str, found)))


def _unknown_field(
    cls: Any, error: ErrorDetails, values: Mapping[str, Any], source: TomlSource, *, short: bool
) -> InputError:
    keys = tuple(part for part in _given(values, error["loc"]) if isinstance(part, str))
    known = _known(_owner(cls, keys[:-1]))
    if isinstance(error["input"], Mapping) and not keys[1:]:
        nearest = did_you_mean(keys[0], _tables(cls), "`{}`".format, similarity=_NEAR)
    else:
        nearest = _nearest(cls, keys, known)
    listed = "" if nearest and short else f"Known here: {', '.join(known)}"
    return InputError(source.locate(keys), f"unknown key `{'.'.join(keys)}`", f"{nearest}{listed}".strip())


def _known(owner: Any) -> list[str]:
    """The keys of a table; `task` stands at the top of a TOML file, and within `data` of the settings."""
    known = [field.name for field in fields(owner) if field.name != "task"]
    return [*known[:2], "task", *known[2:]] if known[2:3] == ["data"] else known


@lru_cache
def _hints(cls: Any) -> dict[str, Any]:
    """A dataclass's fields and their types; a list of wrong items asks for them once for each."""
    return get_type_hints(cls)


def _tables(cls: Any) -> dict[str, Any]:
    return {name: of for name, of in _hints(cls).items() if is_dataclass(of)}


def _nearest(cls: Any, keys: tuple[str, ...], known: list[str]) -> str:
    """`Did you mean X? ` for an unknown key: one of another table, of another tool, or one that is written alike."""
    *table, name = keys
    elsewhere = {f"{one}.{key}" for one, of in _tables(cls).items() for key in _known(of)}
    same = sorted(key for key in elsewhere if key.partition(".")[2] == name)
    same += [key for key, names in OF_OTHER_TOOLS.items() if key in elsewhere and name.casefold() in names.split()]
    if same:
        first = next((key for key in same if key.split(".")[:-1] == table), same[0])
        return f"Did you mean `{first.removeprefix('.'.join([*table, '']))}`? "
    if table and name in _tables(cls):
        return f"Did you mean the table [{name}], which stands for itself? "
    of_all = {key.partition(".")[2]: key for key in sorted(elsewhere)}
    return (
        did_you_mean(name, known, "`{}`".format, similarity=_VERY_NEAR)
        or did_you_mean(name, of_all, lambda key: f"`{of_all[key]}`", similarity=_VERY_NEAR)
        or did_you_mean(name, known, "`{}`".format, similarity=_NEAR)
    )


def _wrong_value(cls: Any, errors: list[ErrorDetails], values: Mapping[str, Any], source: TomlSource) -> InputError:
    """The mistake in a field: of a value that fits no branch of a union, the error that goes deepest knows most."""
    first = max(errors, key=lambda error: len(_given(values, error["loc"])))
    path = _given(values, first["loc"])
    same = [error for error in errors if _given(values, error["loc"]) == path]
    keys = tuple(part for part in path if isinstance(part, str))
    if first["type"] in _MISSING:
        dotted = ".".join(map(str, first["loc"]))
        remedy = f"Add it; pipeline/configs/{cls.SHIPPED}.toml shows how"
        return InputError(source.locate(keys), f"`{dotted}` is missing", remedy)
    if first["type"] == "value_error" and isinstance(conflict := first["ctx"]["error"], ConflictError):
        return InputError(source.locate((*keys, *conflict.key.split("."))), conflict.problem, conflict.remedy)
    if "[key]" in first["loc"]:
        known = [name.strip("'") for name in _names(first["ctx"]["expected"])]
        nearest = did_you_mean(keys[-1], known, "`{}`".format, similarity=_NEAR)
        problem = f"unknown key `{'.'.join(keys)}`"
        return InputError(source.locate(keys), problem, f"{nearest}Known here: {', '.join(known)}")
    # Where the type is right, only the range is worth a word.
    rules = [error for error in same if not error["type"].endswith(("_type", "literal_error"))] or same
    verb = "holds" if isinstance(path[-1], int) else "is"
    *others, last = (name for rule in rules for name in _rule(rule))
    wanted = f"{', '.join(others)} or {last}" if others else last
    problem = f"`{'.'.join(keys)}` {verb} {shown(first['input'])}, it should be {wanted}"
    return InputError(source.locate(keys), problem, _remedy(cls, keys, first["input"], rules))


def _field(cls: Any, path: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The part of pydantic's path that names dataclasses and a field; what follows are items and branches of unions."""
    for count, part in enumerate(path):
        if not is_dataclass(cls):
            return path[:count]
        of: Any = cls
        cls = _hints(of).get(str(part))
    return path


def _given(values: Any, path: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The part of pydantic's path that stands in the file: keys of tables and places in lists."""
    given: list[int | str] = []
    for part in path:
        if isinstance(values, Mapping) and part in values:
            values = values[str(part)]
        elif isinstance(values, list) and isinstance(part, int):
            values = values[part]
        else:
            continue
        given.append(part)
    return tuple(given)


def _owner(cls: Any, keys: tuple[str, ...]) -> Any:
    """The dataclass of a table."""
    for key in keys:
        cls = _hints(cls)[key]
    return cls


def _remedy(cls: Any, keys: tuple[str, ...], value: Any, rules: list[ErrorDetails]) -> str:
    listed = [rule["ctx"]["expected"] for rule in rules if rule["type"] == "literal_error"]
    literals = [name.strip("'") for names in listed for name in _names(names)]
    if isinstance(value, str) and (nearest := did_you_mean(value, literals, shown, similarity=_VERY_NEAR)):
        return f"{nearest}Correct it"
    owner = _owner(cls, keys[:-1]) if len(keys) < 3 else None
    default = {field.name: field.default for field in fields(owner)}.get(keys[-1], MISSING) if owner else MISSING
    if isinstance(default, str | int | float):
        return f"Correct it, or leave it out for the default, {shown(default)}"
    return "Correct it, or leave it out" if default is None else "Correct it"


def _names(listed: str) -> list[str]:
    """The names in pydantic's `'a', 'b' or 'c'`."""
    return listed.replace(" or ", ", ").split(", ")


def _rule(error: ErrorDetails) -> list[str]:
    """What a value should be, in TOML's words: any of these."""
    context = error.get("ctx", {})
    match error["type"]:
        case "literal_error":
            return [name.replace("'", '"') for name in _names(context["expected"])]
        case "string_pattern_mismatch" if context["pattern"] == CRON:
            return ["five fields of cron, or such as @daily"]
        case "string_pattern_mismatch" if context["pattern"] == ADDRESS:
            return ["HOST:PORT"]
        case "string_pattern_mismatch" if context["pattern"] == PATH:
            return ["a path, without a null character"]
        case "string_pattern_mismatch":
            return ["1 to 63 letters, digits, _ and -, the first a letter or a digit"]
        case "greater_than_equal":
            return [f"at least {written_bound(context['ge'])}"]
        case "less_than_equal":
            return [f"at most {written_bound(context['le'])}"]
        case "greater_than":
            return [f"greater than {written_bound(context['gt'])}"]
        case "less_than":
            return [f"less than {written_bound(context['lt'])}"]
    return [_TYPES.get(error["type"]) or error["msg"].removeprefix("Input should be ")]
