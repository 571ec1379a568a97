"""What tells labels apart, by examples."""

import pytest

from components.tasks import label_text
from components.tasks.multilabel import Multilabel
from components.tasks.tagging import Tagging


@pytest.mark.parametrize("label", ["good", " good", "good\u00a0", "\u3000good \u2003"])
def test_white_space_around_a_label_is_no_part_of_it(label: str) -> None:
    assert label_text.cleaned(label) == "good"


def test_a_letter_with_its_accent_is_one_character_and_white_space_within_stays() -> None:
    assert label_text.cleaned("cafe\u0301  noir") == "caf\u00e9  noir"


def test_each_of_several_labels_is_cleaned_and_so_is_each_tag() -> None:
    assert Multilabel.clean_label("a | cafe\u0301") == "a|caf\u00e9"
    assert Tagging.clean_label("O B-cafe\u0301\u00a0 O") == "O B-caf\u00e9 O"
    assert Tagging.clean_label("O  O ") == "O  O "


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("go\u200bod", "'go\\u200bod' holds U+200B"),
        ("\ufeffgood", "'\\ufeffgood' holds U+FEFF"),
        ("good\u200d", "'good\\u200d' holds U+200D"),
        ("go\u2028od", "'go\\u2028od' holds U+2028"),
        ("a" * 30 + "\x07" + "b" * 30, f"'{'a' * 20}\\x07{'b' * 19}' holds U+0007"),
    ],
)
def test_a_character_that_cannot_be_seen_is_shown(label: str, shown: str) -> None:
    assert label_text.hidden_character(label) == (
        f"the label {shown}, which cannot be seen",
        "Delete that character",
    )


@pytest.mark.parametrize("label", ["a\nb", "a\tb", "a\rb", "a\r"])
def test_a_label_is_one_line(label: str) -> None:
    problem = label_text.hidden_character(label_text.cleaned(label))
    assert problem is not None
    assert problem[0] == f"the label {label!r} has a tab or a line break"


@pytest.mark.parametrize(
    "label", ["sehr gut", "tr\u00e8s\u00a0bon", "\u0645\u06cc\u200c\u062e", "\U0001f468\u200d\U0001f467"]
)
def test_what_belongs_to_a_spelling_is_no_hidden_character(label: str) -> None:
    assert label_text.hidden_character(label) is None


def test_names_that_only_a_machine_tells_apart_are_grouped() -> None:
    names = ["Good", "good", "a b", "a\u00a0b", "a  B", "\u2764", "\u2764\ufe0f", "STRASSE", "stra\u00dfe", "bad"]
    assert label_text.look_alikes(names) == [
        ["Good", "good"],
        ["STRASSE", "stra\u00dfe"],
        ["a  B", "a b", "a\u00a0b"],
        ["\u2764", "\u2764\ufe0f"],
    ]


def test_names_in_a_message_are_told_apart() -> None:
    assert label_text.listed(["bad", "b\u0430d", "Good", "good", "fine"]) == [
        "bad",
        "'b\\u0430d'",
        "'Good'",
        "'good'",
        "fine",
    ]
