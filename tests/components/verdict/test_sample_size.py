"""What so many rows of dev can show."""

import pytest
from scipy import stats

from components.settings.gate import Gate
from components.tasks.classification import Classification
from components.tasks.regression import Regression
from components.verdict import sample_size

TASK = Classification(("bad", "good"))


def test_a_dev_set_that_is_too_small_for_its_bound_is_warned_of_with_the_rows_it_takes() -> None:
    assert sample_size.warnings(Gate(min={"accuracy": 0.95}), TASK, 38) == [
        "38 rows of dev cannot show accuracy 0.95 within 0.05: a model measured at 0.95 may truly have 0.83 to 0.99; "
        "take 90 rows or more"
    ]
    assert sample_size.half_width(0.95, 90, 0.95) <= 0.05 < sample_size.half_width(0.95, 80, 0.95)


@pytest.mark.parametrize(
    ("gate", "task"),
    [
        (Gate(min={"accuracy": 0.95}), TASK),
        (Gate(min={"f1/good": 0.5}), TASK),
        (Gate(min={"spearman": 0.5}), Regression()),
    ],
)
def test_enough_rows_and_metrics_that_are_no_share_of_rows_are_not_warned_of(gate: Gate, task: object) -> None:
    assert sample_size.warnings(gate, task, 1044) == []  # type: ignore[arg-type]


def test_the_power_is_that_of_a_normal_difference() -> None:
    # Of 1,000 rows one of two equal models alone is right on 100: the difference spreads by 0.01.
    assert sample_size.power(0.01, 1000, 0.95) == pytest.approx(stats.norm.cdf(1 - 1.6449), abs=1e-4)
    assert sample_size.rows_for(0.01, 0.95) == 6183
    assert sample_size.power(0.01, 6183, 0.95) == pytest.approx(0.8, abs=1e-3)
    assert sample_size.power(sample_size.margin_for(1000, 0.95), 1000, 0.95) == pytest.approx(0.8, abs=1e-3)
    assert sample_size.rows_for(0.0, 0.95) is None


def test_the_power_is_told_in_words() -> None:
    (line,) = sample_size.about_power(Gate(min={"accuracy": 0.8}, no_worse={"accuracy": 0.01}), TASK, 1044)
    assert line == (
        "accuracy: of two equal models, 27% are found no worse by 0.01 on 1,044 rows of dev, the others are undecided "
        "and refused; for 80% let the margin be 0.025 or dev have 6,183 rows (if one of them alone is right on 10% of "
        "the rows)"
    )
    (line,) = sample_size.about_power(Gate(no_worse={"mae": 0.1}), Regression(), 1044)
    assert line == "mae: how often 1,044 rows of dev decide, only a run can tell"
    # Of rows that were held back for the gate.
    (line,) = sample_size.about_power(Gate(no_worse={"accuracy": 0.02}), TASK, 533, "gate")
    assert "43% are found no worse by 0.02 on 533 rows of gate" in line
    assert "or gate have 1,546 rows" in line
