"""Imported by Beam's own workers before all else of the project: TensorFlow's environment, and ops of older models."""

from components.common import tensorflow_env
from components.export import older_ops

tensorflow_env.set_up()
older_ops.register()
