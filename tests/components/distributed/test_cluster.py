import json
from typing import Any

import pytest

from components.common.errors import InputError
from components.distributed.cluster import chief, follower, of_environment

A, B, C = "10.0.0.1:2222", "10.0.0.2:2222", "h:1"

URL = "http://a:1"


def config(cluster: Any, kind: Any = "worker", index: Any = 0) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("text", "addresses", "number"),
    [
        (config({"worker": [A, B]}), (A, B), 0),
        (config({"worker": [A, B]}, index=1), (A, B), 1),
        (config({"worker": [B, C], "chief": [A]}, index=1), (A, B, C), 2),
        (config({"worker": [B, C], "chief": [A]}, "chief"), (A, B, C), 0),
        (config({"worker": ["[::1]:1", C]}), ("[::1]:1", C), 0),
    ],
)
def test_workers_are_numbered_from_the_chief_on(
    text: str, addresses: tuple[str, ...], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    found = of_environment()
    assert (found.addresses, found.number) == (addresses, number)
    assert found.others == [address for address in addresses if address != addresses[number]]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", '`training.devices` is "multiworker" and TF_CONFIG is not set'),
        ("{", "not valid JSON (Expecting property name enclosed in double quotes, character 1)"),
        ("[]", "it should be an object with `cluster` and `task`"),
        ('{"cluster": {}}', "it should be an object with `cluster` and `task`"),
        (config({"worker": [A, B], "ps": [C]}), "`cluster` has 'ps', only chief and worker take part"),
        (config({"worker": A}), f'`cluster.worker` is "{A}", it should be a list of HOST:PORT'),
        (config({"worker": [A, "b"]}), f'`cluster.worker` is ["{A}", "b"], it should be a list of HOST:PORT'),
        (config({"worker": [A, "b:0"]}), f'`cluster.worker` is ["{A}", "b:0"], it should be a list of HOST:PORT'),
        (config({"worker": [A, URL]}), f'`cluster.worker` is ["{A}", "{URL}"], it should be a list of HOST:PORT'),
        (config({"chief": [A, B]}), "`cluster.chief` has 2 addresses, there is one chief"),
        (config({"worker": [A]}), "`cluster` has 1 workers, it should have at least 2"),
        (config({"worker": [A, A]}), "`cluster` has an address twice"),
        (
            config({"worker": [A, B]}, index=2),
            '`task` is {"type": "worker", "index": 2}, there is none like it in `cluster`',
        ),
        (
            config({"worker": [A, B]}, "chief"),
            '`task` is {"type": "chief", "index": 0}, there is none like it in `cluster`',
        ),
        (
            config({"worker": [A, B]}, index="1"),
            '`task` is {"type": "worker", "index": "1"}, there is none like it in `cluster`',
        ),
    ],
)
def test_a_wrong_tf_config_is_refused_with_its_place(text: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError) as raised:
        of_environment()
    assert (raised.value.place, raised.value.problem) == ("TF_CONFIG", problem)


def test_the_chief_and_the_others_take_each_their_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", config({"worker": [A, B]}, index=1))
    assert follower().number == 1
    with pytest.raises(InputError, match="this process is worker 1, and the pipeline runs on the chief"):
        chief()
    monkeypatch.setenv("TF_CONFIG", config({"worker": [A, B]}))
    assert chief().number == 0
    with pytest.raises(InputError, match="this process is the chief"):
        follower()
