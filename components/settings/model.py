"""`[model]`: the model that is fine-tuned, and how much of a text it sees."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.settings.fields import ConflictError, settings
from components.tasks.multilabel import DEFAULT_THRESHOLD

DEFAULT_WINDOWS = 8
"""Windows of a long text where `max_windows` does not say."""


@settings
class Model:
    """The model that is fine-tuned."""

    base: str
    """A directory in Hugging Face's layout, or `hf://organisation/name`."""
    max_length: Annotated[int, Field(ge=3)] = 128
    """Tokens a text is truncated to, [CLS] and [SEP] included; of a pair of texts, both, the longer one first."""
    long_texts: Literal["truncate", "window"] = "truncate"
    """`window`: a text of more tokens is seen in overlapping windows of `max_length`, whose logits are averaged."""
    window_overlap: Annotated[int, Field(ge=0)] | None = None
    """Tokens that a window shares with the next one; None: a quarter of `max_length`."""
    max_windows: Annotated[int, Field(ge=2)] | None = None
    """A text of more windows is truncated; None: 8."""
    pooling: Literal["cls", "mean"] = "cls"
    """What the head looks at: BERT's pooler over the first token, or the mean of all tokens. For embeddings `cls` is
    the first token's state itself; where each word is labelled, each word's first token is looked at."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = DEFAULT_THRESHOLD
    """With several labels a text: the score from which on a label is predicted."""

    @property
    def overlap(self) -> int:
        """`window_overlap`, resolved."""
        return self.max_length // 4 if self.window_overlap is None else self.window_overlap

    @property
    def stride(self) -> int:
        """Tokens from the beginning of a window to that of the next."""
        return self.max_length - 2 - self.overlap

    @property
    def most_tokens(self) -> int:
        """Tokens of a text that are used, [CLS] and [SEP] included."""
        if self.long_texts == "truncate":
            return self.max_length
        return self.max_length + self.stride * ((self.max_windows or DEFAULT_WINDOWS) - 1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.long_texts == "truncate":
            for key in ("window_overlap", "max_windows"):
                if (value := getattr(self, key)) is not None:
                    problem = f'`model.{key}` is {value}, but `model.long_texts` is "truncate"'
                    raise ConflictError(key, problem, 'Delete it, or set long_texts = "window"')
        elif self.stride < 1:
            problem = f"`model.window_overlap` is {self.overlap}, a window of {self.max_length} has no room for more"
            raise ConflictError("window_overlap", problem, f"Give at most {self.max_length - 3}")
        return self
