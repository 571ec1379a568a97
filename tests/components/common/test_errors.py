import pickle

from components.common.errors import InputError


def test_a_value_of_any_length_is_cut_in_the_middle_once() -> None:
    error = InputError("run.toml:3", f"expected a word, got '{'x' * 100_000}'", "Shorten it")
    assert str(error).startswith("run.toml:3: expected a word, got 'xxx")
    assert str(error).endswith("xxx'. Shorten it.")
    assert len(error.problem) == 1999
    # Workers send it to the chief.
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301
