"""Imported by Beam's own workers before anything else of the project: the environment of TensorFlow, as everywhere."""

from components.common import tensorflow_env

tensorflow_env.set_up()
