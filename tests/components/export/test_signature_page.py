"""docs/signatures.md: what models of every task take and answer, found out by loading and asking them.

python -m tests.components.export.test_signature_page > docs/signatures.md
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.export import signature_names
from tests import exported_models
from tests.checkout import ROOT
from tests.components.export.conftest import Made

PAGE = ROOT / "docs" / "signatures.md"

TEXTS = {
    "text": "the film is good, not bad!",
    "source": "the film is good",
    "text_a": "the film is good",
    "text_b": "is a bad film good",
    "question": "is the film good?",
    "context": "the film is not bad, not bad",
}

NUMBER = re.compile(r"-?\d+\.\d+(e-?\d+)?")

INTRODUCTION = """\
# Signatures

What a pushed model takes and answers, by task. `make docs` writes this page: it loads a model of each task and asks
it, and a test fails when one of them takes or answers something else. [Serving](serving.md) shows them at work.

`n` is the number of rows; `*` a length that follows from them, the tokens of the longest text, say. The models here
have three labels, two kinds of entities, or three tags, and vectors of width 8; yours has its own. Their last layers
are random: an answer here shows the form, and no sense.

The answers are those of the signatures, written as JSON by the rules of TensorFlow Serving's
[REST interface](https://www.tensorflow.org/tfx/serving/api_rest), with numbers cut to 4 digits; no server was asked.
An output that stands alone in a signature has no name there. Several rows go into one request:
`{"instances": [{...}, {...}]}`. Left out is `transform_features`, which the evaluation alone asks: its outputs follow
from the run."""


def page(versions: Iterable[tuple[str, Path]]) -> str:
    """The page of a version of each task."""
    return "\n".join([INTRODUCTION, *(line for task, version in versions for line in _section(task, version))]) + "\n"


def _section(task: str, version: Path) -> Iterator[str]:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(version))
    yield from ("", f"## {task}", "", "| signature | in | out |", "| --- | --- | --- |")
    others = loaded.signatures.keys() - {signature_names.TEXT_SIGNATURE, signature_names.TRANSFORM_SIGNATURE}
    for name in (signature_names.TEXT_SIGNATURE, *sorted(others)):
        signature = loaded.signatures[name]
        given = signature.structured_input_signature[1]
        yield f"| `{name}` | {_listed(given)} | {_listed(signature.structured_outputs)} |"
    signature = loaded.signatures[signature_names.TEXT_SIGNATURE]
    texts = {name: TEXTS[name] for name in sorted(signature.structured_input_signature[1])}
    answer = signature(**{name: tf.constant([text]) for name, text in texts.items()})
    request = json.dumps({"instances": [texts]})
    yield from ("", "```", f"$ curl -d '{request}' http://127.0.0.1:8501/v1/models/toy:predict")
    yield from (*_rest(answer), "```")


def _listed(tensors: dict[str, Any]) -> str:
    return ", ".join(f"`{name}` {_kind(tensors[name])}" for name in sorted(tensors))


def _kind(tensor: Any) -> str:
    """dtype[shape], with the first unknown length called n."""
    names = ["n" if place == 0 else "*" for place in range(tensor.shape.rank)]
    lengths = [name if size is None else str(size) for name, size in zip(names, tensor.shape, strict=True)]
    return f"{tensor.dtype.name}[{', '.join(lengths)}]"


def _rest(answer: dict[str, Any]) -> list[str]:
    """The answer for one row, as the REST interface writes it, an output a line."""
    rows = {name: _plain(answer[name].numpy().tolist()[0]) for name in sorted(answer)}
    if len(rows) == 1:
        (alone,) = rows.values()
        return [f'{{"predictions": [{json.dumps(alone)}]}}']
    lines = [f'"{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in rows.items()]
    return ['{"predictions": [{', *(f"  {line}," for line in lines[:-1]), f"  {lines[-1]}", "}]}"]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.decode() if isinstance(value, bytes) else round(value, 4) if isinstance(value, float) else value


def test_the_page_of_signatures_is_what_models_answer(version: Made) -> None:
    found = page((task, version(task)) for task in exported_models.TASKS)
    there = PAGE.read_text(encoding="utf-8")
    assert NUMBER.sub("0.0", there) == NUMBER.sub("0.0", found), "run `make docs`"
    # Another machine may add up in another order.
    numbers = [[float(one.group()) for one in NUMBER.finditer(text)] for text in (there, found)]
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-3)


def main() -> None:
    """Prints the page."""
    with tempfile.TemporaryDirectory() as folder:
        known = exported_models.TASKS
        print(page((name, exported_models.write(Path(folder, name), task)) for name, task in known.items()), end="")


if __name__ == "__main__":
    main()
