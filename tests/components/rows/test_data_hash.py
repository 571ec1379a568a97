import hashlib
from pathlib import Path

from components.rows import data_hash

ONE, TWO = "1" * 64, "2" * 64


def test_the_hash_is_of_splits_and_contents_in_any_order() -> None:
    expected = hashlib.sha256(f'[["dev", "{ONE}"], ["train", "{TWO}"]]'.encode()).hexdigest()
    assert data_hash.of_files([("train", TWO), ("dev", ONE)]) == expected
    assert data_hash.of_files([("dev", ONE), ("train", TWO)]) == expected
    assert data_hash.of_files([("dev", TWO), ("train", ONE)]) != expected


def test_files_that_rows_are_split_from_have_no_split() -> None:
    expected = hashlib.sha256(f'[["", "{ONE}"], ["", "{TWO}"]]'.encode()).hexdigest()
    assert data_hash.of_files([(None, TWO), (None, ONE)]) == expected


def test_the_hash_travels_beside_an_artifact(tmp_path: Path) -> None:
    data_hash.write(tmp_path, ONE)
    assert data_hash.read(str(tmp_path)) == ONE
