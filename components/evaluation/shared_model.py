"""The model that TensorFlow Model Analysis asks, as Evaluator names it to TFX: an entry function.

TFX reloads this module: no state lives here.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.api import types

from components.evaluation import loaded_models

PATH = f"{__name__}.eval_shared_model"


def eval_shared_model(eval_saved_model_path: str, **others: Any) -> Any:
    """TFMA's own, loaded once for all splits that a process measures.

    Args:
        eval_saved_model_path: directory of the SavedModel.
        others: as TFX gives them to `tfma.default_eval_shared_model`.
    """
    made = tfma.default_eval_shared_model(eval_saved_model_path=eval_saved_model_path, **others)
    loader = made.model_loader
    load = functools.partial(loaded_models.kept, Path(eval_saved_model_path), loader.construct_fn)
    return made._replace(model_loader=types.ModelLoader(load, loader.tags))
