"""Metrics in TensorFlow Model Analysis's terms, and the gate on them."""
