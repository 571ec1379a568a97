import dataclasses
import gzip
import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from components import tasks
from components.common import progress
from components.common.errors import InputError
from components.common.progress import Bar
from components.leakage import duplicates, row_hashes
from components.nodes import example_gen
from components.rows import data_hash, row_counts, writer
from components.rows.splits import split_of
from components.settings.data import Data, Split
from components.settings.serialization import dump
from components.tasks.classification import Classification
from tests.conftest import artifact, beam_executor, generate

THREE_FILES: Mapping[str, Any] = {"header": False, "text": 1, "label": 2}

GOOD = {"train": "a film\tgood\nthe film\tbad\n", "dev": "film\tbad\n", "test": "so good\tgood\n"}


def write(folder: Path, contents: Mapping[str, str | bytes], **settings: Any) -> Data:
    """The files of the splits, with the settings to read them by."""
    paths = {}
    for split, content in contents.items():
        path = folder / f"{split}.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths[split] = (str(path),)
    return Data(**{**THREE_FILES, **paths, **settings})


def read(examples: Any, split: str) -> list[dict[str, list[bytes]]]:
    """The Examples of a split: feature -> values."""
    files = sorted(str(path) for path in Path(examples.uri, f"Split-{split}").iterdir())
    found = []
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        found.append({name: list(feature[name].bytes_list.value) for name in feature})
    return found


class Generated(NamedTuple):
    """What ExampleGen was given, and what it made."""

    data: Data
    examples: Any


