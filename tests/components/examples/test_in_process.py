import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from components.examples.in_process import ordered, stays_here


def test_results_come_in_the_order_of_the_items_whoever_is_done_first() -> None:
    later = threading.Event()

    def answer(item: int) -> int:
        if item == 0:
            later.wait(10)
        if item == 1:
            later.set()
        return item * item

    assert list(ordered(answer, range(20))) == [item * item for item in range(20)]


def test_items_are_asked_for_as_their_results_are_taken() -> None:
    asked: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            asked.append(item)
            yield item

    found = ordered(lambda item: item, items())
    assert next(found) == 0
    assert len(asked) == 5


def test_an_error_of_a_thread_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(ordered(lambda item: 1 // item, [1, 0, 1]))


@pytest.mark.parametrize(
    ("arguments", "here"),
    [
        (["--runner=FnApiRunner", "--sdk_container_image=none", "--labels=a"], True),
        (["--runner=PortableRunner", "--job_endpoint=127.0.0.1:8099"], False),
        ([], False),
    ],
)
def test_rows_stay_in_this_process_by_the_runner_in_this_process_alone(arguments: list[str], here: bool) -> None:
    executor = SimpleNamespace(_beam_pipeline_args=arguments, _make_beam_pipeline_fn=None)
    assert stays_here(executor) is here
    executor._make_beam_pipeline_fn = lambda: None
    assert stays_here(executor) is False
