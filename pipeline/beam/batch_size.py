"""How many rows Beam hands to a node's functions at a time, in every process that runs a node."""

from __future__ import annotations

from absl import flags

# Defines the flag.
from tfx_bsl.coders import batch_util  # noqa: F401


def use_large_batches() -> None:
    """Has this process make batches of up to 8,192 rows at once, where Beam feels its way up from one row.

    More for Evaluator to sort by length, and fewer calls in every node.
    """
    flags.FLAGS.set_default("tfxio_use_byte_size_batching", True)
