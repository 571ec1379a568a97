"""Each task through the whole pipeline on toy data: how rows are made, and what becomes of a good and a bad model."""

import csv
import json
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from bench.common import as_toml
from components.export.card import read_card
from components.export.served_ops import ALLOWED
from components.tasks import TASKS
from pipeline.runs import manifest
from tests.saved_models import function_ops
from tests.toys import VOCABULARY, write_toy_checkpoint

_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Draws = random.Random

Made = Callable[[Draws], tuple[str, ...]]


def _filled(draws: Draws, *words: str) -> str:
    """A text of these words among letters."""
    text = [*words, *draws.choices(_LETTERS, k=3)]
    draws.shuffle(text)
    return " ".join(text)


def _multilabel(draws: Draws) -> tuple[str, ...]:
    words = draws.choice([["good"], ["bad"], ["good", "bad"], []])
    return _filled(draws, *words, *words), "|".join(sorted(words))


def _pair(draws: Draws) -> tuple[str, ...]:
    # What the second text says counts: without segments the two could not be told apart.
    word = draws.choice(["good", "bad"])
    return _filled(draws, draws.choice(["film", "the"])), _filled(draws, word, word), word


def _regression(draws: Draws) -> tuple[str, ...]:
    count = draws.randrange(4)
    return _filled(draws, *["good"] * count, *["bad"] * (3 - count)), f"{10 * count}"


def _similarity(draws: Draws) -> tuple[str, ...]:
    count = draws.randrange(4)
    return _filled(draws, "film"), _filled(draws, *["good"] * count, *["bad"] * (3 - count)), f"{count}"


def _tagging(draws: Draws) -> tuple[str, ...]:
    if draws.random() < 0.5:
        # A character a word, as Chinese corpora have it.
        person, place = draws.choice(["张三", "李四", "张四"]), draws.choice(["北京", "上海"])
        if draws.random() < 0.5:
            return " ".join(f"{person}在{place}工作。"), "B-PER I-PER O B-LOC I-LOC O O O"
        return " ".join(f"{place}，{person}好！"), "B-LOC I-LOC O B-PER I-PER O O"
    tags = {"film": "B-ART", "good": "I-ART", "bad": "B-MOOD"}
    words = []
    for _ in range(4):
        words += draws.choice([["film", "good"], ["bad"], ["the"], ["is"], [draws.choice(_LETTERS)]])
    return " ".join(words), " ".join(
        "O" if tag == "I-ART" and words[place - 1] != "film" else tag
        for place, tag in enumerate(tags.get(word, "O") for word in words)
    )


def _word_tags(draws: Draws) -> tuple[str, ...]:
    tags = {"film": "NOUN", "good": "ADJ", "bad": "ADJ", "the": "DET", "is": "AUX"}
    words = draws.choices(sorted(tags), k=draws.randrange(2, 6))
    return " ".join(words), " ".join(tags[word] for word in words)


def _classification(draws: Draws) -> tuple[str, ...]:
    word = draws.choice(["好", "坏"])
    text = "".join(draws.choices("这部电影很", k=4)) + word * 2 + draws.choice("，。！")
    return text, "good" if word == "好" else "bad"


def _embedding(draws: Draws) -> tuple[str, ...]:
    first, second = draws.choice(["good", "bad"]), draws.choice(["good", "bad"])
    return _filled(draws, first, first), _filled(draws, second, second), f"{int(first == second)}"


def _answering(draws: Draws) -> tuple[str, ...]:
    answer = draws.choice(["film good", "bad", ""])
    words = draws.choices(_LETTERS, k=4)
    words.insert(draws.randrange(5), answer)
    return _filled(draws, "is"), " ".join(filter(None, words)), answer


def _generation(draws: Draws) -> tuple[str, ...]:
    word = draws.choice(["good", "bad"])
    return _filled(draws, word, word, "film"), {"good": "not bad.", "bad": "the film is bad!"}[word]


