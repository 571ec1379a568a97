from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from components.rows import data_spans
from components.settings.data import Data

Deliver = Callable[..., None]


@pytest.fixture
def deliver(tmp_path: Path) -> Deliver:
    def put(*names: str) -> None:
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()

    return put


@pytest.fixture
def data(tmp_path: Path) -> Callable[..., Data]:
    def of(**changes: Any) -> Data:
        paths = {"train": (f"{tmp_path}/span-{{SPAN}}/train*.tsv",), "dev": (f"{tmp_path}/span-{{SPAN}}/dev.tsv",)}
        return Data(**(paths | changes))

    return of


def names(paths: tuple[str, ...]) -> list[str]:
    return ["/".join(Path(path).parts[-2:]) for path in paths]


def test_the_newest_whole_spans_are_used(deliver: Deliver, data: Callable[..., Data]) -> None:
    deliver("span-8/train.tsv", "span-8/dev.tsv", "span-9/train1.tsv", "span-9/train2.tsv", "span-9/dev.tsv")
    deliver("span-10/train.tsv", "span-010/notes.txt", "span-x/train.tsv")
    one, two = data_spans.resolved(data()), data_spans.resolved(data(window=2))
    assert (one.spans, names(one.train), names(one.dev)) == (
        (9,),
        ["span-9/train1.tsv", "span-9/train2.tsv"],
        ["span-9/dev.tsv"],
    )
    assert two.spans == (8, 9)
    assert names(two.train) == ["span-8/train.tsv", "span-9/train1.tsv", "span-9/train2.tsv"]
    deliver("span-10/dev.tsv")
    assert data_spans.resolved(data()).spans == (10,)
    # Resolved ones stay as they are.
    assert data_spans.resolved(two) == two


def test_leading_zeros_are_part_of_the_name_and_not_of_the_number(deliver: Deliver, data: Callable[..., Data]) -> None:
    deliver("span-009/train.tsv", "span-009/dev.tsv", "span-010/train.tsv", "span-010/dev.tsv")
    found = data_spans.resolved(data(window=5))
    assert (found.spans, names(found.dev)) == ((9, 10), ["span-009/dev.tsv", "span-010/dev.tsv"])


def test_a_path_without_a_span_is_the_same_for_all(deliver: Deliver, data: Callable[..., Data], tmp_path: Path) -> None:
    deliver("span-1/train.tsv", "span-2/train.tsv")
    found = data_spans.resolved(data(dev=(f"{tmp_path}/dev.tsv",), window=2))
    assert (found.spans, found.dev) == ((1, 2), (f"{tmp_path}/dev.tsv",))


def test_spans_can_be_named(deliver: Deliver, data: Callable[..., Data], tmp_path: Path) -> None:
    deliver("span-1/train.tsv", "span-1/dev.tsv", "span-2/train.tsv", "span-2/dev.tsv")
    assert names(data_spans.resolved(data(spans=(1,))).train) == ["span-1/train.tsv"]
    with pytest.raises(InputError) as caught:
        data_spans.resolved(data(spans=(1, 3)))
    assert str(caught.value) == (
        f"{tmp_path}/span-{{SPAN}}/train*.tsv: no span 3, there are 1, 2. Correct data.spans, or deliver the span."
    )


def test_without_a_whole_span_there_is_nothing_to_run_on(
    deliver: Deliver, data: Callable[..., Data], tmp_path: Path
) -> None:
    deliver("span-1/train.tsv")
    with pytest.raises(InputError, match="no span is whole yet") as caught:
        data_spans.resolved(data())
    assert str(caught.value).startswith(f"{tmp_path}/span-{{SPAN}}/dev.tsv: ")


def test_data_without_spans_stays_as_it_is(data: Callable[..., Data]) -> None:
    plain = data(train=("train.tsv",), dev=("dev.tsv",))
    assert data_spans.resolved(plain) is plain
    with pytest.raises(ValueError, match="no path holds"):
        data(train=("train.tsv",), dev=("dev.tsv",), window=2)


def test_of_spans_that_were_read_the_newest_can_be_had_alone(deliver: Deliver, data: Callable[..., Data]) -> None:
    deliver("span-1/train.tsv", "span-1/dev.tsv", "span-2/train.tsv", "span-2/dev.tsv", "span-3/train.tsv")
    found = data_spans.newest(data(window=2), (1, 2))
    assert (found.spans, names(found.train)) == ((2,), ["span-2/train.tsv"])
    plain = data(train=("train.tsv",), dev=("dev.tsv",))
    assert data_spans.newest(plain, ()) is plain


def test_two_stars_match_folders_of_any_depth(deliver: Deliver, data: Callable[..., Data], tmp_path: Path) -> None:
    deliver("a/1.tsv", "dev/1.tsv")
    (tmp_path / "a" / "b").mkdir()
    (tmp_path / "a" / "b" / "1.tsv").touch()
    found = data_spans.resolved(data(train=(f"{tmp_path}/a/**/{{SPAN}}.tsv",), dev=(f"{tmp_path}/dev/{{SPAN}}.tsv",)))
    assert found.train == (f"{tmp_path}/a/1.tsv", f"{tmp_path}/a/b/1.tsv")
