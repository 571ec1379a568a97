"""Evaluation by TensorFlow Model Analysis (TFMA): the tasks' metrics in its terms, and the gate on them."""