MADE: dict[str, tuple[Made, dict[str, Any], dict[str, Any]]] = {
    "multilabel": (_multilabel, {"min": {"micro_f1": 0.9, "ap/good": 0.8}}, {"allow_no_label": True}),
    "pair": (_pair, {"min": {"accuracy": 0.9, "f1/good": 0.8}}, {}),
    "regression": (_regression, {"min": {"spearman": 0.8, "r2": 0.5}, "max": {"mae": 5}}, {"range": [0, 30]}),
    "similarity": (_similarity, {"min": {"spearman": 0.8}, "max": {"mae": 0.7}}, {}),
    "tagging": (_tagging, {"min": {"f1": 0.9, "raw_text_f1": 0.9, "recall/MOOD": 0.8}}, {}),
    "classification": (_classification, {"min": {"accuracy": 0.9}}, {}),
    "embedding": (_embedding, {"min": {"spearman": 0.8}}, {}),
    "generation": (
        _generation,
        {"min": {"exact_match": 0.9, "chrf": 0.9}, "min_over_copy": {"rouge_l": 0.1}},
        {"target_length": 8},
    ),
    "word_tags": (_word_tags, {"min": {"token_accuracy": 0.9, "recall/NOUN": 0.8}}, {"format": "conllu"}),
    "answering": (_answering, {"min": {"f1": 0.9, "exact_match_without_answer": 0.8}}, {}),
}
"""Task -> how a row is made, the gate, and more keys of `data`. Classification's here is Chinese."""

_CHINESE = ["tagging", "classification"]


def write_run(folder: Path, task: str, more: Mapping[str, Mapping[str, Any]] | None = None, **training: Any) -> Path:
    """A toy checkpoint and TSV files with a header, unless they are there, and the TOML of a run over them.

    Args:
        folder: where they go.
        task: its name.
        more: keys to add to a table of the TOML, or to replace in it.
        training: likewise, of the training.
    """
    make, gate, of_data = MADE[task]
    if not (folder / "model").exists():
        characters = sorted(set("张三李四北京上海工作在这部电影很好坏，。！")) if task in _CHINESE else []
        write_toy_checkpoint(folder / "model", [*VOCABULARY, *characters])
        draws = random.Random(0)  # noqa: S311
        header = (*TASKS[task].texts, TASKS[task].target)
        for split, size in (("train", 160), ("dev", 40)):
            rows = [make(draws) for _ in range(size)]
            lines = ["\t".join(row) for row in (header, *rows)] if task != "word_tags" else list(_conllu(rows))
            (folder / f"{split}.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    tables: dict[str, Any] = {
        "name": "toy",
        "task": task,
        "data": {"train": "train.tsv", "dev": "dev.tsv", **of_data},
        "model": {"base": "model", "max_length": 24, "pooling": "mean"},
        "training": {
            "batch_size": 8,
            "epochs": 10,
            "learning_rate": 0.01,
            "dropout": 0.0,
            "precision": "float32",
            **training,
        },
        "gate": gate,
    }
    for name, table in (more or {}).items():
        tables[name] = {**tables.get(name, {}), **table}
    path = folder / "run.toml"
    path.write_text(as_toml(tables), encoding="utf-8")
    return path


