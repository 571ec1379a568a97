"""`[model]`: the model that is fine-tuned, and how much of a text it sees."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.common import defaults
from components.settings.fields import ConflictError, PathText, settings
from components.settings.generation import Generation
from components.tasks.answering.task import DEFAULT_LONGEST, DEFAULT_NULL_THRESHOLD
from components.tasks.multilabel import DEFAULT_THRESHOLD

DEFAULT_WINDOWS = 8
"""Windows of a long text where `max_windows` does not say."""


@settings
class Model:
    """The model that is fine-tuned, and how much of a text it sees."""

    base: PathText
    """The pre-trained BERT: a directory with `config.json`, `model.safetensors` and `vocab.txt` or `tokenizer.json`; in
    Google's original form one with `bert_config.json`, `vocab.txt` and a checkpoint of TensorFlow 1, or the path that
    the checkpoint's files begin with, `DIR/bert_model.ckpt`; or `hf://organisation/name`, with `@revision` if wanted.
    That one is fetched by `huggingface_hub` into its cache, below
    ~/.cache/huggingface or HF_HOME; `check` and `run` ask the hub, and use the cache where it cannot be reached or
    HF_HUB_OFFLINE is 1. HF_TOKEN gives access to private models. Files that the hub lists with a sha256, as it does
    weights, have to have it.
    Example: `base = "hf://google-bert/bert-base-uncased"`"""
    max_length: Annotated[int, Field(ge=3, le=1_000_000)] = defaults.MAX_LENGTH
    """Most tokens of a row that the model sees at once, [CLS] and [SEP] included. A longer text is truncated; of two
    texts together the longer one first. At most what the base model has positions for. Example: `max_length = 64`"""
    long_texts: Literal["truncate", "window"] = "truncate"
    """What happens to a text of more than `max_length` tokens. `truncate`: the rest is ignored. `window`: it is seen in
    overlapping windows of `max_length` tokens, whose logits are averaged; for tasks with one text, and for `answering`,
    where each window has the question in front and the answer is the best of all windows.
    Example: `long_texts = "window"`"""
    window_overlap: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """With `long_texts = "window"`: tokens that a window shares with the next one; default: a quarter of `max_length`.
    Example: `window_overlap = 32` with `long_texts = "window"`"""
    max_windows: Annotated[int, Field(ge=2, le=100_000)] | None = None
    """With `long_texts = "window"`: a text of more windows is truncated; default: 8.
    Example: `max_windows = 4` with `long_texts = "window"`"""
    control_tokens: Literal["text", "parse"] = "text"
    """What `[SEP]`, `[MASK]` and the like are when somebody types them in a text. `text`: text as any other. `parse`:
    the control tokens themselves, as for Hugging Face's AutoTokenizer; for tasks with one text, but for `generation`.
    Example: `control_tokens = "parse"`"""
    pooling: Literal["auto", "cls", "mean"] = "auto"
    """What the head sees. `cls`: BERT's pooler over the first token. `mean`: the mean over all tokens. `auto`: `mean`
    where the base model's pooler was never trained, or where its own files (those of sentence-transformers) say so,
    else `cls`; a training that starts from a pushed model keeps that model's. `check` shows which. The task `embedding`
    takes with `cls` the first token's state itself, and with `auto` what the base model's files say, else `mean`;
    `tagging` and `word_tags` always take each word's first token, `answering` every token of the context.
    Example: `pooling = "mean"`"""
    threshold: Annotated[float, Field(gt=0, lt=1)] = DEFAULT_THRESHOLD
    """For the task `multilabel`: the score from which on a label is predicted; calibration draws a threshold of each
    label towards it.
    Example: `threshold = 0.3` with `task = "multilabel"`"""

    null_threshold: Annotated[float, Field(ge=-20, le=20)] = DEFAULT_NULL_THRESHOLD
    """For the task `answering`: no answer is given where the logarithm of its probability is more than that of the best
    answer by more than this. Higher: more answers, also where there is none.
    Example: `null_threshold = 1.5` with `task = "answering"`"""
    longest_answer: Annotated[int, Field(ge=1, le=200)] = DEFAULT_LONGEST
    """For the task `answering`: the most tokens of an answer that is given.
    Example: `longest_answer = 12` with `task = "answering"`"""
    generation: Generation = Field(default_factory=Generation)

    @property
    def overlap(self) -> int:
        """`window_overlap`, resolved."""
        return self.max_length // 4 if self.window_overlap is None else self.window_overlap

    @property
    def stride(self) -> int:
        """Tokens from the beginning of a window to that of the next."""
        return self.max_length - 2 - self.overlap

    @property
    def parses_control_tokens(self) -> bool:
        """Whether `control_tokens` is "parse"."""
        return self.control_tokens == "parse"

    @property
    def most_tokens(self) -> int:
        """Tokens of a text that are used, [CLS] and [SEP] included."""
        if self.long_texts == "truncate":
            return self.max_length
        return self.max_length + self.stride * ((self.max_windows or DEFAULT_WINDOWS) - 1)

    @property
    def most_words(self) -> int:
        """Words of a text that can be seen: each has at least one of the tokens, [CLS] and [SEP] are two."""
        return self.most_tokens - 2

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
