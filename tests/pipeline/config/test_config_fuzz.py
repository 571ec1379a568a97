import string
import tempfile
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.common import as_toml
from components.common.errors import InputError
from components.settings.run import Run
from pipeline.config.load import load_config
from pipeline.config.preflight import check
from tests.conftest import fuzz_cases

VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**40), 2**40),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(string.printable, max_size=8),
        st.sampled_from(["train.tsv", "text", "good", "full", "from train", "", "../x", "a\tb", "span-{SPAN}/*"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(string.ascii_letters, min_size=1, max_size=6), inner, max_size=3),
    ),
    max_leaves=5,
)

TABLES = {name: [field.name for field in fields(of)] for name, of in get_type_hints(Run).items() if is_dataclass(of)}

CHANGES = st.lists(
    st.tuples(
        st.sampled_from([(table, key) for table, keys in TABLES.items() for key in (*keys, "wrong")]),
        st.one_of(VALUES, st.none()),
    ),
    max_size=4,
)


@settings(max_examples=fuzz_cases(300), deadline=None)
@given(CHANGES)
def test_a_config_of_any_values_is_taken_or_refused_with_a_message(changes: list[tuple[tuple[str, str], Any]]) -> None:
    config: dict[str, Any] = {
        "name": "toy",
        "data": {"train": "train.tsv", "dev": "dev.tsv"},
        "model": {"base": "toy"},
        "training": {"epochs": 1},
        "gate": {"min": {"accuracy": 0.5}},
    }
    for (table, key), value in changes:
        if key == "task":
            # At the top it is where people write it.
            config["task"] = value if value is not None else "pair"
            continue
        config.setdefault(table, {})[key] = value
        if value is None:
            del config[table][key]
    loads_or_is_refused(as_toml(config).encode())


@settings(max_examples=fuzz_cases(300), deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([b"[data]\n", b"name = ", b'"toy"\n', b"= ", b"[", b"{ a = 1 }\n"]), st.binary(max_size=6)
        )
    )
)
def test_a_config_of_any_bytes_is_taken_or_refused_with_a_message(pieces: list[bytes]) -> None:
    loads_or_is_refused(b"".join(pieces))


def loads_or_is_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.toml")
        path.write_bytes(content)
        try:
            assert isinstance(load_config(path), Run)
        except InputError as error:
            assert str(error).startswith(str(path))
        # What it names is not there.
        with pytest.raises(InputError):
            check(path)
