"""TensorFlow Data Validation, imported in the one order that works."""

# isort: off
# TFX puts a stand-in for a module that this build of TensorFlow Data Validation lacks.
import tfx.components  # noqa: F401
import tensorflow_data_validation
from tensorflow_data_validation.statistics.generators.basic_stats_generator import BasicStatsGenerator
from tensorflow_data_validation.utils import top_k_uniques_stats_util as frequent_values
# isort: on

tfdv = tensorflow_data_validation

__all__ = ["BasicStatsGenerator", "frequent_values", "tfdv"]
