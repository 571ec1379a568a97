"""`embed` and `match` by a base model."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import pipeline_runner
from tests.google_form import write_google_checkpoint
from tests.toys import write_toy_checkpoint

ROWS = ["the film is good", "a b c", "bad bad film !"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_checkpoint(tmp_path_factory.mktemp("base"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.tsv"
    path.write_text("".join(f"{line}\n" for line in ("id\ttext", *(f"{i}\t{text}" for i, text in enumerate(ROWS)))))
    return path


def embedded(base: Path, table: Path, name: str, *options: str) -> Path:
    output = table.with_name(name)
    command = ["embed", "--model", str(base), "--input", str(table), "--output", str(output), "--max-length", "16"]
    assert pipeline_runner.main([*command, *options]) == 0
    return output


def test_vectors_have_length_one_and_the_order_of_the_rows(base: Path, table: Path) -> None:
    from components.serving.embedder import BaseEmbedder
    from components.settings.model import Model

    vectors = np.load(embedded(base, table, "v.npy"))
    assert (vectors.shape, vectors.dtype) == ((3, 8), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    embedder = BaseEmbedder(base, Model(base="", pooling="mean", max_length=16))
    for text, vector in zip(ROWS, vectors, strict=True):
        np.testing.assert_allclose(next(embedder.vectors([text])), vector, atol=1e-6)


def test_a_base_model_in_google_s_form_gives_the_same_vectors(base: Path, table: Path) -> None:
    google = write_google_checkpoint(base.with_name("google"), base)
    expected = np.load(embedded(base, table, "v.npy"))
    for number, model in enumerate((google, google / "bert_model.ckpt")):
        np.testing.assert_allclose(np.load(embedded(model, table, f"{number}.npy")), expected, atol=1e-6)


def test_parquet_has_texts_and_vectors(base: Path, table: Path) -> None:
    from pyarrow import parquet

    read = parquet.read_table(embedded(base, table, "v.parquet"))
    assert read.column("text").to_pylist() == ROWS
    np.testing.assert_array_equal(read.column("vector").to_pylist(), np.load(embedded(base, table, "v.npy")))


def test_pooling_is_chosen(base: Path, table: Path) -> None:
    mean, cls = (np.load(embedded(base, table, f"{name}.npy", "--pooling", name)) for name in ("mean", "cls"))
    assert np.abs(mean - cls).max() > 1e-3


def test_each_text_is_nearest_to_itself(base: Path, table: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = ["match", "--model", str(base), "--queries", str(table), "--corpus", str(table), "--max-length", "16"]
    capfd.readouterr()
    assert pipeline_runner.main([*command, "--top", "2", "--json"]) == 0
    found = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [one["query"] for one in found] == ROWS
    assert [one["matches"][0]["text"] for one in found] == ROWS
    assert all(one["matches"][0]["cosine"] == pytest.approx(1, abs=1e-5) for one in found)
    assert {len(one["matches"]) for one in found} == {2}
    assert pipeline_runner.main([*command, "--top", "1"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "query\trank\tcosine\tmatch"
    assert lines[1].startswith("the film is good\t1\t1.0000")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "v.csv"], "v.csv: its name ends in .csv, expected .npy or .parquet. Give it one of the endings."),
        (["--output", "v.npy", "--column", "txt"], ":1: the text's column is 'txt', the header has 'id', 'text'. "),
        (["--output", "v.npy", "--column", "0"], "--column: got 0, but columns are numbered from 1. "),
        (["--output", "v.npy", "--no-header", "--column", "text"], "--no-header: the text's column is 'text', but "),
        (["--output", "v.npy", "--max-length", "99"], "--max-length: got 99, the base model takes at most 32 tokens. "),
    ],
)
def test_a_mistake_gets_one_message_and_leaves_no_file(
    base: Path,
    table: Path,
    options: list[str],
    message: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(table.parent)
    assert pipeline_runner.main(["embed", "--model", str(base), "--input", str(table), *options]) == 2
    assert message in capfd.readouterr().err
    assert [path.name for path in table.parent.iterdir()] == ["rows.tsv"]


@pytest.mark.parametrize("command", ["embed --output OUT --input", "match --queries TABLE --corpus"])
def test_a_base_model_with_a_weight_that_is_no_number_is_refused(
    command: str, tmp_path: Path, table: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_toy_checkpoint(tmp_path / "nan") / "model.safetensors"
    tensors = load_file(path)
    tensors["embeddings.word_embeddings.weight"][60, 1] = np.nan
    save_file(tensors, path)
    words = command.replace("OUT", str(tmp_path / "v.npy")).replace("TABLE", str(table)).split()
    assert pipeline_runner.main([*words, str(table), "--model", str(path.parent), "--max-length", "16"]) == 2
    assert "got nan in row 60 of 'embeddings.word_embeddings.weight'. It is damaged" in " ".join(
        capfd.readouterr().err.split()
    )
    assert not (tmp_path / "v.npy").exists()
