import json
import math

from components.common import json_text


def test_a_number_that_is_not_finite_is_null_at_any_depth() -> None:
    value = {"a": [math.nan, 1.5, (math.inf, {"b": -math.inf})], "c": None}
    assert json_text.dumps(value) == '{"a": [null, 1.5, [null, {"b": null}]], "c": null}'


def test_what_is_finite_is_as_python_writes_it() -> None:
    value = {"a": [1, 2.5, "\u00fc", True], "b": {"c": None}}
    assert json_text.dumps(value, indent=1) == json.dumps(value, indent=1)
