"""`[model.generation]`: how a text is written, for the task `generation`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from components.settings.fields import ConflictError, Count, settings

_OF_SEARCH = {"beams": "beam", "temperature": "sample", "top_k": "sample", "top_p": "sample", "seed": "sample"}
"""Keys that are of one search alone -> which."""


@settings
class Generation:
    """How the task `generation` learns to write and writes; it is in the pushed model's graph, whose clients need not
    know. docs/generation.md has more."""

    objective: Literal["left_to_right", "masked"] = "left_to_right"
    """How a target is learned. `left_to_right`: each token from a [MASK] in its place, which sees the source and the
    tokens before it, as when the model writes. `masked`: of the target 70% of the tokens are hidden and told at once,
    as UniLM does it; a step is shorter and teaches less. Example: `objective = "masked"` with `task = "generation"`"""
    search: Literal["greedy", "beam", "sample"] = "greedy"
    """`greedy`: the most probable token at each place. `beam`: the most probable texts, of several that are followed.
    `sample`: drawn by their probabilities, the same for the same text and `seed`.
    Example: `search = "beam"` with `task = "generation"`"""
    beams: Annotated[int, Field(ge=1, le=64)] = 4
    """With `search = "beam"`: texts that are followed.
    Example: `beams = 8` with `search = "beam"`, `task = "generation"`"""
    best: Annotated[int, Field(ge=1, le=64)] = 1
    """Texts that an answer has, the best first; of `beam` at most as many as `beams`, of `greedy` one.
    Example: `best = 3` with `search = "beam"`, `task = "generation"`"""
    length_penalty: Annotated[float, Field(ge=0, le=5)] = 1.0
    """A text's score is its log-probability divided by its number of tokens to this power: 0 prefers short texts, more
    than 1 long ones. Example: `length_penalty = 0.6` with `task = "generation"`"""
    temperature: Annotated[float, Field(gt=0, le=100)] = 1.0
    """With `search = "sample"`: logits are divided by it; below 1 the probable becomes more so.
    Example: `temperature = 0.8` with `search = "sample"`, `task = "generation"`"""
    top_k: Count | None = None
    """With `search = "sample"`: only so many of the most probable tokens are drawn from.
    Example: `top_k = 40` with `search = "sample"`, `task = "generation"`"""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """With `search = "sample"`: only the most probable tokens that together have this probability (Holtzman et al.
    2020, arXiv 1904.09751). Example: `top_p = 0.9` with `search = "sample"`, `task = "generation"`"""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """With `search = "sample"`: another one draws other texts.
    Example: `seed = 7` with `search = "sample"`, `task = "generation"`"""
    no_repeat_ngram: Count | None = None
    """So many tokens in a row do not come twice in a text. Example: `no_repeat_ngram = 3` with `task = "generation"`"""
    min_tokens: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """A text has at least so many tokens. Example: `min_tokens = 5` with `task = "generation"`"""
    max_tokens: Count | None = None
    """A text has at most so many tokens, its end counted, and is cut there; default: `data.target_length`.
    Example: `max_tokens = 32` with `task = "generation"`"""

    @property
    def rows(self) -> int:
        """Texts that are followed for each source."""
        return {"greedy": 1, "beam": self.beams, "sample": self.best}[self.search]

    def tokens_of_row(self, source: Any, room: int) -> Any:
        """Tokens that a source counts for where a batch has room for so many, int, or an int32 tensor of any shape: its
        own and those of the text behind it, for each text that is followed.

        Args:
            source: its tokens, likewise.
            room: tokens of a text where these settings do not say.
        """
        return (source + (self.max_tokens or room)) * self.rows

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key, search in _OF_SEARCH.items():
            if self.search != search and getattr(self, key) != type(self).__dataclass_fields__[key].default:
                problem = f'`model.generation.{key}` is {getattr(self, key)}, but `search` is "{self.search}"'
                raise ConflictError(key, problem, f'Delete it, or set search = "{search}"')
        if self.best > self.rows:
            problem = f'`model.generation.best` is {self.best}, but `search = "{self.search}"` follows {self.rows}'
            raise ConflictError("best", problem, "Lower it, raise `beams`, or take another search")
        if self.max_tokens is not None and self.min_tokens >= self.max_tokens:
            problem = f"`model.generation.min_tokens` is {self.min_tokens}, `max_tokens` {self.max_tokens}"
            raise ConflictError("min_tokens", problem, "Lower it: a text's end is one token more")
        return self
