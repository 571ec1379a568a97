"""Fine-tuning: optimiser, schedule, loop, and the best checkpoint by dev."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.batching import Tokens
from components.classifier import Classifier, freeze, learning_rate_factors
from components.console import progress
from components.settings import Training

_DEFAULT_EPOCHS = 2
_LOGGED_STEPS = 10
"""Steps between two points of the loss in TensorBoard."""
_SMOOTHING = 0.98
"""Of the loss that is shown: an exponential mean over about 50 steps."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A measurement on dev."""

    step: int
    accuracy: float
    loss: float
    """Mean cross-entropy, nats, without class weights and label smoothing."""

    def better_than(self, other: Evaluation | None) -> bool:
        """More rows right; among equals, the smaller loss."""
        return other is None or (self.accuracy, -self.loss) > (other.accuracy, -other.loss)


@dataclass(slots=True)
class History:
    """What happened during one fine-tuning."""

    rows: int
    steps: int
    trainable_parameters: int
    parameters: int
    evaluations: list[Evaluation] = field(default_factory=list)
    best_step: int = 0
    seconds: float = 0.0
    """In training steps alone, without the measurements on dev."""
    examples_per_second: float = 0.0
    stopped_early: bool = False

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


class WarmUpLinear(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to the peak over the warm-up, then falls linearly to 0 (Devlin et al. 2019, appendix A.2).

    Args:
        peak: the highest learning rate.
        steps: of the whole training.
        warmup: share of them that is warm-up.
    """

    def __init__(self, peak: float, steps: int, warmup: float) -> None:
        self.peak, self.steps, self.warmup_steps = peak, steps, math.ceil(steps * warmup)

    def __call__(self, step: Any) -> tf.Tensor:
        """The rate of a step counted from 0, float32."""
        step = tf.cast(step, tf.float32)
        rising = (step + 1) / max(1, self.warmup_steps)
        falling = (self.steps - step) / max(1, self.steps - self.warmup_steps)
        return self.peak * tf.maximum(0.0, tf.minimum(rising, falling))


class LayerwiseAdamW(keras.optimizers.Adam):
    """AdamW (Loshchilov & Hutter 2019) with a learning rate for each variable.

    Args:
        schedule: the learning rate by step.
        factors: variable path -> its share of the learning rate; 1 where it has none.
        weight_decay: rate of decoupled decay, of matrices only: not of biases and LayerNorm's scale and shift.
        clip_norm: bound of the gradient's global L2 norm.
    """

    def __init__(self, schedule: Any, *, factors: dict[str, float], weight_decay: float, clip_norm: float) -> None:
        super().__init__(schedule, beta_1=0.9, beta_2=0.999, epsilon=1e-8, global_clipnorm=clip_norm)
        self._factors, self._decay = factors, weight_decay

    def build(self, variables: list[Any]) -> None:
        """Makes the moments; keeps the factors in the variables' order, as the backend's own variables have no path."""
        super().build(variables)
        self._factor_by_index = [self._factors.get(variable.path, 1.0) for variable in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Decays, then updates, one variable."""
        learning_rate = learning_rate * self._factor_by_index[self._get_variable_index(variable)]
        if self._decay and len(variable.shape) > 1:
            variable.assign(variable * (1.0 - self._decay * learning_rate))
        super().update_step(gradient, variable, learning_rate)


def fit(
    model: Classifier,
    train: Tokens,
    dev: Tokens,
    training: Training,
    class_weights: np.ndarray,
    logs: Path,
) -> History:
    """Fine-tunes in place and leaves the model with its best weights by dev.

    Args:
        model: a classifier with the base model's weights.
        train: rows to learn from.
        dev: rows to choose the checkpoint by.
        training: strategy and hyper-parameters.
        class_weights: float32[labels], each class's weight in the loss.
        logs: directory for TensorBoard.

    Raises:
        ArithmeticError: the loss is no longer a number.
    """
    freeze(model, training)
    per_epoch = math.ceil(len(train) / training.batch_size)
    steps = training.steps or per_epoch * (training.epochs or _DEFAULT_EPOCHS)
    optimizer = LayerwiseAdamW(
        WarmUpLinear(training.learning_rate, steps, training.warmup),
        factors=learning_rate_factors(model, training.layer_decay),
        weight_decay=training.weight_decay,
        clip_norm=training.clip_norm,
    )
    optimizer.build(model.trainable_variables)
    step_on = _training_step(model, optimizer, class_weights, training.label_smoothing)
    count = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    history = History(len(train), steps, count, model.count_params())
    evaluate_every = max(1, per_epoch // training.evaluations_per_epoch)
    best: list[np.ndarray] = []
    seen, epoch, shown = 0, 0, 0.0
    batches = train.epoch(training.batch_size, training.seed, epoch)
    writer = tf.summary.create_file_writer(str(logs))
    with progress(steps) as bar, writer.as_default():
        for step in range(1, steps + 1):
            started = time.monotonic()
            if (batch := next(batches, None)) is None:
                epoch += 1
                batches = train.epoch(training.batch_size, training.seed, epoch)
                batch = next(batches)
            loss = float(step_on(batch.token_ids, batch.padding_mask, batch.label_ids))
            history.seconds += time.monotonic() - started
            if not math.isfinite(loss):
                raise ArithmeticError(f"the loss is {loss} at step {step} of {steps}: a smaller learning_rate may help")
            seen += len(batch.rows)
            shown = loss if step == 1 else _SMOOTHING * shown + (1 - _SMOOTHING) * loss
            if step % _LOGGED_STEPS == 0 or step == 1:
                tf.summary.scalar("train/loss", loss, step)
                tf.summary.scalar("train/learning_rate", optimizer.learning_rate, step)
            if step % evaluate_every == 0 or step == steps:
                result = evaluate(model, dev, step)
                tf.summary.scalar("dev/accuracy", result.accuracy, step)
                tf.summary.scalar("dev/loss", result.loss, step)
                if result.better_than(_best(history)):
                    best, history.best_step = [variable.numpy() for variable in model.trainable_variables], step
                history.evaluations.append(result)
                if _exhausted(history, training.early_stopping) and step < steps:
                    history.stopped_early = True
            last = f"dev accuracy {history.evaluations[-1].accuracy:.3f} " if history.evaluations else ""
            rate = f"{seen / history.seconds:.0f} examples/s"
            bar.advance(1, f"step {step}/{steps} loss {shown:.3f} {last}{rate}")
            if history.stopped_early:
                break
    history.examples_per_second = seen / history.seconds
    for variable, value in zip(model.trainable_variables, best, strict=True):
        variable.assign(value)
    return history


def evaluate(model: Classifier, rows: Tokens, step: int) -> Evaluation:
    """Accuracy and mean cross-entropy on a split."""
    likelihood = probabilities(model, rows)
    of_label = likelihood[np.arange(len(rows)), rows.label_ids]
    right = likelihood.argmax(axis=1) == rows.label_ids
    return Evaluation(step, float(right.mean()), float(-np.log(np.maximum(of_label, 1e-12)).mean()))


def probabilities(model: Classifier, rows: Tokens) -> np.ndarray:
    """float32[rows, labels], in the order of the split."""
    infer = _inference(model)
    result = np.zeros((len(rows), model.dense.units), np.float32)
    for batch in rows.by_length():
        result[batch.rows] = infer(batch.token_ids, batch.padding_mask)
    return result


def balanced(label_ids: np.ndarray, labels: int) -> np.ndarray:
    """float32[labels]: rows / (classes * rows of the class), as scikit-learn has it; 1 for a class without rows."""
    counts = np.bincount(label_ids, minlength=labels)
    return np.where(counts, len(label_ids) / (labels * np.maximum(counts, 1)), 1.0).astype(np.float32)


_IDS, _MASK = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.bool)


def _training_step(
    model: Classifier, optimizer: LayerwiseAdamW, class_weights: np.ndarray, smoothing: float
) -> Callable[..., tf.Tensor]:
    variables = model.trainable_variables
    labels = len(class_weights)

    @tf.function(input_signature=[_IDS, _MASK, tf.TensorSpec([None], tf.int32)])
    def step(token_ids: tf.Tensor, padding_mask: tf.Tensor, label_ids: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            logits = model(token_ids, padding_mask, training=True)
            target = tf.one_hot(label_ids, labels) * (1 - smoothing) + smoothing / labels
            losses = tf.nn.softmax_cross_entropy_with_logits(target, logits)
            loss = tf.reduce_mean(losses * tf.gather(tf.constant(class_weights), label_ids))
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        # An embedding's gradient has a slice for each token: the norm to clip by is that of the sum over equal tokens.
        optimizer.apply([tf.convert_to_tensor(gradient) for gradient in gradients], variables)
        return loss

    return step


def _inference(model: Classifier) -> Callable[..., np.ndarray]:
    """The model as a traced function, made once per model."""
    if not hasattr(model, "traced_inference"):

        @tf.function(input_signature=[_IDS, _MASK])
        def infer(token_ids: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
            return tf.nn.softmax(model(token_ids, padding_mask, training=False))

        model.traced_inference = infer
    return model.traced_inference


def _best(history: History) -> Evaluation | None:
    return next((e for e in history.evaluations if e.step == history.best_step), None)


def _exhausted(history: History, patience: int | None) -> bool:
    since = [e for e in history.evaluations if e.step > history.best_step]
    return patience is not None and len(since) >= patience
