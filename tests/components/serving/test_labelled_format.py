from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from components.serving.labelled_format import Given, of_file
from components.settings.data import Data

LABELLED = {"format": "tsv", "header": True}


def card(task: str = "classification", **of_rows: Any) -> dict[str, Any]:
    """Of a model that learned from rows of `text` and `label` under a header, where nothing else is said."""
    rows = {"text": ["text"], "predict_text": ["text"], "label": "label", "header": True, "quoting": "none"}
    return {"task": {"name": task}, "input": {**rows, "labelled": LABELLED, **of_rows}}


HEADLESS = card(text=[1], label=2, header=False, labelled={"format": "tsv", "header": False})

EMBEDDING = card("embedding", text=[2, 3], label=4, predict_text=["text"], labelled={"format": "tsv", "header": False})
"""Whose card says of rows with one text that they have a header."""

CONLL = card("tagging", text=[1], label=4, predict_text=["text"], labelled={"format": "conll", "header": False})


def given(**options: Any) -> Given:
    return Given(**{"format": None, "texts": None, "label": None, "slices": (), "has_header": True, **options})


def looks(found: Data) -> tuple[Any, ...]:
    return found.format, found.header, found.text, found.label, found.slices, found.columns


@pytest.mark.parametrize(
    ("described", "line", "options", "expected"),
    [
        (card(), "text\tlabel", {}, ("tsv", True, ("text",), "label", (), None)),
        (card(), "a\tb\tc", {"texts": ["b"], "label": "3"}, ("tsv", True, ("b",), 3, (), None)),
        (
            card(),
            "text\tlabel\tcountry",
            {"slices": ["country"]},
            ("tsv", True, ("text",), "label", ("country",), None),
        ),
        (HEADLESS, "a film\tgood\tpaper", {"slices": ["3"]}, ("tsv", False, (1,), 2, (3,), 3)),
        (HEADLESS, "body\tclass", {"texts": ["body"], "label": "class"}, ("tsv", True, ("body",), "class", (), None)),
        (
            card(),
            "a film\tgood",
            {"texts": ["1"], "label": "2", "has_header": False},
            ("tsv", False, (1,), 2, (), 2),
        ),
        (EMBEDDING, "7\ta film\tb film\t0.5", {}, ("tsv", False, (2, 3), 4, (), 4)),
        (CONLL, "EU NNP I-NP B-ORG", {}, ("conll", False, (1,), 4, (), None)),
        (CONLL, "EU NNP B-ORG", {"label": "3"}, ("conll", False, (1,), 3, (), None)),
        (CONLL, "tokens\ttags", {"format": "tsv"}, ("tsv", True, ("tokens",), "tags", (), None)),
        (card("tagging"), "EU B-ORG", {"format": "conll"}, ("conll", False, (1,), 2, (), None)),
        (card("word_tags"), "1\tEU\t_\tPROPN", {"format": "conllu"}, ("conllu", False, (2,), 4, (), None)),
    ],
)
def test_rows_are_read_as_in_training_or_as_given(
    described: dict[str, Any], line: str, options: dict[str, Any], expected: tuple[Any, ...], tmp_path: Path
) -> None:
    source = tmp_path / "rows.tsv"
    source.write_text(f"{line}\n{line}\n")
    found, _ = of_file(described, source, given(**options))
    assert looks(found) == expected


@pytest.mark.parametrize(
    ("described", "line", "options", "message"),
    [
        (card(), "text\tclass", {}, "data.label is 'label', the header has 'text', 'class'"),
        (HEADLESS, "text\tlabel", {}, "line 1 looks like a header ('text', 'label')"),
        (card(), "a\tgood", {"has_header": False}, "the text's column is 'text', but without a header there are no"),
        (card(), "a\tgood", {"texts": ["1"], "has_header": False}, "a column is 'label', but without a header there"),
        (card(), "text\ta\tlabel", {"texts": ["text", "a"]}, "the task classification reads 1 of them"),
        (card(), "text\tlabel", {"format": "xml"}, '`format` is "xml", it should be "tsv"'),
        (card(), "text\tlabel\ttokens", {"slices": ["tokens"]}, "'tokens' is a name that the pipeline uses itself"),
        (card("tagging"), "EU B-ORG", {"format": "conll", "slices": ["3"]}, "has no `data.slices`"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_read(
    described: dict[str, Any], line: str, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    source = tmp_path / "rows.tsv"
    source.write_text(f"{line}\n")
    with pytest.raises(InputError) as caught:
        of_file(described, source, given(**options))
    assert message in str(caught.value)


def test_separator_scheme_and_rows_without_a_label_are_those_of_training(tmp_path: Path) -> None:
    source = tmp_path / "rows"
    source.write_text("text;label\na film;good\n")
    found, _ = of_file(
        card("multilabel", quoting="csv;", labelled=LABELLED | {"allow_no_label": True}), source, given()
    )
    assert (found.separator, found.allow_no_label) == (";", True)
    source.write_text("tokens\ttags\nEU\tI-ORG\n")
    of_tags = {"text": ["tokens"], "label": "tags", "labelled": LABELLED | {"scheme": "iob1", "comments": None}}
    found, _ = of_file(card("tagging", **of_tags), source, given())
    assert found.scheme == "iob1"
    found, _ = of_file(card("tagging", **of_tags), source, given(format="conll", label="2"))
    assert (found.scheme, found.format) == ("iob1", "conll")
