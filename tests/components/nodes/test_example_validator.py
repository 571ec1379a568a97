import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts

from components.common.errors import InputError
from components.leakage import duplicates
from components.nodes.example_validator import Executor
from components.nodes.schema_gen import Executor as SchemaGen
from components.nodes.statistics_gen import Executor as StatisticsGen
from components.rows import text_statistics
from components.rows.row_counts import rows_by_file
from components.settings.data import Data
from components.settings.serialization import dump
from components.settings.validation import Validation
from tests.conftest import artifact, beam_executor, generate

SCHEMA = """
feature { name: "text" type: BYTES presence { min_fraction: 1.0 } }
feature { name: "label" type: BYTES presence { min_fraction: 1.0 } }
feature { name: "source" type: BYTES %s }
"""

ONLY_WEB = SCHEMA % 'domain: "known" } string_domain { name: "known" value: "web"'

NEW_SOURCE = "dev:source:ENUM_TYPE_UNEXPECTED_STRING_VALUES"

NO_ROWS = "test:rows:SPLIT_WITHOUT_ROWS"

NO_CLASS = "train:label:CLASS_WITHOUT_ROWS"

Validate = Callable[..., Path]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Any]:
    """Examples, statistics and schema: test has no rows, "ugly" none in train, dev a source train does not have.

    Of the seven words of train one is no token and six are; of the three of dev all are unknown.
    """
    return _described(tmp_path_factory.mktemp("described"))


def _described(folder: Path, **more: Any) -> tuple[Any, Any, Any]:
    header = "text\tlabel\tsource\n"
    rows = {
        "train": "a film is\tgood\tweb\nb so bad .\tbad\tweb\n",
        "dev": "хороший фильм\tugly\tweb\nфильм\tgood\tpaper\n",
        "test": "",
    }
    paths: dict[str, Any] = {}
    for split, content in rows.items():
        (folder / f"{split}.tsv").write_text(header + content)
        paths[split] = (str(folder / f"{split}.tsv"),)
    examples = generate(Data(**paths, labels=("good", "bad", "ugly"), slices=("source",), **more), folder)
    statistics = artifact(standard_artifacts.ExampleStatistics, folder / "statistics")
    beam_executor(StatisticsGen, folder).Do({"examples": [examples]}, {"statistics": [statistics]}, {})
    schema = artifact(standard_artifacts.Schema, folder / "schema")
    SchemaGen().Do({"statistics": [statistics], "examples": [examples]}, {"schema": [schema]}, {})
    return examples, statistics, schema


@pytest.fixture
def validate(described: tuple[Any, Any, Any], checkpoint: Path, tmp_path: Path) -> Validate:
    """Runs the validator; returns the directory of the anomalies."""
    return _validator(described, checkpoint, tmp_path)


def _validator(described: tuple[Any, Any, Any], checkpoint: Path, tmp_path: Path) -> Validate:
    def run(*allowed: str, schema: str | None = None, max_tokens: int = 16, **limits: Any) -> Path:
        examples, statistics, inferred = described
        given = inferred
        if schema is not None:
            given = artifact(standard_artifacts.Schema, tmp_path / "schema")
            (tmp_path / "schema" / "schema.pbtxt").write_text(schema)
        anomalies = artifact(standard_artifacts.ExampleAnomalies, tmp_path / "anomalies")
        Executor().Do(
            {"examples": [examples], "statistics": [statistics], "schema": [given]},
            {"anomalies": [anomalies]},
            {
                "validation": dump(Validation(allow_anomalies=allowed, **limits)),
                "base_model": str(checkpoint),
                "max_tokens": max_tokens,
                "control_tokens": "text",
            },
        )
        return tmp_path / "anomalies"

    return run


