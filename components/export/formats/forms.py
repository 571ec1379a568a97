"""Which forms can state which models. Loads no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable

from components.export.formats import huggingface, sentence_transformers
from components.export.formats.form_names import Form
from components.export.formats.pushed import Pushed

_CHECKS: dict[str, Callable[[Pushed], None]] = {
    "hf": huggingface.check,
    "sentence-transformers": sentence_transformers.check,
}
"""Of what is not the whole model."""


def check(model: Pushed, form: Form) -> None:
    """Refuses a model that a form cannot state.

    Raises:
        InputError: with the reason, and the way out.
    """
    if form.format in _CHECKS:
        _CHECKS[form.format](model)
