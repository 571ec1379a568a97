"""`init` on files of twenty kinds: what it writes reads them as they are meant, or it says why it cannot."""

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import pipeline_runner
from components.tasks import TASKS
from pipeline.commands.init import _bound
from pipeline.config.guessed import Guess, guess
from pipeline.config.load import load_config
from tests.toys import write_toy_checkpoint

WORDS = ["the", "film", "is", "good", "bad", "not", "plot", "story", "actor", "scene", "long", "short", "very"]

ROWS = 120


class Kind(NamedTuple):
    """A file, and what a config for it has to say."""

    name: str
    content: bytes
    expected: dict[str, Any] | None
    """Keys of the run; None: it is to be refused."""


def texts(draws: random.Random, least: int = 4) -> list[str]:
    return [" ".join(draws.choices(WORDS, k=draws.randrange(least, least + 9))) for _ in range(ROWS)]


def table(rows: list[list[str]], separator: str = "\t", quoting: int | None = None) -> bytes:
    if quoting is None:
        return "".join(separator.join(row) + "\n" for row in rows).encode()
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\n", quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue().encode()


def conll(draws: random.Random, tags: Callable[[random.Random], list[str]], separator: str = " ") -> bytes:
    lines = []
    for _ in range(ROWS):
        found = tags(draws)
        lines += [separator.join([draws.choice(WORDS), tag]) for tag in found] + [""]
    return "\n".join(lines).encode()


def bio(draws: random.Random) -> list[str]:
    return draws.choice([["B-PER", "I-PER", "O"], ["O", "B-LOC"], ["O", "O", "B-PER"], ["B-LOC", "B-PER", "O"]])


def bioes(draws: random.Random) -> list[str]:
    return draws.choice([["B-PER", "E-PER", "O"], ["O", "S-LOC"], ["O", "O"]])


def conllu(draws: random.Random) -> bytes:
    lines = []
    for _ in range(ROWS):
        for number in range(1, draws.randrange(3, 6)):
            lines.append("\t".join([str(number), draws.choice(WORDS), "_", draws.choice(["NOUN", "ADJ"]), *["_"] * 6]))
        lines.append("")
    return "\n".join(lines).encode()


def kinds() -> list[Kind]:
    draws = random.Random(0)  # noqa: S311
    body, second = texts(draws), texts(draws)
    classes = [draws.choice(["sport", "politics", "money"]) for _ in range(ROWS)]
    with_commas = [f"{text}, {text}" for text in body]
    several = ["|".join(sorted(draws.sample(["a1", "b2", "c3"], draws.randrange(1, 3)))) for _ in range(ROWS)]
    numbers = [f"{draws.random() * 5:.2f}" for _ in range(ROWS)]
    binary = [str(draws.randrange(2)) for _ in range(ROWS)]
    tags = [" ".join(draws.choice(["NN", "JJ", "VB"]) for _ in text.split()) for text in body]

    def columns(*given: list[str], names: tuple[str, ...] = ()) -> list[list[str]]:
        return [*([list(names)] if names else []), *map(list, zip(*given, strict=True))]

    ids = [str(number) for number in range(1, ROWS + 1)]
    plain = columns(body, classes, names=("text", "label"))
    c, r = {"task": "classification"}, {"task": "regression"}
    return [
        Kind("header", table(plain), {**c, "text": ("text",), "label": "label"}),
        Kind("headerless", table(columns(body, classes)), {**c, "header": False, "text": (1,), "label": 2}),
        Kind("label_first", table(columns(classes, body)), {**c, "header": False, "text": (2,), "label": 1}),
        Kind("other_names", table(columns(ids, body, classes, names=("id", "utterance", "intent"))),
             {**c, "text": ("utterance",), "label": "intent"}),
        Kind("unknown_names", table(columns(body, classes, names=("Beschreibung", "Sparte"))),
             {**c, "text": ("Beschreibung",), "label": "Sparte"}),
        Kind("ids_headerless", table(columns(ids, classes, body)), {**c, "header": False, "text": (3,), "label": 2}),
        Kind("commas", table(columns(with_commas, classes, names=("text", "label")), ",", csv.QUOTE_MINIMAL),
             {**c, "separator": ",", "text": ("text",)}),
        Kind("semicolons", table(plain, ";", csv.QUOTE_MINIMAL), {**c, "separator": ";"}),
        Kind("bars", table(plain, "|", csv.QUOTE_MINIMAL), {**c, "separator": "|"}),
        Kind("quoted_tabs", table(plain, "\t", csv.QUOTE_ALL), {**c, "quoting": "csv"}),
        Kind("pairs", table(columns(body, second, binary, names=("sentence1", "sentence2", "label"))),
             {"task": "pair", "text": ("sentence1", "sentence2")}),
        Kind("pairs_headerless", table(columns(body, second, binary)),
             {"task": "pair", "header": False, "text": (1, 2), "label": 3}),
        Kind("similar", table(columns(body, second, numbers, names=("text_a", "text_b", "score"))),
             {"task": "similarity", "label": "score"}),
        Kind("numbers", table(columns(body, numbers, names=("review", "rating"))), {**r, "text": ("review",)}),
        Kind("stars", table(columns(body, binary, names=("review", "stars"))), {**c, "label": "stars"}),
        Kind("multilabel", table(columns(body, several, names=("text", "topics"))),
             {"task": "multilabel", "label": "topics"}),
        Kind("conll", conll(draws, bio), {"task": "tagging", "format": "conll", "label": 2, "scheme": "bio"}),
        Kind("bioes", conll(draws, bioes, "\t"), {"task": "tagging", "format": "conll", "scheme": "bioes"}),
        Kind("conllu", conllu(draws), {"task": "word_tags", "format": "conllu"}),
        Kind("tags", table(columns(body, tags, names=("tokens", "tags"))), {"task": "word_tags", "text": ("tokens",)}),
        Kind("latin", table(columns([f"{text} café" for text in body], classes)).decode().encode("latin-1"), None),
        Kind("prose", "\n".join(body).encode(), None),
        Kind("one_row", b"a text\tgood\n", None),
        Kind("texts_alone", table(columns(body, second)), None),
    ]  # fmt: skip


