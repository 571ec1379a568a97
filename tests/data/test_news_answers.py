"""Questions that are made of tagged sentences by templates."""

import pytest

from data import answers

PUBLISHED = """\
-DOCSTART- -X- -X- O

Zoe NNP I-NP B-PER
Lund NNP I-NP I-PER
paid VBD I-VP O
1,200 CD I-NP O
people NNS I-NP O
in IN I-PP O
cash NN I-NP O
. . O O

It PRP I-NP O
rained VBD I-VP O
heavily RB I-ADVP O
there RB I-ADVP O
on IN I-PP O
Monday NNP I-NP O
night NN I-NP O
. . O O

-DOCSTART- -X- -X- O

Rome NNP I-NP B-LOC
wants VBZ I-VP O
more JJR I-NP O
rain NN I-NP O
soon RB I-ADVP O
. . O O
"""

FIRST = "Zoe Lund paid 1,200 people in cash . It rained heavily there on Monday night ."


def test_questions_are_asked_of_names_days_and_amounts() -> None:
    found = {one.kind: one for one in answers._all(PUBLISHED)}
    assert {kind: (one.question, one.answer) for kind, one in found.items()} == {
        "PER": ("Who paid 1,200 people in cash ?", "Zoe Lund"),
        "day": ("On which day It rained heavily there ?", "Monday"),
        "LOC": ("Which place wants more rain soon ?", "Rome"),
    }
    assert found["PER"].context == found["day"].context == FIRST
    for one in found.values():
        assert one.context[one.start : one.start + len(one.answer)] == one.answer


def test_every_fifth_row_has_the_question_of_another_context_and_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(answers.ROWS, "dev", 3)
    (content,) = answers.files({"dev.txt": PUBLISHED.encode()}).values()
    header, *rows = (line.split("\t") for line in content.decode().splitlines())
    assert header == ["question", "context", "answer", "start"]
    assert [bool(row[2]) for row in rows] == [False, True, True]
    assert rows[0][0] not in {one.question for one in answers._all(PUBLISHED) if one.context == rows[0][1]}
    # Each time the same rows.
    assert answers.files({"dev.txt": PUBLISHED.encode()}) == {"dev.tsv": content}
