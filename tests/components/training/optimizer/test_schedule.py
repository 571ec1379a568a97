import numpy as np

from components.training.optimizer.schedule import warm_up_linear


def test_the_learning_rate_rises_over_the_warm_up_and_then_falls_to_nothing() -> None:
    expected = [0.5, 1.0, 1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    np.testing.assert_allclose(warm_up_linear(1.0, 10, 0.2), expected)


def test_a_part_of_a_step_of_warm_up_is_a_step() -> None:
    np.testing.assert_allclose(warm_up_linear(1.0, 5, 0.3), [0.5, 1.0, 1.0, 2 / 3, 1 / 3])


def test_without_warm_up_the_first_step_has_the_peak() -> None:
    np.testing.assert_allclose(warm_up_linear(3e-4, 4, 0.0), [3e-4, 2.25e-4, 1.5e-4, 0.75e-4])


def test_a_schedule_of_warm_up_alone_ends_at_the_peak() -> None:
    np.testing.assert_allclose(warm_up_linear(1.0, 2, 1.0), [0.5, 1.0])
