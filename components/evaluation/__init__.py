"""Evaluation by TensorFlow Model Analysis (TFMA): the tasks' metrics in its terms."""
