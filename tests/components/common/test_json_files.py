import os
from pathlib import Path

import pytest

from components.common.errors import InputError
from components.common.json_files import read_json


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_json(path, "Take another.")
    return str(caught.value)


@pytest.mark.parametrize("target", ["/dev/zero", "."])
def test_a_link_to_what_is_no_file_is_not_read(target: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to(target)
    assert refused(tmp_path / "a.json") == f"{tmp_path}/a.json: expected a readable file: this is none. Take another."


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    assert refused(tmp_path / "a.json") == f"{tmp_path}/a.json: expected a readable file: this is none. Take another."


def test_a_hundred_levels_are_too_many_and_ninety_nine_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": ' * 99 + "1" + "}" * 99)
    assert len(read_json(path, "Take another.")) == 1
    path.write_text('{"a": ' * 100 + "1" + "}" * 100)
    assert refused(path) == f"{path}: expected JSON, this is nested too deeply. Take another."
