"""The same entities in each scheme of tags are the same tags in BIO."""

import pytest

from components.tasks import tag_schemes
from components.tasks.tagging import Tagging

BIO = "O B-LOC I-LOC I-LOC B-LOC O B-PER"


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("bio", "O B-LOC I-LOC I-LOC B-LOC O B-PER"),
        ("iob1", "O I-LOC I-LOC I-LOC B-LOC O I-PER"),
        ("bioes", "O B-LOC I-LOC E-LOC S-LOC O S-PER"),
        ("bioes", "O B-LOC I-LOC L-LOC U-LOC O U-PER"),
        ("bioes", "o b-LOC i-LOC e-LOC s-LOC o s-PER"),
    ],
)
def test_the_same_entities_are_learned_alike(scheme: tag_schemes.Scheme, tags: str) -> None:
    task = Tagging(("LOC", "PER"), scheme=scheme)
    cleaned = task.clean_label(tags)
    assert task.check_row(["a b c d e f g"], cleaned) is None
    assert task.as_learned(cleaned) == BIO


def test_in_iob1_another_type_begins_an_entity_and_a_b_parts_two_of_one_type() -> None:
    assert tag_schemes.to_bio(["I-A", "I-B", "I-B", "B-B", "I-B"], "iob1") == ["B-A", "B-B", "I-B", "B-B", "I-B"]


@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        (["O", "E-LOC"], "tag 2 is 'E-LOC' after 'O', without its B-LOC"),
        (["S-LOC", "I-LOC"], "tag 2 is 'I-LOC' after 'S-LOC', without its B-LOC"),
        (["B-LOC", "E-PER"], "tag 2 is 'E-PER' after 'B-LOC', without its B-PER"),
        (["B-LOC", "E-LOC", "E-LOC"], "tag 3 is 'E-LOC' after 'E-LOC', without its B-LOC"),
        (["X-LOC"], "tag 1 is 'X-LOC', expected O or one of B-, I-, E-, S- before a type"),
    ],
)
def test_an_entity_of_bioes_begins_before_it_ends(tags: list[str], problem: str) -> None:
    found = tag_schemes.problem(tags, "bioes", ())
    assert found is not None
    assert found[0] == problem


def test_a_tag_is_written_with_its_part_in_upper_case_and_a_type_as_it_is() -> None:
    assert list(map(tag_schemes.canonical, ["b-loc", "o", "B-Loc", "of", "s", ""])) == [
        *("B-loc", "O", "B-Loc", "of", "s", "")
    ]
