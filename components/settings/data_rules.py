"""What keys of `[data]` go together: each refusal names the key, the value and the remedy.

`data` is a `components.settings.data.Data`, which imports this.
"""

from __future__ import annotations

from typing import Any

from components.common.json_files import shown
from components.common.suggest import did_you_mean
from components.settings.fields import ConflictError
from components.tasks import TASKS, label_text
from components.tasks.multilabel import LABEL_SEPARATOR, Multilabel
from components.tasks.tagging import Tagging


def check_task(data: Any) -> None:
    """Refuses keys that the task has no use for."""
    task = TASKS[data.task]
    if len(data.text) != len(task.texts):
        problem = f"`data.text` is {shown(data.text)}, the task {data.task} reads {len(task.texts)} of them"
        raise ConflictError("text", problem, f"Give {len(task.texts)}, say text = {shown(task.texts)}")
    bounds = data.range
    if bounds is not None and not (task.numeric and len(bounds) == 2 and bounds[0] < bounds[1]):
        kind = "names" if task.has_label_names else "parts of texts"
        remedy = "Give the least number and the greatest" if task.numeric else f"Delete it: {data.task} has {kind}"
        raise ConflictError("range", f"`data.range` is {shown(data.range)}", remedy)
    if isinstance(data.labels, tuple) and not task.has_label_names:
        kind = "numbers" if task.numeric else "texts" if task.writes else "parts of texts"
        problem = f"`data.labels` is {shown(data.labels)}, but the labels of {data.task} are {kind}"
        raise ConflictError("labels", problem, "Delete it" + "; data.range bounds numbers" * task.numeric)
    if data.most_words is not None and not task.per_token:
        problem = f"`data.most_words` is {data.most_words}, but the rows of {data.task} are no sentences of words"
        raise ConflictError("most_words", problem, "Delete it: texts are truncated or seen in windows")
    for key in ("target_length", "long_targets"):
        if getattr(data, key) not in (None, "refuse") and not task.writes:
            problem = f"`data.{key}` is {shown(getattr(data, key))}, but the rows of {data.task} have no target text"
            raise ConflictError(key, problem, 'Delete it, or set task = "generation"')
    if data.format != "tsv":
        problem = f'`data.format` is "{data.format}", a token a line, '
        if not task.per_token:
            problem += f"but the rows of {data.task} are texts"
            raise ConflictError("format", problem, 'Set format = "tsv", or task = "tagging" or "word_tags"')
        given = {"slices": bool(data.slices), "group": data.group is not None, "quoting": data.quoting != "none"}
        if wrong := next(filter(given.get, given), None):
            raise ConflictError(wrong, f"{problem}which has no `data.{wrong}`", "Delete it")
    if data.comments is not None and data.format != "conll":
        problem = f'`data.comments` is {shown(data.comments)}, but `data.format` is "{data.format}"'
        raise ConflictError("comments", problem, 'Delete it, or set format = "conll"')
    if data.scheme != "bio" and data.task != Tagging.name:
        problem = f"`data.scheme` is {shown(data.scheme)}, but the rows of {data.task} have no tags of entities"
        raise ConflictError("scheme", problem, 'Delete it, or set task = "tagging"')
    if data.start is not None and not task.finds_span:
        problem = f"`data.start` is {shown(data.start)}, but the labels of {data.task} are no parts of a text"
        raise ConflictError("start", problem, 'Delete it, or set task = "answering"')
    if data.allow_no_label and not issubclass(task, Multilabel):
        needs = "may have no label without it" if task.finds_span else "needs its label"
        problem = f"`data.allow_no_label` is true, but a row of {data.task} {needs}"
        raise ConflictError("allow_no_label", problem, 'Delete it, or set task = "multilabel"')


def check_columns(data: Any) -> None:
    """Refuses columns that are used twice, or are not there."""
    wanted = (*data.wanted, *(() if data.start is None else (data.start,)))
    if len(set(wanted)) < len(wanted):
        problem = f"a column can be used once, `data.text`, `label` and `slices` are {shown(wanted)}"
        key = "label" if data.label in data.text else "start" if data.start in data.wanted else "slices"
        raise ConflictError(key, problem, "Give each another column")
    if data.group is not None and data.group == data.label:
        problem = f"`data.group` is {shown(data.group)}, the column of the label: a class would be in one split"
        raise ConflictError("group", problem, "Give a column of what belongs together, say the author")
    known = list(map(str, data.slices))
    if unknown := next((name for name in data.slice_values if name not in known), None):
        problem = f"`data.slice_values` names {shown(unknown)}, `data.slices` is {shown(data.slices)}"
        raise ConflictError("slice_values", problem, f"{did_you_mean(unknown, known)}Add the column to `slices`")
    keys = (*["text"] * len(data.text), "label", *["slices"] * len(data.slices), "group", "start")
    for key, column in zip(keys, (*data.wanted, data.group, data.start), strict=True):
        if not data.header and isinstance(column, str):
            problem = f"`data.{key}` is {shown(column)}, but without a header there are no names"
            remedy = "Number the columns from 1, say text = 1 and label = 2; or set header = true"
            raise ConflictError(key, problem, remedy)
        if data.columns is not None and isinstance(column, int) and column > data.columns:
            problem = f"`data.{key}` is column {column}, `data.columns` says that there are {data.columns}"
            raise ConflictError("columns", problem, "Correct the one or the other")
    if data.header and data.columns is not None:
        problem = f"`data.columns` is {data.columns}, but it is for files without a header"
        raise ConflictError("columns", problem, "Delete it, the header tells the number itself; or set header = false")


def check_labels(data: Any) -> None:
    """Refuses lists of labels that no task could learn."""
    if not isinstance(data.labels, tuple):
        return
    least = TASKS[data.task].min_labels
    if len(data.labels) < least or len(set(data.labels)) < len(data.labels):
        count = ("one name", "two names")[least - 1]
        problem = f"`data.labels` needs at least {count}, each different, got {shown(data.labels)}"
        raise ConflictError("labels", problem, 'List the classes, or set labels = "from train"')
    separator = LABEL_SEPARATOR if issubclass(TASKS[data.task], Multilabel) else None
    if wrong := next((found for name in data.labels if (found := label_text.wrong_name(name, separator))), None):
        raise ConflictError("labels", f"`data.labels`{wrong[0]}", wrong[1])
