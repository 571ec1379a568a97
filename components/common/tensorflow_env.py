"""The environment variables that TensorFlow and its companions read once, when they are imported."""

from __future__ import annotations

import os


def set_up() -> None:
    """Sets those that the user has not set; to be called before TensorFlow is imported.

    Results depend on them to the last bit, so every process that computes calls this: commands, workers, benches.
    """
    # Its banners are not for the terminal.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Two ops at a time on half of the cores each: batches run in halves that do not wait for each other.
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str((len(os.sched_getaffinity(0)) + 1) // 2))