@pytest.fixture(scope="module")
def three_files(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """The three-file form at its worst: 3 good rows, 3 bad ones in quarantine, and a test split without rows."""
    folder = tmp_path_factory.mktemp("three_files")
    contents = {
        "train": 'ein Schluß\tgut\tweb\r\nfilm\n"x"  y \tschlecht\t\n \tgut\tweb\n',
        "dev": "\ufeffa\tgut\tweb\nb\tgutt\tweb",
        "test": "",
    }
    labels = ("schlecht", "gut", "egal")
    data = write(folder, contents, labels=labels, slices=(3,), on_bad_row="quarantine", max_bad_share=0.5)
    return Generated(data, generate(data, folder))


@pytest.fixture(scope="module")
def headed(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """Headed files, train compressed."""
    folder = tmp_path_factory.mktemp("headed")
    content = "id\tsentiment\tsentence\tsource\n1\tgood\ta film\tweb\n2\tbad\tthe film\t\n"
    (folder / "all.tsv.gz").write_bytes(gzip.compress(content.encode()))
    (folder / "dev.tsv").write_text(content)
    train, dev = ((str(folder / name),) for name in ("*.gz", "dev.tsv"))
    data = Data(train=train, dev=dev, text=("sentence",), label="sentiment", slices=("source", "id"))
    return Generated(data, generate(data, folder))


def test_rows_of_three_files_become_examples_of_text_and_label(three_files: Generated) -> None:
    assert read(three_files.examples, "train") == [
        {"text": ["ein Schluß".encode()], "label": [b"gut"], "column_3": [b"web"]},
        {"text": [b'"x"  y '], "label": [b"schlecht"], "column_3": [b""]},
    ]
    assert read(three_files.examples, "dev") == [{"text": [b"a"], "label": [b"gut"], "column_3": [b"web"]}]
    assert three_files.examples.split_names == '["train", "dev", "test"]'


def test_a_split_without_rows_is_an_empty_but_readable_one(three_files: Generated) -> None:
    assert list(Path(three_files.examples.uri, "Split-test").iterdir())
    assert read(three_files.examples, "test") == []


def test_rows_are_counted_by_file_split_and_class(three_files: Generated) -> None:
    data = three_files.data
    counted = json.loads(Path(three_files.examples.uri, "rows.json").read_text())
    contents = [hashlib.sha256(Path(file["file"]).read_bytes()).hexdigest() for file in counted]
    assert [file.pop("sha256") for file in counted] == contents
    assert counted == [
        {"file": data.train[0], "rows": [["train", "gut", 1], ["train", "schlecht", 1]], "bad": 2},
        {"file": data.dev[0], "rows": [["dev", "gut", 1]], "bad": 1},
        {"file": data.test[0], "rows": [], "bad": 0},
    ]


def test_the_quarantine_names_file_line_and_rule_and_keeps_the_row(three_files: Generated) -> None:
    data = three_files.data
    assert Path(three_files.examples.uri, "quarantine.tsv").read_text().splitlines() == [
        f"{data.dev[0]}\t2\tthe label is 'gutt', expected one of egal, gut, schlecht\tb\tgutt\tweb",
        f"{data.train[0]}\t2\texpected 3 tab-separated fields, got 1\tfilm",
        f"{data.train[0]}\t4\tthe text (field 1) is empty\t \tgut\tweb",
    ]


def test_good_rows_and_quarantined_ones_are_the_lines_of_the_files(three_files: Generated) -> None:
    good = sum(len(read(three_files.examples, split)) for split in three_files.data.splits)
    quarantined = Path(three_files.examples.uri, "quarantine.tsv").read_text().count("\n")
    lines = sum(len(Path(path).read_bytes().splitlines()) for _, path in three_files.data.patterns)
    assert (good, quarantined, lines) == (3, 3, 6)


def test_listed_labels_keep_their_order_and_those_from_train_are_sorted(
    three_files: Generated, headed: Generated
) -> None:
    assert tasks.read(three_files.examples.uri) == Classification(("schlecht", "gut", "egal"))
    assert tasks.read(headed.examples.uri) == Classification(("bad", "good"))


def test_a_headed_gzipped_file_gives_its_named_columns_and_its_slices(headed: Generated) -> None:
    assert read(headed.examples, "train") == [
        {"text": [b"a film"], "label": [b"good"], "source": [b"web"], "id": [b"1"]},
        {"text": [b"the film"], "label": [b"bad"], "source": [b""], "id": [b"2"]},
    ]
    assert read(headed.examples, "dev") == read(headed.examples, "train")


def test_without_bad_rows_there_is_no_quarantine_and_no_other_file_either(headed: Generated) -> None:
    names = {path.name for path in Path(headed.examples.uri).iterdir()}
    assert names == {"Split-train", "Split-dev", "task.json", "rows.json", "data.sha256", "hashes"}


def test_equal_texts_are_found_again_in_what_is_kept_of_the_rows(headed: Generated) -> None:
    # dev is a copy of train, whose labels differ.
    found = duplicates.count({split: row_hashes.read(Path(headed.examples.uri), split) for split in ("train", "dev")})
    assert (found["train"].rows, found["train"].repeated, found["dev"].leaked) == (2, 0, {"train": 2})
    (_, dev), (_, train) = (row_hashes.read(Path(headed.examples.uri), split)[0] for split in ("dev", "train"))
    assert train["line"].tolist() == dev["line"].tolist() == [2, 3]


def test_a_hash_of_the_row_deals_the_rows_of_one_file_to_the_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[Bar] = []

    class Recorded(Bar):
        def __init__(self, total: float | None) -> None:
            super().__init__(total)
            bars.append(self)

    monkeypatch.setattr(progress, "Bar", Recorded)
    rows = [(f"text {index}", "good" if index % 2 else "bad") for index in range(50)]
    path = tmp_path / "all.txt"
    path.write_text("".join(f"{text}\t{label}\n" for text, label in rows))
    shares: dict[Split, int] = {"train": 6, "dev": 2, "test": 2}
    examples = generate(Data(**THREE_FILES, files=(str(path),), split=shares), tmp_path)
    for split in shares:
        expected = [text.encode() for text, label in rows if split_of((text,), None, shares) == split]
        assert [row["text"][0] for row in read(examples, split)] == expected
        assert expected
    # And the bar came to its end on the way.
    assert [(bar.done, bar.total) for bar in bars] == [(path.stat().st_size, path.stat().st_size)]


def test_bad_rows_fail_with_file_and_line_and_reading_ends_at_a_thousand(tmp_path: Path) -> None:
    bad = ["film", "\tbad", "a\tbda", "a\0\tbad", "", *["b\xff\tbad"] * 995, "unread", "unread"]
    train = "".join(f"{row}\n" for row in ["a\tgood", "b\tbad", *bad]).encode("latin-1")
    data = write(tmp_path, {**GOOD, "train": train}, labels=("bad", "good"))
    with pytest.raises(InputError) as caught:
        generate(data, tmp_path)
    name, lines = data.train[0], str(caught.value).splitlines()
    first = f"{name}:3: expected 2 tab-separated fields, got 1; at least 1000 bad rows in all. "
    assert lines[0].startswith(first)
    assert len(lines[0]) > len(first)
    assert lines[1:] == [
        f"  also {name}:4: the text (field 1) is empty",
        f"  also {name}:5: the label is 'bda', expected one of bad, good",
        f"  also {name}:6: a NUL byte in field 1",
        f"  also {name}:7: an empty line, expected 2 tab-separated fields.",
    ]


def test_labels_are_the_same_whatever_cannot_be_seen_around_them(tmp_path: Path) -> None:
    train = "a\tgood \nb\tcafe\u0301\nc\t\u00a0good\nd\tgo\u200bod\n"
    data = write(
        tmp_path, {**GOOD, "train": train, "dev": "e\tcaf\u00e9\n"}, on_bad_row="quarantine", max_bad_share=1.0
    )
    examples = generate(data, tmp_path)
    assert tasks.read(examples.uri).labels == ("caf\u00e9", "good")
    assert sorted(row["label"][0].decode() for row in read(examples, "train")) == ["caf\u00e9", "good", "good"]
    assert row_counts.row_counts(Path(examples.uri))["train", "good"] == 2
    name = data.train[0]
    assert Path(examples.uri, "quarantine.tsv").read_text() == (
        f"{name}\t4\tthe label 'go\\u200bod' holds U+200B, which cannot be seen\td\tgo\u200bod\n"
    )


def test_a_header_that_is_read_as_a_row_stops_the_node(tmp_path: Path) -> None:
    data = write(tmp_path, {**GOOD, "train": "text\tlabel\n" + GOOD["train"]})
    with pytest.raises(InputError, match=r"train.txt:1: line 1 is read as a row, .* label, 'label'"):
        generate(data, tmp_path)


def test_numbers_of_train_that_float32_hardly_tells_apart_stop_the_node(tmp_path: Path) -> None:
    contents = {"train": "a\t1700000000\nb\t1700000009\n", "dev": "c\t0\n"}
    data = write(tmp_path, contents, task="regression")
    with pytest.raises(InputError, match=r"train.txt: the values of train lie between 1700000000.0 and 1700000009.0,"):
        generate(data, tmp_path)
    other = write(tmp_path, {**contents, "train": "a\t1600000000\nb\t1700000009\n"}, task="regression")
    assert len(list(Path(generate(other, tmp_path / "other").uri, "Split-train").iterdir())) == 1


def test_more_than_the_allowed_share_in_quarantine_fails(tmp_path: Path) -> None:
    data = write(tmp_path, {**GOOD, "dev": "a\tbad\n\n"}, on_bad_row="quarantine", max_bad_share=0.19)
    message = r"dev.txt:2: an empty line, .*; 1 of 5 rows are bad, 20.00%, data.max_bad_share is 19.00%\. "
    with pytest.raises(InputError, match=message):
        generate(data, tmp_path)
    assert not (tmp_path / "examples" / "quarantine.tsv").exists()


def fingerprint(data: Data) -> str:
    """What the Driver adds to the cache key."""
    driver = example_gen.Driver(None)
    output = driver.run(SimpleNamespace(exec_properties={"data": dump(data), "data_path": ""}))
    return str(output.exec_properties["input_files"].string_value)


def test_the_cache_key_changes_with_a_byte_and_not_with_the_time_of_a_file(tmp_path: Path) -> None:
    data = write(tmp_path, GOOD)
    before = fingerprint(data)
    os.utime(data.train[0], (1, 1))
    assert fingerprint(data) == before
    write(tmp_path, {**GOOD, "train": GOOD["train"].replace("a film", "a fill")})
    assert fingerprint(data) != before
    write(tmp_path, GOOD)
    assert fingerprint(data) == before


def test_the_cache_key_does_not_change_with_the_place_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    assert fingerprint(write(tmp_path, GOOD)) == fingerprint(write(tmp_path / "elsewhere", GOOD))


def test_the_cache_key_names_split_and_sha256_and_what_is_compressed(tmp_path: Path) -> None:
    data = write(tmp_path, {"train": "", "dev": "abc"})
    compressed = Path(data.dev[0]).rename(tmp_path / "dev.tsv.gz")
    data = dataclasses.replace(data, dev=(str(compressed),))
    assert json.loads(fingerprint(data)) == [
        ["train", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
        ["dev", ".gz", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ]


def test_a_file_that_comes_to_match_the_glob_changes_the_cache_key(tmp_path: Path) -> None:
    data = write(tmp_path, GOOD, train=(str(tmp_path / "train*.txt"),))
    before = fingerprint(data)
    (tmp_path / "train2.txt").write_text("")
    assert fingerprint(data) != before


def test_of_a_broken_sentence_all_lines_are_kept() -> None:
    data = Data(task="tagging", format="conll", train=("t",), dev=("d",))
    lines = io.BytesIO(b"a O\nb O\n\n\nc O\n")
    assert list(writer.numbered_rows(lines, data)) == [[(1, b"a O\n"), (2, b"b O\n")], [(5, b"c O\n")]]


def test_relative_paths_and_spans_are_found_under_the_data_path_when_the_node_runs(tmp_path: Path) -> None:
    for span in (1, 2):
        (tmp_path / f"span-{span}").mkdir()
        newest = write(tmp_path / f"span-{span}", {**GOOD, "dev": f"{GOOD['dev']}" * span})
    data = Data(**THREE_FILES, train=("span-{SPAN}/train.txt",), dev=("span-{SPAN}/dev.txt",))
    output = example_gen.Driver(None).run(
        SimpleNamespace(exec_properties={"data": dump(data), "data_path": str(tmp_path)})
    )
    assert output.exec_properties["input_files"].string_value == fingerprint(dataclasses.replace(newest, test=()))


def test_without_a_driver_the_files_are_hashed_by_the_executor(tmp_path: Path) -> None:
    data = write(tmp_path, GOOD)
    with_driver = generate(data, tmp_path / "with")
    without = artifact(standard_artifacts.Examples, tmp_path / "without")
    beam_executor(example_gen.Executor, tmp_path).Do({}, {"examples": [without]}, {"data": dump(data), "data_path": ""})
    assert read(without, "train") == read(with_driver, "train")
    assert data_hash.read(without.uri) == data_hash.read(with_driver.uri)


def test_files_that_came_or_went_since_the_run_began_are_told(tmp_path: Path) -> None:
    data = write(tmp_path, GOOD, train=(str(tmp_path / "train*.txt"),))
    before = fingerprint(data)
    (tmp_path / "train2.txt").write_text("more film\tgood\n")
    examples = artifact(standard_artifacts.Examples, tmp_path / "examples")
    properties = {"data": dump(data), "data_path": "", "input_files": before}
    with pytest.raises(InputError, match="changed since the run began"):
        beam_executor(example_gen.Executor, tmp_path).Do({}, {"examples": [examples]}, properties)


def test_a_first_line_whose_label_no_other_row_has_is_kept_with_the_counts(tmp_path: Path) -> None:
    data = write(tmp_path, {**GOOD, "train": f"kommentar\tklasse\n{GOOD['train']}so bad\tbad\n"})
    assert row_counts.labels_alone(Path(generate(data, tmp_path).uri)) == {0: "klasse"}


def test_the_hash_of_the_data_names_split_and_bytes_but_no_path() -> None:
    # sha256 of '[["dev", "b"], ["train", "a"]]'
    expected = "3586bc87817640fd2ca3279bee198f1c9f6670f492555936c61498b1bd792201"
    assert data_hash.of_files([("train", "a"), ("dev", "b")]) == expected
