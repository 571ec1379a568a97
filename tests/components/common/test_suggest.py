from components.common.suggest import did_you_mean


def test_the_nearest_name_is_suggested() -> None:
    assert did_you_mean("labl", ["text", "label", "labels"]) == "Did you mean 'label'? "


def test_a_name_like_no_other_has_no_suggestion() -> None:
    assert did_you_mean("xyz", ["text", "label"]) == ""
    assert did_you_mean("xyz", []) == ""


def test_a_name_is_written_as_it_is_typed() -> None:
    assert did_you_mean("labl", ["label"], "`{}`".format) == "Did you mean `label`? "
    assert did_you_mean("labl", ["label"], str) == "Did you mean label? "


def test_how_near_a_name_must_be_can_be_said() -> None:
    # Two of six letters are the same: a ratio of 2 x 2 / 12.
    assert did_you_mean("abcdef", ["abuvwx"]) == ""
    assert did_you_mean("abcdef", ["abuvwx"], similarity=0.3) == "Did you mean 'abuvwx'? "


def test_case_and_what_stands_between_words_do_not_count() -> None:
    assert did_you_mean("MACRO-F1", ["micro_f1", "macro_f1"]) == "Did you mean 'macro_f1'? "


def test_the_only_name_that_begins_so_is_the_nearest() -> None:
    assert did_you_mean("acc", ["mcc", "accuracy"]) == "Did you mean 'accuracy'? "
    assert did_you_mean("acc", ["account", "accuracy"], similarity=0.99) == ""
    assert did_you_mean("ac", ["accuracy"]) == ""