def refused(validate: Validate, *allowed: str, **given: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        validate(*allowed, **given)
    return caught.value


def test_a_split_without_rows_and_a_class_without_rows_in_train_stop_the_run(validate: Validate) -> None:
    error = refused(validate, schema=SCHEMA % "")
    assert error.place == "ExampleValidator"
    assert error.problem.splitlines() == [
        "2 anomalies in the data",
        "  test:rows:SPLIT_WITHOUT_ROWS: the split has no rows",
        "  train:label:CLASS_WITHOUT_ROWS: no row of class 'ugly' in train",
    ]
    assert json.dumps([NO_ROWS, NO_CLASS]) in error.remedy


def test_rows_that_the_gate_alone_looks_at_cannot_be_missing(checkpoint: Path, tmp_path: Path) -> None:
    # Of two rows of dev a share of 0.0001 is none.
    (tmp_path / "few").mkdir()
    validate = _validator(_described(tmp_path / "few", held_back=0.0001), checkpoint, tmp_path)
    error = refused(validate, NO_ROWS, NO_CLASS, "gate:rows:SPLIT_WITHOUT_ROWS", schema=SCHEMA % "")
    assert error.problem.splitlines()[1:] == ["  gate:rows:SPLIT_WITHOUT_ROWS: the split has no rows"]


def test_a_dev_split_without_rows_cannot_be_allowed(described: tuple[Any, Any, Any], validate: Validate) -> None:
    rows = Path(described[0].uri, "rows.json")
    before = rows.read_text()
    rows.write_text(before.replace('["dev", ', '["train", '))
    try:
        error = refused(validate, NO_ROWS, NO_CLASS, "dev:rows:SPLIT_WITHOUT_ROWS", schema=SCHEMA % "")
    finally:
        rows.write_text(before)
    assert error.problem.splitlines()[1:] == ["  dev:rows:SPLIT_WITHOUT_ROWS: the split has no rows"]
    assert error.remedy == "\nCorrect the data"


def test_an_anomaly_of_the_schema_stops_the_run_and_is_named_by_split_feature_and_kind(validate: Validate) -> None:
    error = refused(validate, NO_ROWS, NO_CLASS, schema=ONLY_WEB)
    count, reason = error.problem.splitlines()
    assert count == "1 anomaly in the data"
    assert reason.startswith(f"  {NEW_SOURCE}: ")
    assert "paper" in reason
    assert f'validation.allow_anomalies = ["{NEW_SOURCE}"]' in error.remedy


def test_a_feature_the_schema_does_not_know_is_an_anomaly(validate: Validate) -> None:
    schema = SCHEMA.replace("source", "origin") % ""
    reasons = refused(validate, NO_ROWS, NO_CLASS, schema=schema).problem
    assert "\n  train:source:SCHEMA_NEW_COLUMN: " in reasons
    assert "\n  dev:source:SCHEMA_NEW_COLUMN: " in reasons


@pytest.mark.parametrize("spelling", [NEW_SOURCE, "source:ENUM_TYPE_UNEXPECTED_STRING_VALUES"])
def test_an_anomaly_can_be_allowed_with_and_without_its_split(validate: Validate, spelling: str) -> None:
    anomalies = validate(spelling, NO_ROWS, "label:CLASS_WITHOUT_ROWS", schema=ONLY_WEB)
    written = {path.parent.name for path in anomalies.rglob("SchemaDiff.pb")}
    assert written == {"Split-train", "Split-dev", "Split-test"}


def test_an_anomaly_allowed_in_one_split_is_none_in_another(validate: Validate) -> None:
    other = NEW_SOURCE.replace("dev:", "train:")
    assert NEW_SOURCE in refused(validate, other, NO_ROWS, NO_CLASS, schema=ONLY_WEB).problem


def test_by_the_inferred_schema_neither_a_new_source_nor_a_new_text_nor_a_listed_label_is_an_anomaly(
    validate: Validate,
) -> None:
    names = [line.split(": ")[0].strip() for line in refused(validate).problem.splitlines()[1:]]
    assert names == [NO_ROWS, NO_CLASS]


def test_without_anomalies_the_run_goes_on(validate: Validate) -> None:
    validate(NO_ROWS, NO_CLASS, schema=SCHEMA % "")


def test_the_texts_of_each_split_with_rows_are_counted(validate: Validate) -> None:
    found = text_statistics.read(validate(NO_ROWS, NO_CLASS, schema=SCHEMA % "", max_tokens=5))
    assert list(found) == ["train", "dev"]
    train, dev = found.values()
    # [CLS] a film is [SEP], and [CLS] b s ##o bad . [SEP].
    assert (train.rows, train.words, train.tokens, train.whole_share, train.spelled_share) == (2, 7, 12, 6 / 7, 1 / 7)
    assert (train.truncated_share, train.cut_share) == (1 / 2, 2 / 12)
    assert (dev.rows, dev.words, dev.unknown_share, dev.truncated_share) == (2, 3, 1, 0)


def test_russian_on_a_latin_vocabulary_is_told_in_the_log(validate: Validate, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        validate(NO_ROWS, NO_CLASS, schema=SCHEMA % "")
    told = [record.getMessage() for record in caplog.records if record.name == "components.nodes.example_validator"]
    assert any(line.startswith("dev: the base model's vocabulary has no pieces for 100.0% of words") for line in told)


def test_words_and_rows_beyond_their_limits_stop_the_run(validate: Validate) -> None:
    limits = {"max_unknown_share": 0.2, "max_truncated_share": 0.25, "max_tokens": 5}
    error = refused(validate, NO_ROWS, NO_CLASS, schema=SCHEMA % "", **limits)
    assert error.place == "ExampleValidator"
    assert error.problem.splitlines() == [
        "the texts do not fit the tokenizer",
        "  train: 50.00% of rows have more than 5 tokens, validation.max_truncated_share is 25.00%",
        "  dev: the base model's vocabulary has no pieces for 100.0% of words (100.0% unknown, 0.0% spelled out in "
        "single characters), validation.max_unknown_share is 20.00%",
    ]
    assert error.remedy == ("\nCorrect the data, take another base model or model.max_length, or raise the limit")


def test_a_dev_split_that_is_a_copy_of_train_stops_the_run(described: tuple[Any, Any, Any], validate: Validate) -> None:
    hashes = Path(described[0].uri, "hashes")
    (of_train,), (of_dev,) = hashes.glob("*-train.npy"), hashes.glob("*-dev.npy")
    before = of_dev.read_bytes()
    of_dev.write_bytes(of_train.read_bytes())
    try:
        error = refused(validate, NO_ROWS, NO_CLASS, schema=SCHEMA % "")
        let_through = duplicates.read(validate(NO_ROWS, NO_CLASS, schema=SCHEMA % "", max_leaked_share=1.0))
    finally:
        of_dev.write_bytes(before)
    train, dev, _ = rows_by_file(Path(described[0].uri))
    assert error.place == "ExampleValidator"
    assert error.problem.splitlines() == [
        "texts stand in the data more than once",
        f"  dev: the texts of 2 of 2 rows (100.00%) stand in train too, as {dev}:2 and {train}:2; "
        "validation.max_leaked_share is 50.00%",
    ]
    assert error.remedy.startswith("\nTake such rows out of one of the splits, let data.files deal them (")
    assert let_through["dev"].leaked == {"train": 2}


def test_an_anomaly_is_told_before_texts_are_counted(validate: Validate) -> None:
    assert "in the data" in refused(validate, schema=SCHEMA % "", max_unknown_share=0.0).problem
