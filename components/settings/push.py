"""`[push]`: where a blessed model goes; `[notify]`: who is told what became of a run."""

from __future__ import annotations

import shlex
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.common.json_files import shown
from components.settings.fields import ConflictError, Name, PathText, settings
from components.settings.model_forms import FormName, Stored


@settings
class Push:
    """Where a model that passed the gate goes: DESTINATION/NAME/VERSION, the layout of TensorFlow Serving."""

    name: Name | None = None
    """The model's name for its server; default: the run's name. Example: `name = "sentiment"`"""
    destination: PathText | None = None
    """A directory; default: ROOT/NAME/serving. Example: `destination = "/srv/models"`"""
    sign_key: PathText | None = None
    """A private key by which versions are signed, with model-signing (`make signing`): EC, PEM, not encrypted. Default:
    no signature. Example: `sign_key = "~/keys/models.pem"`"""
    warmup: bool = True
    """Whether the pushed model has requests of its own (`assets.extra/tf_serving_warmup_requests`), which TensorFlow
    Serving sends itself when it loads the model, so that no client's first one is slow. They hold no row of the data.
    Example: `warmup = false`"""
    formats: tuple[FormName, ...] = ()
    """Other forms of the model that are written beside each version, as NAME-FORM/VERSION: `hf`, `onnx`, `onnx-int8`,
    `onnx-int8-static`, `sentence-transformers`, as by `export-model`. One that cannot state the model is a mistake.
    Example: `formats = ["onnx", "onnx-int8"]`"""
    precision: Stored = "float32"
    """The numbers that the model's tables and kernels are stored as: `float32`, `float16` or `bfloat16`. In 16 bits a
    version takes half of the room, and computes in float32 all the same. Weights are rounded where training ends, so
    that what is calibrated, tried and measured is what is served; another value therefore trains again. `float16` has
    11 bits of precision, `bfloat16` 8 and the range of float32. Example: `precision = "float16"`"""


@settings
class Notify:
    """A command that is told how a run ended, by `run` and by Airflow's last step, `end-run`. It changes nothing of the
    run. Not carried out on Kubeflow, which has no last step of ours."""

    command: str | tuple[str, ...] = ()
    """The command: a string, whose words are told apart as a shell does it, or a list of them; no shell runs it. It
    gets the run as JSON on standard input, as `show --json` prints it, and runs in the TOML file's directory. Of a run
    that could not begin the JSON has `name`, `config`, `state` and `error`. If the command fails, the run says so and
    ends as it would.
    Example: `command = "./tell.sh --channel models"`"""
    on: tuple[Literal["failed", "interrupted", "refused", "pushed"], ...] = ("failed", "refused", "pushed")
    """The states of a run that it is told of. Example: `on = ["failed", "refused"]` with `command = "./tell.sh"`"""
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """A command that takes longer is ended. Example: `seconds = 10` with `command = "./tell.sh"`"""

    @property
    def words(self) -> list[str]:
        """The command and its arguments; empty: there is none."""
        return shlex.split(self.command) if isinstance(self.command, str) else list(self.command)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        try:
            words = self.words
        except ValueError as error:
            problem = f"`notify.command` is {shown(self.command)}, whose words cannot be told apart ({error})"
            raise ConflictError("command", problem, "Close the quote, or give a list of words") from None
        is_empty = self.command != () and not (words and words[0].strip())
        if is_empty or any("\0" in word for word in words):
            problem = f"`notify.command` is {shown(self.command)}, which names no command"
            raise ConflictError("command", problem, "Name one, or leave the table out")
        return self
