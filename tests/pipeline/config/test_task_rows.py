"""What can be wrong with the rows of each task: `check` names file and line, before TensorFlow is imported."""

from pathlib import Path

import pytest

import pipeline_runner
from tests.toys import write_toy_checkpoint

_TSV: dict[str, tuple[str, list[str]]] = {
    "multilabel": ("text\tlabel", ["a\tx|y", "b\tx"]),
    "pair": ("text_a\ttext_b\tlabel", ["a\tb\t1", "c\td\t0"]),
    "similarity": ("text_a\ttext_b\tscore", ["a\tb\t1", "c\td\t0"]),
    "regression": ("text\tvalue", ["a\t1.5", "b\t-2"]),
    "tagging": ("tokens\ttags", ["a b\tB-X I-X", "c\tO"]),
    "generation": ("source\ttarget", ["a\tb c", "d\te"]),
    "embedding": ("text_a\ttext_b\tscore", ["a\tb\t1", "c\td\t0"]),
    "answering": ("question\tcontext\tanswer", ["a\tb c\tc", "a\tb d\t"]),
}

_MORE = {"generation": "target_length = 4"}

_GATE = {
    "generation": "token_accuracy",
    "multilabel": "micro_f1",
    "pair": "accuracy",
    "tagging": "f1",
    "answering": "f1",
}

BROKEN = [
    ("pair", "a\t\t1", "", "the text (field 2) is empty. Give a text or delete the row."),
    (
        "pair",
        "a\t1",
        "",
        "expected 3 tab-separated fields, got 2. Correct the row; a tab seems to be missing.",
    ),
    (
        "similarity",
        "a\tb\t5.5",
        "range = [0, 5]",
        "the score is 5.5, out of range 0 to 5. Correct it, or data.range.",
    ),
    ("embedding", "a\tb\t1.5", "", "the score is 1.5, out of range 0 to 1. Correct it, or data.range."),
    (
        "regression",
        "a\tgood",
        "",
        "the value is 'good', expected a number. Give one with a decimal point, say 3.5.",
    ),
    (
        "regression",
        "a\t1e16",
        "",
        "the value is 1e16, expected one from -1e+15 to 1e+15. Give all in another unit, say divided by 1e12.",
    ),
    (
        "multilabel",
        "a\tx|y\u200b",
        "",
        "the label 'x|y\\u200b' holds U+200B, which cannot be seen. Delete that character.",
    ),
    ("generation", "a\t", "target_length = 4", "the label (field 2) is empty. Give a label or delete the row."),
    ("generation", "\tb", "target_length = 4", "the text (field 1) is empty. Give a text or delete the row."),
    (
        "generation",
        "a\tb c d e",
        "target_length = 4",
        "the target has 5 tokens, its end among them, at most 4 are learned. Shorten it, raise data.target_length, or "
        'set data.long_targets = "cut".',
    ),
    ("regression", "a\t", "", "the label (field 2) is empty. Give a label or delete the row."),
    ("multilabel", "a\tx||y", "", "the labels 'x||y' have an empty one. Put one | between labels, none beside."),
    (
        "multilabel",
        "a\tx|z",
        'labels = ["x", "y"]',
        "the label is 'z', expected one of x, y. Correct the row, or list it in data.labels.",
    ),
    (
        "answering",
        "a\tB c\tb",
        "",
        "the answer 'b' is not in its context, 'B' is. Copy it from the context letter by letter, or leave the field "
        "empty where the context has no answer.",
    ),
    ("answering", "a\tb c\tb||c", "", "of the answers 'b||c' one is empty. Put one | between answers, none beside."),
    ("tagging", "a b\tO", "", "2 tokens and 1 tags. Give each token its tag; a token cannot hold a space."),
    (
        "tagging",
        "a b\tO ",
        "",
        "tag 2 of 2 is empty. Separate them by one space, with none at the ends.",
    ),
    (
        "tagging",
        "a b c\tO O O",
        "most_words = 2",
        "3 tokens, at most 2 are seen. Split the sentence, raise model.max_length or data.most_words, or set "
        'long_texts = "window".',
    ),
    (
        "tagging",
        f"a{' b' * 14}\tO{' O' * 14}",
        "",
        "15 tokens, at most 14 are seen. Split the sentence, raise model.max_length or data.most_words, or set "
        'long_texts = "window".',
    ),
    (
        "tagging",
        "a b\tO I-X",
        "",
        "tag 2 is 'I-X' after 'O', without its B-X. An entity begins with B-: make it B-X, or correct the tag "
        'before it; if entities begin with I-, as in IOB1, set data.scheme = "iob1".',
    ),
]
"""Task, row, more settings of the data, and what is said."""


def checked(folder: Path, task: str, row: str, more: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    header, good = _TSV[task]
    write_toy_checkpoint(folder / "model")
    (folder / "dev.tsv").write_text("\n".join([header, *good, ""]))
    (folder / "train.tsv").write_text("\n".join([header, good[0], row, good[1], ""]))
    return _check(folder, task, more, capfd)


def _check(folder: Path, task: str, more: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    (folder / "run.toml").write_text(
        f"""name = "toy"
task = "{task}"
[data]
train = "train.tsv"
dev = "dev.tsv"
{more}
[model]
base = "model"
max_length = 16
[validation]
max_leaked_share = 1.0
[gate]
min = {{ {_GATE.get(task, "spearman")} = 0.5 }}
"""
    )
    capfd.readouterr()
    status = pipeline_runner.main(["check", "--config", str(folder / "run.toml")])
    return status, capfd.readouterr().err.removeprefix("error: ").replace(f"{folder}/", "").strip()


@pytest.mark.parametrize("task", _TSV)
def test_good_rows_are_in_order(task: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert checked(tmp_path, task, _TSV[task][1][1], _MORE.get(task, ""), capfd) == (0, "")


@pytest.mark.parametrize(("task", "row", "more", "message"), BROKEN)
def test_a_broken_row_is_named_with_its_line(
    task: str, row: str, more: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert checked(tmp_path, task, row, more, capfd) == (2, f"train.tsv:3: {message}")


_CONLL = """-DOCSTART- -X- O

EU NNP B-ORG
rejects VBZ O

Peter\tNNP\tB-PER
Blackburn NNP I-PER
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "", ""),
        (
            "rejects VBZ O",
            "rejects O",
            "train.tsv:4: a token with 2 columns, the sentence began with 3. Give each token the same columns, and a "
            "line of its own.",
        ),
        (
            "Peter\tNNP\tB-PER",
            "Peter\tNNP\tO",
            "train.tsv:7: tag 2 is 'I-PER' after 'O', without its B-PER. An entity begins with B-: make it B-PER, or "
            'correct the tag before it; if entities begin with I-, as in IOB1, set data.scheme = "iob1".',
        ),
    ],
)
def test_sentences_in_conlls_format(
    old: str, new: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_toy_checkpoint(tmp_path / "model")
    (tmp_path / "dev.tsv").write_text(_CONLL)
    (tmp_path / "train.tsv").write_text(_CONLL.replace(old, new) if old else _CONLL)
    found = _check(tmp_path, "tagging", 'format = "conll"\nlabel = 3', capfd)
    assert found == ((2, message) if message else (0, ""))
