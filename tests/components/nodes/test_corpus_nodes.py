"""The nodes of a vocabulary's run by themselves: what workers change, what is refused, what is left out."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.common.errors import InputError
from components.nodes import corpus_example_gen, corpus_validator, vocabulary_learner, word_counter
from components.pretraining import corpus_statistics
from components.pretraining.documents import Document
from components.rows import row_counts
from components.settings.kinds.corpus import Corpus
from components.settings.kinds.vocabulary import Vocabulary
from components.settings.serialization import dump
from components.tokenization.learning import word_counts
from components.tokenization.learning.basic_words import BasicWords
from components.tokenization.vocabulary import TokenizerSettings
from tests.conftest import artifact
from tests.toys import toy_documents


def with_workers(cls: Any, folder: Path, workers: int) -> Any:
    """An executor whose Beam has so many workers, each a thread of this process."""
    arguments = ["--runner=FnApiRunner", "--sdk_container_image=none"]
    if workers > 1:
        arguments += ["--direct_running_mode=multi_threading", f"--direct_num_workers={workers}"]
    return cls(cls.Context(beam_pipeline_args=arguments, tmp_dir=str(folder / "tmp"), unique_id="1"))


def generated(folder: Path, corpus: Corpus, workers: int = 1) -> Any:
    from tfx.types import standard_artifacts

    examples = artifact(standard_artifacts.Examples, folder / "examples")
    properties = {"corpus": dump(corpus), "data_path": ""}
    info = SimpleNamespace(exec_properties=properties)
    found = corpus_example_gen.Driver(None).run(info).exec_properties["input_files"].string_value
    executor = with_workers(corpus_example_gen.Executor, folder, workers)
    executor.Do({}, {"examples": [examples]}, {**properties, "input_files": found})
    return examples


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    documents = toy_documents(90)
    for number in range(3):
        text = "\n\n".join(documents[30 * number : 30 * number + 30])
        (folder / f"{number}.txt").write_text(f"{text}\n", encoding="utf-8")
    return Corpus(files=(str(folder / "*.txt"),), split={"train": 4, "dev": 1})


def made(folder: Path, corpus: Corpus, workers: int) -> dict[str, bytes]:
    """The words and the vocabulary of a corpus, by file."""
    from tfx.types import standard_artifacts

    folder.mkdir()
    examples = generated(folder, corpus, workers)
    counts = artifact(standard_artifacts.ExampleStatistics, folder / "counts")
    properties = {"tokenizer": dump(TokenizerSettings()), "min_count": 2}
    executor = with_workers(word_counter.Executor, folder, workers)
    executor.Do({"examples": [examples]}, {"counts": [counts]}, properties)
    model = artifact(standard_artifacts.Model, folder / "model")
    vocabulary_learner.Executor().Do(
        {"counts": [counts], "examples": [examples]},
        {"model": [model]},
        {"vocabulary": dump(Vocabulary(size=100)), "name": "toy"},
    )
    paths = [path for place in ("counts", "model") for path in (folder / place).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_words_and_vocabulary_are_the_same_bytes_in_two_runs_and_with_two_workers(
    files: Corpus, tmp_path: Path
) -> None:
    one, again, two = (made(tmp_path / name, files, workers) for name, workers in (("1", 1), ("2", 1), ("3", 2)))
    assert len(one) == 6
    assert one == again == two


def test_all_documents_of_train_are_counted_and_no_other(files: Corpus, tmp_path: Path) -> None:
    from tfx.types import standard_artifacts

    examples = generated(tmp_path, files)
    rows = row_counts.row_counts(Path(examples.uri))
    assert sum(rows.values()) == 90
    counts = artifact(standard_artifacts.ExampleStatistics, tmp_path / "counts")
    properties = {"tokenizer": dump(TokenizerSettings()), "min_count": 1}
    executor = with_workers(word_counter.Executor, tmp_path, 1)
    executor.Do({"examples": [examples]}, {"counts": [counts]}, properties)
    train = [text for text in toy_documents(90) if Document(1, (text,)).split(files) == "train"]
    assert len(train) == rows["train", ""]
    assert dict(word_counts.read(tmp_path / "counts")) == BasicWords(TokenizerSettings()).count(train)


def test_bad_lines_go_into_quarantine_and_their_documents_stay(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"One. Two.\n\xff\nThree.\n\n" + b"Four. Five.\n\n" * 3)
    corpus = Corpus(files=(str(file),), on_bad_row="quarantine", max_bad_share=0.5)
    examples = Path(generated(tmp_path / "1", corpus).uri)
    quarantined = (examples / "quarantine.tsv").read_text()
    assert quarantined == f"{file}\t2\tbyte 1 of the line, 0xff, is not UTF-8\t\\xff\n"
    assert corpus_statistics.read(examples).sentences == 9
    with pytest.raises(InputError, match=r"1 of 5 rows are bad, 20\.00%, corpus\.max_bad_share is 10\.00%"):
        generated(tmp_path / "2", Corpus(files=(str(file),), on_bad_row="quarantine", max_bad_share=0.1))
    with pytest.raises(InputError, match=r"a\.txt:2: byte 1 of the line"):
        generated(tmp_path / "3", Corpus(files=(str(file),)))


def test_an_anomaly_stops_at_the_validator(files: Corpus, tmp_path: Path) -> None:
    from tfx.types import standard_artifacts

    examples = generated(tmp_path, files)
    anomalies = artifact(standard_artifacts.ExampleAnomalies, tmp_path / "anomalies")

    def validate(corpus: Corpus) -> None:
        inputs, outputs = {"examples": [examples]}, {"anomalies": [anomalies]}
        corpus_validator.Executor().Do(inputs, outputs, {"corpus": dump(corpus)})

    validate(Corpus(files=("",)))
    assert json.loads((tmp_path / "anomalies" / "corpus.json").read_text())["documents"] == 90
    twice = tmp_path / "twice.txt"
    twice.write_text("\n\n".join([*toy_documents(30), *toy_documents(30)]))
    examples = generated(tmp_path / "twice", Corpus(files=(str(twice),), split=files.split))
    with pytest.raises(InputError) as caught:
        validate(Corpus(files=("",)))
    assert str(caught.value).splitlines()[:2] == [
        "CorpusValidator: 1 anomaly in the corpus",
        f"  30 of 60 (50.00%) documents stand in it before, as {twice}:61, which {twice}:1 has; "
        "corpus.max_duplicate_share is 20.00%.",
    ]
