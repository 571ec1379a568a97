import os
import time
from pathlib import Path

import pytest

from components.common.errors import InputError
from components.pretrained import content


def test_the_hashes_name_a_base_models_files(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes(b"a\n")
    (tmp_path / "added_tokens.json").write_bytes(b"a\n")
    (tmp_path / "README.md").write_bytes(b"not part of the model")
    # sha256 of "a\n"
    expected = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
    assert content.hashes(tmp_path) == {"vocab.txt": expected, "added_tokens.json": expected}


def test_a_file_that_changed_came_or_went_is_named(tmp_path: Path) -> None:
    vocabulary, added = tmp_path / "vocab.txt", tmp_path / "added_tokens.json"
    vocabulary.write_bytes(b"a\n")
    known = content.hashes(tmp_path)
    content.check(tmp_path, known)
    vocabulary.write_bytes(b"b\n")
    for changed, undo in ((vocabulary, lambda: vocabulary.write_bytes(b"a\n")), (added, added.unlink)):
        added.touch() if changed == added else None
        with pytest.raises(InputError) as caught:
            content.check(tmp_path, known)
        assert str(caught.value).startswith(
            f"{changed}: changed since the run began. Run again once the files are complete;"
        )
        undo()
        content.check(tmp_path, known)
    vocabulary.unlink()
    with pytest.raises(InputError, match=r"vocab\.txt: changed since the run began"):
        content.check(tmp_path, known)


@pytest.mark.parametrize("seconds", [0.0, 2.1])
def test_other_bytes_of_the_same_size_and_time_are_seen(tmp_path: Path, seconds: float) -> None:
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_bytes(b"a\n")
    # What is older than the clock is coarse is not read twice.
    time.sleep(seconds)
    known, times = content.hashes(tmp_path), vocabulary.stat()
    vocabulary.write_bytes(b"b\n")
    os.utime(vocabulary, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(InputError):
        content.check(tmp_path, known)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "1_Pooling").mkdir()
    for name in ("modules.json", "1_Pooling/config.json", "vocab.txt", "model.safetensors"):
        os.mkfifo(tmp_path / name)
    assert content.hashes(tmp_path) == {}
