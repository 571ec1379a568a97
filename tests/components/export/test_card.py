import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from components.common.errors import InputError
from components.export.card import CARD_FILE, identity, read_card, weights_sha256


def model(**weights: list[float]) -> Any:
    """A model with these variables, whose paths are written with __ for /."""
    variables = [
        SimpleNamespace(path=name.replace("__", "/"), numpy=lambda values=values: np.array(values, np.float32))
        for name, values in weights.items()
    ]
    return SimpleNamespace(variables=variables)


def write(directory: Path, content: str) -> Path:
    (directory / CARD_FILE).parent.mkdir()
    (directory / CARD_FILE).write_text(content, encoding="utf-8")
    return directory / CARD_FILE


def test_the_hash_is_of_paths_and_bytes_in_the_order_of_the_paths() -> None:
    content = b"bert/a" + np.array([1, 2], np.float32).tobytes() + b"bert/b" + np.array([3], np.float32).tobytes()
    expected = hashlib.sha256(content).hexdigest()
    assert weights_sha256(model(bert__a=[1, 2], bert__b=[3])) == expected
    assert weights_sha256(model(bert__b=[3], bert__a=[1, 2])) == expected


def test_another_value_or_another_path_is_another_hash() -> None:
    hashes = [weights_sha256(each) for each in (model(a=[1, 2]), model(a=[1, 3]), model(b=[1, 2]), model(a=[1]))]
    assert len(set(hashes)) == 4


def test_the_states_of_random_number_generators_do_not_count() -> None:
    one, two = model(a=[1], dropout__seed_generator_state=[1]), model(a=[1], dropout__seed_generator_state=[2])
    assert weights_sha256(one) == weights_sha256(two) == weights_sha256(model(a=[1]))


CARD = {
    "weights_sha256": "aa",
    "task": {"name": "multilabel", "labels": ["bad", "good"], "threshold": 0.5},
    "tokenizer": {"max_tokens": 16, "vocabulary_sha256": "bb"},
    "model": {"pooling": "cls"},
}


@pytest.mark.parametrize(
    "other",
    [
        {"weights_sha256": "ab"},
        {"task": {"name": "multilabel", "labels": ["negative", "positive"], "threshold": 0.5}},
        {"task": {"name": "multilabel", "labels": ["bad", "good"], "threshold": 0.3}},
        {"task": {"name": "classification", "labels": ["bad", "good"], "threshold": 0.5}},
        {"tokenizer": {"max_tokens": 32, "vocabulary_sha256": "bb"}},
        {"tokenizer": {"max_tokens": 16, "vocabulary_sha256": "bc"}},
        {"model": {"pooling": "mean"}},
    ],
)
def test_what_changes_answers_makes_another_model(other: dict[str, Any]) -> None:
    assert identity({**CARD, **other}) != identity(CARD)


def test_where_a_model_came_from_and_who_pushed_it_makes_no_other_model() -> None:
    pushed = {"run": "monday", "restored_from": 7, "name": "a", "base_model": "/b", "data_sha256": "cc", "input": {}}
    assert identity({**pushed, **dict(reversed(CARD.items()))}) == identity(CARD)


def test_a_card_is_the_object_in_the_file(tmp_path: Path) -> None:
    write(tmp_path, '{"name": "Köln", "labels": ["a", "b"]}')
    assert read_card(tmp_path) == {"name": "Köln", "labels": ["a", "b"]}


def test_a_model_of_another_program_has_an_empty_card(tmp_path: Path) -> None:
    assert read_card(tmp_path) == {}


@pytest.mark.parametrize("content", ["", "{", "7", '["a"]'])
def test_a_damaged_card_is_named_with_the_remedy(tmp_path: Path, content: str) -> None:
    place = write(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_card(tmp_path)
    assert str(caught.value).startswith(f"{place}: cannot be read as a JSON object (")
    assert str(caught.value).endswith("). Remove this version and push the model again.")


def test_a_card_that_is_a_folder_is_damaged_too(tmp_path: Path) -> None:
    (tmp_path / CARD_FILE).mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be read as a JSON object"):
        read_card(tmp_path)
