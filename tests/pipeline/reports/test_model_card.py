"""The card of a version, as Hugging Face's own reader has it."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard import metadata_load

from pipeline.reports import model_card
from pipeline.runs.manifest import DataFile, Manifest
from pipeline.runs.record import NodeRecord
from tests.pipeline.reports.made_up import HOSTILE, record, summary

TEXTS = {"most_tokens": 64, "truncated_share": 0.125, "unknown_share": 0.01}


def manifest_of(**more: Any) -> Manifest:
    config = {
        "name": "toy",
        "data": {"train": ["t.tsv"], "dev": ["d.tsv"]},
        "model": {"base": "hf://google-bert/bert-base-uncased"},
        "gate": {"min": {"accuracy": 0.8}},
    }
    fields: dict[str, Any] = dict(
        **{"name": "toy", "run": "20261128-093000", "started": "2026-11-28", "config": config},
        **{"checkout": "/x"},
        **{"data": [DataFile("train", "/x/<b>t.tsv", "a" * 64, 5)], "base_model": {"config.json": "b" * 64}},
        **{"code": {"sha256": "c" * 64}, "lock": None, "libraries": {}, "machine": {}},
        **{"result": {"identity": "d" * 64, "weights_sha256": "e" * 64}, **more},
    )
    return Manifest(**fields)


def test_the_readers_of_the_hub_find_the_metrics_of_the_record(tmp_path: Path) -> None:
    dev = summary(["bad", "good"], [[8, 2], [1, 9]], intervals={"candidate": {"": {"accuracy": [0.64, 0.95]}}})
    found = record(tmp_path, evaluations={"dev": dev, "test": dev}, texts={"dev": TEXTS})
    path = tmp_path / "README.md"
    path.write_text(model_card.card(found, manifest_of(), "7"), encoding="utf-8")
    read: Any = ModelCard.load(path)
    assert [(one.dataset_split, one.metric_type, one.metric_value) for one in read.data.eval_results] == [
        ("dev", "accuracy", 0.85),
        ("test", "accuracy", 0.85),
    ]
    assert read.data.pipeline_tag == "text-classification"
    assert read.data.base_model == "google-bert/bert-base-uncased"
    metadata: Any = metadata_load(path)
    assert metadata["model-index"][0]["name"] == "toy"
    assert "| dev | 0.8500 (0.6400 to 0.9500) |" in read.text
    assert "accuracy at least 0.8" in read.text
    assert "at most 64 tokens of a row; 12.5% of dev have more" in read.text
    assert "e" * 64 in read.text


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_markup_or_metadata(text: str, tmp_path: Path) -> None:
    dev = summary([text, "b"], [[1, 0], [0, 1]])
    found = record(tmp_path, evaluations={"dev": dev}, nodes=[NodeRecord("x", warnings=[f"{text}\n---\n# head"])])
    found.name = f"{text}\n---\nlicense: mit"
    read: Any = ModelCard(model_card.card(found, manifest_of(), "7"))
    assert read.data.license is None
    assert len(read.data.eval_results) == 1
    assert "<script>" not in read.text.replace("\\<", "")
    assert not [line for line in read.text.splitlines() if line in ("---", "# head")]
    assert "\x1b" not in read.text
