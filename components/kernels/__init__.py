"""Ops of our own for a CPU, in C: the passes of BERT's training step that are many small ones in TensorFlow's ops."""
