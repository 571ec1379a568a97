"""Copies of a model that are trained together, one on each device of each worker, and stay equal.

Every worker draws the same batches. Each copy sees its rows of a batch, its gradient counts for as much as its rows do
(for labels a token: as its words do), and the sum over all copies, which is the gradient of the whole batch, is clipped
and applied by each of them alike. Of the embedding table, all copies move the rows that the whole batch holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

from components.common.errors import InputError
from components.training.optimizer.adamw import AdamW

T = TypeVar("T")

Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tf.Tensor]
"""Inputs, mask and targets of a whole batch -> its loss."""

Gradients = Callable[..., tuple[tf.Tensor, list[tf.Tensor | tf.IndexedSlices | None]]]
"""Inputs, mask, targets and the shares of the batch that their parts are, float32[parts] -> the loss and the gradients,
times these shares; that of the word table alone is slices."""

SHARES_SPEC = tf.TensorSpec([None], tf.float32)

_IDS = tf.TensorSpec([None, None], tf.int32)


class Learner(NamedTuple):
    """One copy."""

    gradients: Gradients
    optimizer: AdamW


class Replicas:
    """Who trains together, and how they communicate.

    Args:
        strategy: of TensorFlow, for sums over all copies; None: there is one.
        worker: the number of this process, 0 for the one that writes.
        workers: how many processes there are.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None, worker: int = 0, workers: int = 1) -> None:
        self._strategy, self.worker, self.workers = strategy, worker, workers
        self.devices: list[str | None] = [None] if strategy is None else list(strategy.extended.worker_devices)
        """Of this process."""
        self.count = 1 if strategy is None else int(strategy.num_replicas_in_sync)
        """Copies in all processes."""
        self.first = worker * len(self.devices)
        """The number of the first copy of this process among all."""

    @property
    def is_chief(self) -> bool:
        """Whether this process writes checkpoints, logs and the model."""
        return self.worker == 0

    def copies(self, make: Callable[[], T]) -> list[T]:
        """What `make` makes, once on each device of this process."""
        made = []
        for device in self.devices:
            with tf.device(device):
                made.append(make())
        return made

    def step(
        self,
        learners: Sequence[Learner],
        signature: Sequence[tf.TensorSpec],
        shares: Callable[[np.ndarray, np.ndarray], np.ndarray],
        by_tokens: bool,
    ) -> Step:
        """A step of training on a whole batch, taken by all copies.

        Args:
            learners: the copies of this process.
            signature: of inputs, mask and targets.
            shares: targets of some rows, and those of the whole batch -> float32[parts], what the mean loss of each
                part of these rows counts for.
            by_tokens: whether the inputs are token ids, of whose rows of the table alone there are gradients.
        """

        of_copy = [*signature, SHARES_SPEC]

        @tf.function(input_signature=[[of_copy for _ in learners], _IDS], autograph=False)
        def together(parts: list[list[tf.Tensor]], token_ids: tf.Tensor) -> tf.Tensor:
            rows = tf.sort(tf.unique(tf.reshape(token_ids, [-1])).y)

            def copy() -> tf.Tensor:
                context = tf.distribute.get_replica_context()
                place = int(tf.get_static_value(context.replica_id_in_sync_group)) - self.first
                gradients, optimizer = learners[place]
                if by_tokens:
                    optimizer.catch_up(rows)
                loss, found = gradients(*parts[place])
                dense = [gradient_of_rows(g, rows) if isinstance(g, tf.IndexedSlices) else g for g in found]
                known = [index for index, g in enumerate(dense) if g is not None]
                loss, *sums = context.all_reduce(tf.distribute.ReduceOp.SUM, [loss, *(dense[i] for i in known)])
                for index, total in zip(known, sums, strict=True):
                    sparse = isinstance(found[index], tf.IndexedSlices)
                    found[index] = tf.IndexedSlices(total, rows) if sparse else total
                optimizer.apply(found)
                return loss

            return self._of_first(self._strategy.run(copy))  # type: ignore[union-attr]

        def step(inputs: np.ndarray, mask: np.ndarray, targets: np.ndarray) -> tf.Tensor:
            parts = []
            for number in range(self.first, self.first + len(self.devices)):
                mine = slice(number, None, self.count)
                share = shares(targets[mine], targets)
                # A batch of fewer rows than copies: some have none, and a row that counts for nothing stands in.
                mine = mine if number < len(targets) else slice(1)
                parts.append([inputs[mine], mask[mine], targets[mine], share])
            return together(parts, inputs if by_tokens else np.zeros((0, 0), np.int32))

        return step

    def all_reduce_sum(self, *arrays: np.ndarray) -> list[np.ndarray]:
        """Float32 arrays, added up over the workers; each worker gives the same shapes and gets the same bits."""
        if self.workers == 1:
            return list(arrays)
        # With one number more: a sum of no numbers ends TensorFlow's process.
        flat = self._total(np.concatenate([*(array.reshape(-1) for array in arrays), np.zeros(1, np.float32)])).numpy()
        *parts, _ = np.split(flat, np.cumsum([array.size for array in arrays]))
        return [part.reshape(array.shape) for part, array in zip(parts, arrays, strict=True)]

    def broadcast(self, text: str) -> str:
        """The chief's text, to every worker."""
        mine = np.frombuffer(text.encode() if self.is_chief else b"", np.uint8).astype(np.float32)
        (size,) = self.all_reduce_sum(np.array([len(mine)], np.float32))
        (codes,) = self.all_reduce_sum(mine if self.is_chief else np.zeros(int(size[0]), np.float32))
        return codes.astype(np.uint8).tobytes().decode()

    def _of_first(self, values: tf.Tensor) -> tf.Tensor:
        return self._strategy.experimental_local_results(values)[0]  # type: ignore[union-attr]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)], autograph=False)
    def _total(self, values: tf.Tensor) -> tf.Tensor:
        def copy() -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            is_first = int(tf.get_static_value(context.replica_id_in_sync_group)) == self.first
            # Not the argument itself, which is on no device.
            mine = tf.identity(values) if is_first else tf.zeros_like(values)
            return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

        return self._of_first(self._strategy.run(copy))  # type: ignore[union-attr]


SINGLE_REPLICA = Replicas()
"""One copy in one process."""


def of_machine(devices: str) -> Replicas:
    """The copies in this process, by `training.devices`, `auto` or `mirrored`.

    Raises:
        InputError: `mirrored`, and there is one device.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) < 2 and devices == "auto":
        return SINGLE_REPLICA
    found = gpus or tf.config.list_logical_devices("CPU")
    if len(found) < 2:
        problem = f'`training.devices` is "mirrored", and TensorFlow sees one device, {found[0].name}'
        raise InputError("training.devices", problem, 'Set devices = "auto", or make more GPUs visible')
    return Replicas(tf.distribute.MirroredStrategy([device.name for device in found]))


def gradient_of_rows(slices: tf.IndexedSlices, rows: tf.Tensor) -> tf.Tensor:
    """A gradient's slices, of some of the rows, as float32[rows, width]: sums, or 0."""
    places = tf.searchsorted(rows, tf.cast(slices.indices, rows.dtype))
    return tf.math.unsorted_segment_sum(slices.values, places, tf.size(rows))