def _conllu(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Sentences and their tags as lines of CoNLL-U."""
    for tokens, tags in rows:
        yield f"# text = {tokens}"
        for number, (word, tag) in enumerate(zip(tokens.split(), tags.split(), strict=True), 1):
            yield "\t".join([str(number), word, "_", tag, *["_"] * 6])
        yield ""


def ran(config: Path, root: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any], str]:
    capfd.readouterr()
    status = pipeline_runner.main(["run", "--config", str(config), "--root", str(root), "--json"])
    out, err = capfd.readouterr()
    return status, json.loads(out) if out.startswith("{") else {}, err


def predicted(model: str, capfd: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    capfd.readouterr()
    assert pipeline_runner.main(["predict", "--model", model, "--json", *arguments]) == 0
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def surfaces(found: list[dict[str, Any]]) -> list[list[tuple[str, str]]]:
    """The type and the text of each entity of each row."""
    return [[(e["type"], row["text"][e["begin"] : e["end"]]) for e in row["entities"]] for row in found]


ANSWERS: dict[str, tuple[list[str], Callable[[list[dict[str, Any]]], bool]]] = {
    "classification": (["good a b good", "bad a bad"], lambda f: [row["label"] for row in f] == ["good", "bad"]),
    "multilabel": (
        ["good good a b", "good bad good bad a", "a b c"],
        lambda f: (
            [row["labels"] for row in f] == [["good"], ["bad", "good"], []] and set(f[0]["scores"]) == {"bad", "good"}
        ),
    ),
    "pair": (["film a\tgood good b", "the b\tbad bad c"], lambda f: [row["label"] for row in f] == ["good", "bad"]),
    "regression": (["good good good a b", "bad bad bad a b"], lambda f: f[0]["value"] > 15 > f[1]["value"]),
    "similarity": (
        ["film a b\tgood good good c", "film a b\tbad bad bad c"],
        lambda f: f[0]["score"] > 1.5 > f[1]["score"] and f[0]["text_b"] == "good good good c",
    ),
    "tagging": (
        ["the  film good, bad a", "a b c", "张三在北京工作。"],
        lambda f: surfaces(f) == [[("ART", "film good"), ("MOOD", "bad")], [], [("PER", "张三"), ("LOC", "北京")]],
    ),
    "word_tags": (
        ["the film  is bad", "Good"],
        lambda f: (
            [[(w["tag"], w["begin"], w["end"]) for w in row["words"]] for row in f]
            == [
                [("DET", 0, 3), ("NOUN", 4, 8), ("AUX", 10, 12), ("ADJ", 13, 16)],
                [("ADJ", 0, 4)],
            ]
        ),
    ),
    "answering": (
        ["is a\tc  film good d", "b is\ta b c", "is\tü — BAD!"],
        lambda f: (
            [(row["answer"], row["start"], row["end"]) for row in f]
            == [("film good", 3, 12), ("", 0, 0), ("BAD", 4, 7)]
        ),
    ),
    "generation": (
        ["good good film a b c", "film d bad e bad a"],
        lambda f: [row["text"] for row in f] == ["not bad.", "the film is bad!"] and not f[0]["cut"],
    ),
    "embedding": (["good good a", "bad bad a"], lambda f: abs(sum(v * v for v in f[0]["vector"]) - 1) < 1e-5),
}


def check_pushed(task: str, record: dict[str, Any], folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """That a run has pushed a good model: its metrics are there, its ops are known, it predicts rows and files.

    Args:
        task: its name.
        record: the run's.
        folder: for files.
        capfd: where commands print.
    """
    dev = record["evaluations"]["dev"]
    assert dev["blessed"] is True
    assert {metric.name for metric in TASKS[task].metrics} <= set(dev["metrics"]["candidate"][""])
    # What chose the checkpoint is what TFMA measures of the exported model.
    best = max(evaluation["value"] for evaluation in record["training"]["evaluations"])
    assert dev["metrics"]["candidate"][""][record["training"]["metric"]] == pytest.approx(best, abs=2e-3)

    assert function_ops(Path(record["pushed"])) <= ALLOWED

    rows, is_right = ANSWERS[task]
    found = predicted(record["pushed"], capfd, *rows)
    assert is_right(found), found
    table, answers = folder / "rows.tsv", folder / "answers.tsv"
    header = "text" if task in ("embedding", "word_tags") else "\t".join(TASKS[task].texts)
    lines = (header, *rows) if read_card(Path(record["pushed"]))["input"]["header"] else rows
    table.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    assert (
        pipeline_runner.main(["predict", "--model", record["pushed"], "--input", str(table), "--output", str(answers)])
        == 0
    )
    assert len(answers.read_text().splitlines()) == len(lines)
    if task == "tagging":
        assert surfaces(predicted(record["pushed"], capfd, "--tokens", "bad film good", "a 李 三 b")) == [
            [("MOOD", "bad"), ("ART", "film good")],
            [("PER", "李 三")],
        ]
    check_evaluated(record, capfd)


def check_evaluated(record: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    """That `evaluate` finds on the rows of dev what the run's Evaluator found, and holds a bound against it."""
    (dev,) = (file.path for file in manifest.read_alone(Path(record["directory"])).data if file.split == "dev")
    summary, metric = record["evaluations"]["dev"], record["training"]["metric"]
    capfd.readouterr()
    status = pipeline_runner.main(["evaluate", "--model", record["pushed"], dev, "--min", f"{metric}=1", "--json"])
    found = json.loads(capfd.readouterr().out)
    of_dev = summary["metrics"]["candidate"]
    assert found["metrics"]["candidate"].keys() == of_dev.keys()
    # Of a run that calibrates, some metrics of all rows are by cross-fitting.
    others = set(summary.get("cross_fitted", ()))
    for name, values in of_dev.items():
        measured = found["metrics"]["candidate"][name]
        compared = [metric for metric in values if name or metric not in others]
        assert [measured[metric] for metric in compared] == pytest.approx([values[m] for m in compared], abs=1e-6)
        assert measured.keys() == values.keys()
    assert found["confusion"].get("candidate") == summary["confusion"].get("candidate")
    assert status == (3 if of_dev[""][metric] < 1 - 1e-6 else 0)


def check_suspects(task: str, record: dict[str, Any], folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """That `label-errors` lists rows as they stand in their files, and `correct-labels` changes what it is told to.

    Args:
        task: its name.
        record: of a run over `train.tsv` and `dev.tsv`.
        folder: of these files.
        capfd: where commands print.
    """
    root, listed, new = Path(record["directory"]).parents[2], folder / "suspects.tsv", folder / "corrected"
    where = ["--root", str(root)]
    capfd.readouterr()
    status = pipeline_runner.main(["label-errors", record["id"], "--json", *where])
    out, err = capfd.readouterr()
    if task in ("answering", "embedding", "generation"):
        assert (status, json.loads(out)["failure"]["place"]) == (2, "label-errors")
        return
    assert status == 0, err
    found = json.loads(out)
    assert found["judged"] == record["rows"]
    for one in found["rows"]:
        line = (folder / one["file"]).read_text(encoding="utf-8").splitlines()[one["line"] - 1 + (one["word"] or 1) - 1]
        if one["word"]:
            assert line.split("\t")[1:4:2] == [one["texts"][0].split(" ")[one["word"] - 1], one["label"]]
        else:
            assert line.split("\t") == [*one["texts"], one["label"]]
    worst = [one["quality"] for one in found["rows"]]
    assert worst == sorted(worst, reverse=TASKS[task].numeric)
    assert pipeline_runner.main(["label-errors", record["id"], "--output", str(listed), *where]) == 0
    with listed.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t")
    assert [row[header.index("label")] for row in rows] == [one["label"] for one in found["rows"]]
    if not rows:
        return
    rows[0][header.index("correct")] = rows[0][header.index("suggested")] or "-"
    with listed.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([header, *rows])
    assert pipeline_runner.main(["correct-labels", str(listed), "--output", str(new), *where]) == 0
    changed = 0
    for name in ("train.tsv", "dev.tsv"):
        old, corrected = ((at / name).read_text(encoding="utf-8").splitlines() for at in (folder, new))
        changed += sum(a != b for a, b in zip(old, corrected, strict=True))
    assert changed == 1


def check_refused(task: str, folder: Path, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """That a bad model of `write_run(folder, task)`, after a good one under the same root, is not pushed."""
    before = sorted((root / "toy" / "serving" / "toy").iterdir())
    # Whether it can be served, which takes longer than all the rest, the good one has shown.
    tables = {"serving": {"validate": False}}
    if task == "embedding":
        # Random vectors of toys are alike or not by chance: the bar is raised instead.
        bad = write_run(folder, task, tables)
        bad.write_text(bad.read_text().replace("0.8", "0.999999"))
    else:
        bad = write_run(folder, task, tables, steps=1, learning_rate=1e-9)
        bad.write_text(bad.read_text().replace("epochs = 10\n", ""))
    status, record, err = ran(bad, root, capfd)
    assert status == 3, err
    assert record["state"] == "refused"
    named = [reason.split()[0] for reason in record["evaluations"]["dev"]["reasons"]]
    assert set(named) <= set(
        TASKS[task](
            ("bad", "good", "ART", "MOOD", "LOC", "PER", "NOUN") if TASKS[task].has_label_names else ()
        ).metric_names
    )
    assert sorted((root / "toy" / "serving" / "toy").iterdir()) == before
