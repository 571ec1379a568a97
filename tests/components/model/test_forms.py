from pathlib import Path

import numpy as np
import pytest

from components.kernels import library
from components.model.bert import build_encoder
from components.model.forms import CPU, CPU_WITHOUT_OPS, PLAIN, forms_for, machine_kind
from components.pretrained.huggingface import read_config


@pytest.mark.parametrize(
    ("kind", "forms"), [("CPU", CPU), ("CPU without ops", CPU_WITHOUT_OPS), ("GPU", PLAIN), ("TPU", PLAIN)]
)
def test_only_a_cpu_has_forms_of_its_own(kind: str, forms: object) -> None:
    assert forms_for(kind) is forms


def test_a_cpu_that_cannot_run_the_ops_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_kind() == ("CPU" if library.built() else "CPU without ops")
    monkeypatch.setattr(library, "built", lambda: None)
    assert machine_kind() == "CPU without ops"


def test_a_model_is_of_the_form_of_its_device_unless_told_otherwise(checkpoint: Path) -> None:
    config = read_config(checkpoint)
    assert build_encoder(config).forms == forms_for(machine_kind())
    assert build_encoder(config, forms=PLAIN).forms == PLAIN


def test_both_forms_have_the_same_variables_in_the_same_order_with_the_same_initial_values(checkpoint: Path) -> None:
    plain, cpu = (build_encoder(read_config(checkpoint), seed=3, forms=forms) for forms in (PLAIN, CPU))
    for one, other in zip(plain.variables, cpu.variables, strict=True):
        assert (one.path, one.dtype, one.trainable) == (other.path, other.dtype, other.trainable)
        np.testing.assert_array_equal(one.numpy(), other.numpy())
