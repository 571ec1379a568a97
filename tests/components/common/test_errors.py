import pickle

from components.common.errors import InputError


def test_a_list_stays_whole_and_each_of_its_lines_is_cut() -> None:
    lines = [f"  row {number} " + "y" * 100 for number in range(60)]
    error = InputError("ExampleValidator", "\n".join(["60 anomalies", *lines, "z" * 3000]), "Correct the data")
    assert error.problem.split("\n")[:-1] == ["60 anomalies", *lines]
    assert len(error.problem.split("\n")[-1]) == 1999


def test_what_is_quoted_does_not_control_a_terminal() -> None:
    error = InputError("a\x1b[31m.tsv", "got '\x9b2J\u202e'\n\t李\u3000", "Remove \x07 from it")
    assert str(error) == "a\\u001b[31m.tsv: got '\\u009b2J\\u202e'\n\t李\u3000. Remove \\u0007 from it."


def test_a_value_of_any_length_is_cut_in_the_middle_once() -> None:
    error = InputError("run.toml:3", f"expected a word, got '{'x' * 100_000}'", "Shorten it")
    assert str(error).startswith("run.toml:3: expected a word, got 'xxx")
    assert str(error).endswith("xxx'. Shorten it.")
    assert len(error.problem) == 1999
    # Workers send it to the chief.
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301
