"""Which forms can state which models. Loads no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from components.common.errors import InputError
from components.export.formats.pushed import Pushed
from components.settings.model import Model
from components.settings.model_forms import Form
from components.tasks import Task

Problem = tuple[str, str]
"""What a model is that a form cannot state, in words that follow its name, and the way out."""


def why_not(form: Form, task: Task, settings: Model) -> Problem | None:
    """Why a form cannot state a model; None: it can.

    Args:
        form: what it is to be.
        task: the model's.
        settings: with the pooling that it has.
    """
    if task.writes:
        problem = f"is of the task {task.name}, which has a search in its graph: it cannot go out as {form.name}"
        return problem, "Serve the pushed SavedModel, which takes and gives raw text"
    found = _WHY_NOT[form.format](task, settings) if form.format in _WHY_NOT else None
    return found and (f"{found[0]}: it cannot go out as {form.name}", found[1])


def check(model: Pushed, form: Form) -> None:
    """Refuses a model that a form cannot state.

    Raises:
        InputError: with the reason, and the way out.
    """
    if found := why_not(form, model.task, model.settings):
        raise InputError(str(model.path), *found)


def check_texts(model: Pushed, form: Form, texts: Sequence[object]) -> None:
    """Refuses a form that is made by texts of dev where there are none.

    Args:
        model: the version.
        form: what it is to be.
        texts: of dev.

    Raises:
        InputError: with the way out.
    """
    if form.precision == "int8-static" and not texts:
        problem = "there are no texts of dev to find the ranges of int8-static by: the files of its run are not there"
        raise InputError(str(model.path), problem, "Put them back, name the run's --root, or give --precision int8")


def _hf(task: Task, settings: Model) -> Problem | None:
    """What transformers has no class for."""
    if settings.long_texts != "truncate":
        problem = 'is of long_texts = "window", and transformers\' classes see one window of a text'
        return problem, 'Export it as onnx, which cuts windows itself, or train with "truncate"'
    if settings.pooling == "mean" and not task.has_token_head and not task.bi_encoder:
        problem = 'is of pooling = "mean", and BertForSequenceClassification reads the first token alone'
        whole = "Export it as sentence-transformers, which pools as it does, or as onnx, which is the whole model"
        return problem, f'{whole}; or train with pooling = "cls"'
    return None


def _sentence_transformers(task: Task, settings: Model) -> Problem | None:
    """What sentence-transformers' modules do not do."""
    if settings.long_texts != "truncate":
        return 'is of long_texts = "window", and sentence-transformers sees one window of a text', "Export it as onnx"
    if task.per_token:
        return f"is of the task {task.name}, which has no vector of a text", "Export it as hf"
    if len(task.texts) > 1 and not task.bi_encoder:
        other = "onnx" if settings.pooling == "mean" else "hf"
        return f"is of the task {task.name}, which reads two texts together", f"Export it as {other}"
    if not task.bi_encoder and settings.pooling == "cls":
        problem = 'is of pooling = "cls" with BERT\'s pooler, which is no module of sentence-transformers'
        return problem, "Export it as hf"
    return None


_WHY_NOT: dict[str, Callable[[Task, Model], Problem | None]] = {
    "hf": _hf,
    "sentence-transformers": _sentence_transformers,
}
"""Of the forms that are not the whole model."""
