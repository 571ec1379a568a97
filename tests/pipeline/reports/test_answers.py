from components.tasks.classification import Classification
from components.tasks.multilabel import Multilabel
from components.tasks.tagging import Tagging
from pipeline.reports.answers import beside, readable


def test_of_two_classes_the_one_is_told_and_of_many_the_three_most_probable() -> None:
    two = Classification(("bad", "excellent"))
    assert readable(two, {"label": "bad", "probabilities": {"bad": 0.7512, "excellent": 0.2488}}, ("x",)) == (
        "bad       0.751"
    )
    many = Classification(("a", "b", "c", "d"))
    found = {"label": "d", "probabilities": {"a": 0.05, "b": 0.25, "c": 0.1, "d": 0.6}}
    assert readable(many, found, ("x",)) == "d 0.600, b 0.250, c 0.100"
    assert readable(many, {**found, "answered": False}, ("x",)) == "d 0.600, b 0.250, c 0.100, not answered"


def test_of_several_labels_those_that_were_given_are_told() -> None:
    task = Multilabel(("sport", "war"))
    scores = {"sport": 0.9, "war": 0.2}
    assert readable(task, {"labels": ["sport"], "scores": scores}, ("x",)) == "sport 0.900"
    assert readable(task, {"labels": [], "scores": scores}, ("x",)) == "-"


def test_entities_are_told_in_one_line() -> None:
    found = {
        "entities": [{"type": kind, "score": 0.5, "begin": at, "end": at + 3} for kind, at in (("A", 0), ("B", 4))]
    }
    assert readable(Tagging(("A", "B")), found, ("Bob ran",)) == "Bob A 0.500000, ran B 0.500000"


def test_a_text_is_cut_to_the_line_and_an_answer_never() -> None:
    assert beside("bad 0.751", "a dull film", 40) == "bad 0.751  a dull film"
    assert beside("bad 0.751", "a dull film with 李李李", 30) == "bad 0.751  a dull film with  …"
    assert beside("bad 0.751", "a dull film, and long besides", 20) == "bad 0.751"
