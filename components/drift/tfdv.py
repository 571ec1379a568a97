"""TensorFlow Data Validation, imported in the one order that works."""

# isort: off
# TFX puts a stand-in for a module that this build of TensorFlow Data Validation lacks.
import tfx.components  # noqa: F401
import tensorflow_data_validation
# isort: on

tfdv = tensorflow_data_validation