def test_sources_and_targets_are_texts_to_write(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("source\ttarget\n" + "".join(f"{number}\tthe film {number}\n" for number in range(20)))
    found = guess(path, {})
    assert (found.task, found.data["text"], found.data["label"]) == ("generation", "source", "target")
    # A bound that the task knows, whoever named it.
    assert all(TASKS[task].metric_of(_bound(Guess(task))[0]) for task in TASKS)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_checkpoint(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_a_file_has_a_config_that_reads_it_as_it_is_meant_or_none(
    kind: Kind, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, config = tmp_path / f"{kind.name}.tsv", tmp_path / "run.toml"
    rows.write_bytes(kind.content)
    status = pipeline_runner.main(["init", str(rows), "--output", str(config), "--model", str(base)])
    said = capsys.readouterr()
    if kind.expected is None:
        assert status == 2
        assert said.err.startswith(f"error: {rows}")
        assert list(tmp_path.iterdir()) == [rows]
        return
    assert status == 0, said.err
    run = load_config(config)
    assert {name: getattr(run.data, name) for name in kind.expected} == kind.expected, config.read_text()
    assert pipeline_runner.main(["check", "--config", str(config)]) == 0


def test_each_setting_has_its_reason_and_a_config_is_not_replaced(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "tickets.tsv"
    rows.write_bytes(kinds()[0].content)
    assert pipeline_runner.main(["init", str(rows), "--model", str(base)]) == 0
    written = (tmp_path / "tickets.toml").read_text()
    keys = [line for line in written.splitlines() if " = " in line and not line.startswith("#")]
    assert all("# " in line for line in keys), written
    assert 'name = "tickets"' in written
    assert pipeline_runner.main(["init", str(rows), "--model", str(base)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert pipeline_runner.main(["init", str(rows), "--model", str(base), "--force", "--task", "regression"]) == 2
    assert (tmp_path / "tickets.toml").read_text() == written


def test_a_place_that_cannot_be_written_is_said_before_anything_is(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "tickets.tsv"
    rows.write_bytes(kinds()[0].content)
    (tmp_path / "folder").mkdir()
    for place, problem in (
        (rows, "is the file of rows"),
        (tmp_path / "folder", "a directory, not a file"),
        (tmp_path / "nowhere" / "run.toml", "no such directory"),
    ):
        assert pipeline_runner.main(["init", str(rows), "--model", str(base), "--output", str(place), "--force"]) == 2
        assert problem in capsys.readouterr().err
    assert rows.read_bytes() == kinds()[0].content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "tickets.tsv"]


def test_the_bound_is_above_the_most_frequent_label(base: Path, tmp_path: Path) -> None:
    rows = tmp_path / "mail.tsv"
    rows.write_bytes(
        table([["text", "label"], *([f"word {n} of it", "ham" if n % 20 else "spam"] for n in range(800))])
    )
    assert pipeline_runner.main(["init", str(rows), "--model", str(base)]) == 0
    assert 0.95 < load_config(tmp_path / "mail.toml").gate.min["accuracy"] < 1


def test_files_of_splits_are_found_beside_train(base: Path, tmp_path: Path) -> None:
    for name in ("train", "valid", "test"):
        (tmp_path / f"{name}.tsv").write_bytes(kinds()[0].content)
    assert pipeline_runner.main(["init", str(tmp_path / "train.tsv"), "--model", str(base)]) == 0
    data = load_config(tmp_path / "train.toml").data
    assert [Path(*paths).name for paths in (data.train, data.dev, data.test)] == ["train.tsv", "valid.tsv", "test.tsv"]


def test_hostile_names_and_labels_are_no_toml(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draws = random.Random(1)  # noqa: S311
    labels = ['"""\x1b[31m', "x]\\", "# no comment", "<script>"]
    rows = [["text", 'na"me = [1]'], *([text, draws.choice(labels)] for text in texts(draws))]
    path = tmp_path / 'od"d # na[me.tsv'
    path.write_bytes(table(rows))
    config = tmp_path / "run.toml"
    status = pipeline_runner.main(["init", str(path), "--output", str(config), "--model", str(base)])
    err = capsys.readouterr().err
    assert status in (0, 2)
    assert "\x1b" not in (config.read_text() if config.exists() else err)
    if status == 0:
        assert load_config(config).data.label == json.loads(json.dumps('na"me = [1]'))
