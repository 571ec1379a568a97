"""Fine-tuning: optimiser, schedule, loop, and the best checkpoint by dev."""

from __future__ import annotations

import functools
import itertools
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.adamw import AdamW, warm_up_linear
from components.batching import Batch, Rows
from components.classifier import Classifier, freeze, in_halves, learning_rate_factors, unfrozen_at
from components.console import progress
from components.errors import InputError
from components.precision import chosen
from components.replicas import ALONE, Gradients, Learner, Replicas
from components.resume import Checkpoints, State, read
from components.settings import DEFAULT_EPOCHS, Training
from components.tasks import Task
from components.tasks.tagging import IGNORED

_CAUGHT_UP_ROWS = 4096
"""Rows of the embedding table that are caught up with at a time: each takes eight copies of itself meanwhile."""
_LOGGED_STEPS = 10
"""Steps between two points of the loss in TensorBoard."""
_SMOOTHING = 0.98
"""Of the loss that is shown: an exponential mean over about 50 steps."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A measurement on dev."""

    step: int
    value: float
    """Of the metric that chooses the checkpoint, the task's first."""
    loss: float
    """The mean, without class weights and label smoothing."""

    def better_than(self, other: Evaluation | None) -> bool:
        """A greater value; among equals, the smaller loss."""
        return other is None or (self.value, -self.loss) > (other.value, -other.loss)


@dataclass(slots=True)
class History:
    """What happened during one fine-tuning."""

    rows: int
    steps: int
    trainable_parameters: int
    parameters: int
    metric: str
    """What chooses the checkpoint."""
    evaluations: list[Evaluation] = field(default_factory=list)
    best_step: int = 0
    seconds: float = 0.0
    """In training steps alone, without the measurements on dev."""
    examples_per_second: float = 0.0
    epoch_seconds: list[float] = field(default_factory=list)
    """The same of each epoch; the first one has the tracing of the graph in it."""
    frozen_seconds: float = 0.0
    """In running what is frozen once over every row, before the first step."""
    stopped_early: bool = False
    key: str = ""
    """Names its checkpoints."""
    words_cut: int = 0
    """Words of train with a label that are beyond the tokens a text may have."""
    precision: str = "float32"
    """Of the matrix products in training."""
    replicas: int = 1
    """Copies of the model that learned together, on all devices of all workers."""
    resumed: list[int] = field(default_factory=list)
    """Steps from whose checkpoints the training went on after it was killed."""
    damaged: list[str] = field(default_factory=list)
    """Checkpoints that could not be used for that."""

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


def fit(
    model: Classifier,
    train: Rows,
    dev: Rows,
    training: Training,
    class_weights: np.ndarray,
    logs: Path,
    scratch: Path,
    checkpoints: Checkpoints | None = None,
    replicas: Replicas = ALONE,
    others: Sequence[Classifier] = (),
) -> tuple[History, np.ndarray]:
    """Fine-tunes in place and leaves the model with its best weights by dev.

    Args:
        model: a classifier with the base model's weights.
        train: rows to learn from.
        dev: rows to choose the checkpoint by.
        training: strategy and hyper-parameters.
        class_weights: float32[labels], each class's weight in the loss.
        logs: directory for TensorBoard.
        scratch: directory for the hidden states of what is frozen.
        checkpoints: where the state goes now and then, and where one is gone on from; None: nowhere.
        replicas: who learns together.
        others: the model's copies on the further devices of this process.

    Returns:
        What happened, and the answers on dev, in the order of its rows: as `Task.answers` has them, or of labels a
        token the most probable one, float32[rows, length].

    Raises:
        ArithmeticError: the loss is no longer a number.
        InputError: the disk has no room for the hidden states of what is frozen.
    """
    part, train, dev = _trained_part(model, train, dev, freeze(model, training), scratch, replicas)
    per_epoch = math.ceil(len(train) / training.batch_size)
    steps = training.steps or per_epoch * (training.epochs or DEFAULT_EPOCHS)
    starts = {}
    if training.strategy == "gradual":
        starts = unfrozen_at(model, max(1, round(per_epoch * (training.unfreeze_epochs or 1))))
    copies = _copies(part, [model, *others], replicas, training, steps, starts)
    optimizer = copies[0].optimizer
    smoothing = training.label_smoothing
    stages = _Stages(part, optimizer, starts, model.task, class_weights, smoothing, replicas, copies[1:])
    count = sum(int(np.prod(variable.shape)) for variable in part.variables)
    history = History(
        len(train),
        steps,
        count,
        model.count_params(),
        model.task.overall[0],
        frozen_seconds=part.seconds,
        precision=chosen(training.precision),
        replicas=replicas.count,
    )
    evaluate_every = max(1, per_epoch // training.evaluations_per_epoch)
    state = _Changing(copies, replicas.first, history)
    state.resume(checkpoints, replicas)
    history = state.history
    batches = _endless(train, training, *divmod(state.step, per_epoch))
    writer = tf.summary.create_file_writer(str(logs))
    with progress(steps) as bar, writer.as_default():
        bar.done = state.step
        for step in range(state.step + 1, steps + 1):
            started = time.monotonic()
            epoch, batch = next(batches)
            history.epoch_seconds += [0.0] * (epoch == len(history.epoch_seconds))
            loss = float(stages.step(step)(batch.inputs, batch.padding_mask, batch.targets))
            history.epoch_seconds[-1] += time.monotonic() - started
            if not math.isfinite(loss):
                raise ArithmeticError(f"the loss is {loss} at step {step} of {steps}: a smaller learning_rate may help")
            state.step, state.seen = step, state.seen + len(batch.rows)
            state.shown = loss if step == 1 else _SMOOTHING * state.shown + (1 - _SMOOTHING) * loss
            if step % _LOGGED_STEPS == 0 or step == 1:
                tf.summary.scalar("train/loss", loss, step)
                tf.summary.scalar("train/learning_rate", optimizer.rates[step - 1], step)
            if step % evaluate_every == 0 or step == steps:
                state.evaluate(dev, replicas)
                exhausted = _exhausted(history, training.early_stopping) and step < steps
                # The chief's word: measured on another CPU it might be another.
                history.stopped_early = bool(int(replicas.told(str(int(exhausted)))))
            last = f"dev {history.metric} {history.evaluations[-1].value:.3f} " if history.evaluations else ""
            rate = f"{state.seen / sum(history.epoch_seconds):.0f} examples/s"
            bar.advance(1, f"step {step}/{steps} loss {state.shown:.3f} {last}{rate}")
            if history.stopped_early:
                break
            if checkpoints is not None and step < steps and checkpoints.due(step):
                checkpoints.save(step, state.saved())
    history.seconds = sum(history.epoch_seconds)
    history.examples_per_second = state.seen / history.seconds
    for variable, value in zip(part.variables, state.best, strict=True):
        variable.assign(value)
    return history, state.best_answers


Infer = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[tf.Tensor, tf.Tensor]]
"""Inputs, mask and targets of a batch -> the answers, float32[batch, ...], and the losses, float32[batch]."""


def evaluation(task: Task, answers: np.ndarray, losses: np.ndarray, targets: np.ndarray, step: int) -> Evaluation:
    """What the answers to all rows are worth."""
    return Evaluation(step, task.measure(targets, answers)[task.overall[0]], float(losses.mean()))


def answered(
    infer: Infer, rows: Rows, replicas: Replicas = ALONE, weigh: Callable[[np.ndarray], int] = len
) -> tuple[np.ndarray, np.ndarray]:
    """The answers to every row and their losses, in the order of the split; of labels a token, filled up with -1.

    Each worker asks for its part of every batch; `weigh` is the task's.
    """
    answers: np.ndarray | None = None
    losses = np.zeros(len(rows), np.float32)
    for whole in rows.by_length():
        batch = whole.part(replicas.worker, replicas.workers)
        if answers is not None and not len(batch.rows):
            continue
        # A worker without a row in the first batch asks for the shape alone.
        found, of_rows = (value.numpy() for value in infer(*(batch if len(batch.rows) else whole)[1:]))
        if answers is None:
            # The first batch has the longest rows.
            answers = np.zeros((len(rows), *found.shape[1:]), np.float32)
        if not len(batch.rows):
            continue
        losses[batch.rows] = of_rows
        if replicas.workers > 1:
            # Where labels are a token's, a row's loss depends on the words that the others of its batch have.
            share = weigh(batch.targets) / max(1, weigh(whole.targets))
            losses[batch.rows] *= share * len(whole.rows) / len(batch.rows)
        if rows.per_token:
            answers[batch.rows] = IGNORED
            answers[batch.rows, : found.shape[1]] = found
        else:
            answers[batch.rows] = found
    if answers is None:
        return np.zeros(0), losses
    answers, losses = replicas.summed(answers, losses)
    return answers, losses


def balanced(label_ids: np.ndarray, labels: int) -> np.ndarray:
    """float32[labels]: rows / (classes * rows of the class), as scikit-learn has it; 1 for a class without rows."""
    counts = np.bincount(label_ids, minlength=labels)
    return np.where(counts, len(label_ids) / (labels * np.maximum(counts, 1)), 1.0).astype(np.float32)


_MASK = tf.TensorSpec([None, None], tf.bool)
_IDS = tf.TensorSpec([None, None], tf.int32)


@dataclass(frozen=True, slots=True)
class _Part:
    """What learns: the whole model, or what lies above its frozen layers."""

    variables: list[Any]
    forward: Callable[..., tf.Tensor]
    """Inputs, mask and `training` -> logits."""
    inputs: tf.TensorSpec
    targets: tf.TensorSpec
    infer: Infer
    table: str | None = None
    """Path of the word embeddings if they learn."""
    seconds: float = 0.0
    """That it took to run what is frozen."""

    def of(self, copy: Classifier) -> _Part:
        """The same of the model's copy on another device."""
        return replace(self, variables=copy.trainable_variables, forward=_forward(copy, copy.frozen))


class _Copy(NamedTuple):
    """A copy of the model on a device, and what trains it."""

    model: Classifier
    part: _Part
    optimizer: AdamW

    @property
    def seeds(self) -> list[Any]:
        """The variables that its dropouts draw from."""
        return [variable for variable in self.model.non_trainable_variables if "seed" in variable.path]

    @property
    def changing(self) -> list[Any]:
        """All variables that a step of training changes, the seeds last."""
        return [*self.part.variables, *self.optimizer.state, *self.seeds]


def _copies(
    part: _Part,
    models: Sequence[Classifier],
    replicas: Replicas,
    training: Training,
    steps: int,
    starts: dict[str, int],
) -> list[_Copy]:
    """A copy for each device; the first one is the part's."""
    copies: list[_Copy] = []
    for device, model in zip(replicas.devices, models, strict=True):
        if copies:
            freeze(model, training)
        of_model = part.of(model) if copies else part
        with tf.device(device):
            optimizer = AdamW(
                of_model.variables,
                warm_up_linear(training.learning_rate, steps, training.warmup),
                table=part.table,
                factors=learning_rate_factors(model, training.layer_decay),
                starts=starts,
                weight_decay=training.weight_decay,
                clip_norm=training.clip_norm,
            )
        copies.append(_Copy(model, of_model, optimizer))
    return copies


def _forward(model: Classifier, frozen: int | None) -> Callable[..., tf.Tensor]:
    """Inputs, mask and `training` -> logits; the inputs are the states below what learns, where these are kept."""
    if frozen is None or not model.cacheable:
        return model

    def forward(states: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        return model.upper(states, mask, frozen, training=training)

    return forward


def _trained_part(
    model: Classifier, train: Rows, dev: Rows, frozen: int | None, scratch: Path, replicas: Replicas = ALONE
) -> tuple[_Part, Rows, Rows]:
    """What learns, and its input: where layers are frozen, their output for each row, kept on disk."""
    targets = tf.TensorSpec([None] * (2 if train.per_token else train.targets.ndim), train.targets.dtype)
    if frozen is None or not model.cacheable:
        table = None if frozen is not None else model.encoder.embeddings.word.embeddings.path
        infer = _inference(model.task, model, _IDS, targets)
        return _Part(model.trainable_variables, model, _IDS, targets, infer, table), train, dev
    hidden, started = model.encoder.config.hidden_size, time.monotonic()

    @tf.function(input_signature=[_IDS, _MASK], autograph=False)
    def lower(token_ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        def padded(ids: tf.Tensor, of_half: tf.Tensor) -> tf.Tensor:
            states = model.lower(ids, of_half, frozen)
            missing = 0 if model.pooled(frozen) else tf.shape(mask)[1] - tf.shape(states)[1]
            return tf.pad(states, [[0, 0], [0, missing], [0, 0]])

        return in_halves(padded, token_ids, mask)

    pooled = model.pooled(frozen)
    splits = {"train": train, "dev": dev}
    needed = sum(rows.states_bytes(hidden, pooled) for rows in splits.values())
    if needed > (free := shutil.disk_usage(scratch).free):
        problem = f"the states of the frozen layers take {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        larger = "give the run a --root" if replicas.is_chief else "set TMPDIR to a directory"
        raise InputError(str(scratch.parent), problem, f"Free some, or {larger} on a larger disk")
    mapped: list[Rows] = []
    for name, rows in splits.items():
        with progress(len(rows)) as bar:

            def states(batch: Batch, bar: Any = bar) -> np.ndarray:
                found = lower(batch.inputs, batch.padding_mask).numpy()
                bar.advance(len(batch.rows), f"frozen layers {bar.rate(bar.done):.0f} examples/s")
                return found

            mapped.append(rows.mapped(states, scratch / f"{name}.states", hidden, pooled))
    inputs = tf.TensorSpec([None, None, hidden], tf.float32)
    seconds = time.monotonic() - started
    forward = _forward(model, frozen)
    infer = _inference(model.task, forward, inputs, targets)
    part = _Part(model.trainable_variables, forward, inputs, targets, infer, seconds=seconds)
    return part, mapped[0], mapped[1]


class _Changing:
    """All that a step of training changes, to be put on disk and taken from there.

    Args:
        copies: of the model in this process, which are equal but for their dropouts' random numbers.
        first: the number of the first one among all; each draws other numbers than the others.
        history: of the training so far.
    """

    def __init__(self, copies: Sequence[_Copy], first: int, history: History) -> None:
        self._copies, self._first = copies, first
        self._part, self._task, self._table_rows = copies[0].part, copies[0].model.task, copies[0].optimizer.table_rows
        ids = tf.TensorSpec([None], tf.int32)
        self._catch_up = [
            tf.function(copy.optimizer.catch_up, input_signature=[ids], autograph=False) for copy in copies
        ]
        self._number_seeds()
        self.history = history
        self.step = self.seen = 0
        """Steps done, and rows in them."""
        self.shown = 0.0
        """The smoothed loss."""
        self.best: list[np.ndarray] = []
        self.best_answers = np.zeros(0)
        """The weights of the best evaluation, and the answers on dev by them."""

    def evaluate(self, dev: Rows, replicas: Replicas) -> None:
        """Measures on dev after a step, and keeps the weights if they are the best so far."""
        started = time.monotonic()
        for start in range(0, self._table_rows, _CAUGHT_UP_ROWS):
            for catch_up in self._catch_up:
                catch_up(np.arange(start, min(start + _CAUGHT_UP_ROWS, self._table_rows), dtype=np.int32))
        self.history.epoch_seconds[-1] += time.monotonic() - started
        answers, losses = answered(self._part.infer, dev, replicas, self._task.weigh)
        result = evaluation(self._task, answers, losses, dev.all_targets(), self.step)
        tf.summary.scalar(f"dev/{self.history.metric}", result.value, self.step)
        tf.summary.scalar("dev/loss", result.loss, self.step)
        if result.better_than(_best(self.history)):
            self.best, self.best_answers = [variable.numpy() for variable in self._part.variables], answers
            self.history.best_step = self.step
        self.history.evaluations.append(result)

    def saved(self) -> State:
        """As it goes to disk."""
        changing = self._copies[0].changing
        now = {f"now/{index}": np.asarray(variable.numpy()) for index, variable in enumerate(changing)}
        best = {f"best/{index}": value for index, value in enumerate(self.best)}
        plain = {"history": asdict(self.history), "step": self.step, "seen": self.seen, "shown": self.shown}
        return State({**now, **best, "answers": self.best_answers}, plain)

    def resume(self, checkpoints: Checkpoints | None, replicas: Replicas) -> None:
        """Goes on from the newest checkpoint, if there is one: the chief has them, the others read what it takes."""
        saved = None if checkpoints is None else checkpoints.newest()
        taken = replicas.told(str(checkpoints.taken or "") if checkpoints is not None else "")
        if taken and not replicas.is_chief:
            saved = read(Path(taken))
        if saved is not None:
            self.restore(saved)
            self.history.resumed.append(self.step)
        if checkpoints is not None:
            self.history.damaged += checkpoints.damaged

    def restore(self, saved: State) -> None:
        """As it was when it went to disk."""
        arrays, plain, replicas = *saved, self.history.replicas
        for copy in self._copies:
            for index, variable in enumerate(copy.changing):
                variable.assign(arrays[f"now/{index}"])
        self._number_seeds()
        self.best = [arrays[f"best/{index}"] for index in range(sum(name.startswith("best/") for name in arrays))]
        self.best_answers = arrays["answers"]
        self.step, self.seen, self.shown = plain["step"], plain["seen"], plain["shown"]
        evaluations = [Evaluation(**evaluation) for evaluation in plain["history"].pop("evaluations")]
        self.history = History(**plain["history"], evaluations=evaluations)
        self.history.replicas = replicas

    def _number_seeds(self) -> None:
        """Gives each copy random numbers of its own, which the first one's seeds and its number determine."""
        for number, copy in enumerate(self._copies, self._first):
            for seed in copy.seeds if number else ():
                seed.assign(seed.numpy() + np.array([number, 0], seed.numpy().dtype))


def _endless(rows: Rows, training: Training, epoch: int, first: int) -> Iterator[tuple[int, Batch]]:
    """Batches with the number of their epoch, from number `first` of that epoch on."""
    for number in itertools.count(epoch):
        for batch in rows.epoch(training.batch_size, training.seed, number, first if number == epoch else 0):
            yield number, batch


class _Stages:
    """The step of training, traced anew where a variable begins to learn.

    Args:
        part: what learns.
        optimizer: of its variables.
        starts: variable path -> steps after which it begins; 0 where it has none.
        task: whose loss it is.
        class_weights: float32[labels], where each row has one label.
        smoothing: of the labels.
        replicas: who learns together.
        others: the copies on the further devices of this process.
    """

    def __init__(
        self,
        part: _Part,
        optimizer: AdamW,
        starts: dict[str, int],
        task: Task,
        class_weights: np.ndarray,
        smoothing: float,
        replicas: Replicas = ALONE,
        others: Sequence[_Copy] = (),
    ) -> None:
        self._part, self._optimizer, self._others, self._replicas = part, optimizer, others, replicas
        self._loss = task, class_weights, smoothing
        self._begins = [starts.get(variable.path, 0) for variable in part.variables]
        self._stages = sorted(set(self._begins), reverse=True)
        self._steps: dict[int, Callable[..., tf.Tensor]] = {}

    def step(self, number: int) -> Callable[..., tf.Tensor]:
        """Inputs, mask and targets of a batch -> the loss; of the step with this number, from 1."""
        stage = next(begin for begin in self._stages if begin < number)
        if stage not in self._steps:
            learning = [begin <= stage for begin in self._begins]
            if self._replicas.count == 1:
                self._steps[stage] = _training_step(self._part, self._optimizer, *self._loss, learning)
            else:
                self._steps[stage] = self._together(learning)
        return self._steps[stage]

    def _together(self, learning: list[bool]) -> Callable[..., tf.Tensor]:
        every = [(self._part, self._optimizer), *((copy.part, copy.optimizer) for copy in self._others)]
        learners = [Learner(_gradients(part, *self._loss, learning), optimizer) for part, optimizer in every]
        signature = [self._part.inputs, _MASK, self._part.targets]
        task, *_ = self._loss
        return self._replicas.step(learners, signature, task.weigh, _table_learns(self._part, learning))


def _training_step(
    part: _Part,
    optimizer: AdamW,
    task: Task,
    class_weights: np.ndarray,
    smoothing: float,
    learning: list[bool],
) -> Callable[..., tf.Tensor]:
    of_batch, table_learns = _gradients(part, task, class_weights, smoothing, learning), _table_learns(part, learning)

    @tf.function(input_signature=[part.inputs, _MASK, part.targets], autograph=False)
    def step(inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        if table_learns:
            optimizer.catch_up(inputs)
        loss, gradients = of_batch(inputs, padding_mask, targets)
        optimizer.apply(gradients)
        return loss

    return step


def _gradients(part: _Part, task: Task, class_weights: np.ndarray, smoothing: float, learning: list[bool]) -> Gradients:
    variables = [variable.value for variable, learns in zip(part.variables, learning, strict=True) if learns]

    def gradients(
        inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, share: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, list[tf.Tensor | tf.IndexedSlices | None]]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            forward = functools.partial(part.forward, training=True)
            losses = task.loss(in_halves(forward, inputs, padding_mask, task.per_token), targets, smoothing)
            if task.one_label:
                losses *= tf.gather(tf.constant(class_weights), targets)
            loss = tf.reduce_mean(losses)
            if share is not None:
                loss *= share
        found = iter(tape.gradient(loss, variables))
        every = [next(found) if learns else None for learns in learning]
        # Other tables that are gathered from, as that of the segments, are small, and learn as all that is dense.
        return loss, [
            g if g is None or v.path == part.table else tf.convert_to_tensor(g)
            for g, v in zip(every, part.variables, strict=True)
        ]

    return gradients


def _table_learns(part: _Part, learning: list[bool]) -> bool:
    return any(v.path == part.table for v, learns in zip(part.variables, learning, strict=True) if learns)


def _inference(task: Task, forward: Callable[..., tf.Tensor], inputs: tf.TensorSpec, targets: tf.TensorSpec) -> Infer:
    @tf.function(input_signature=[inputs, _MASK, targets], autograph=False)
    def infer(inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits = in_halves(forward, inputs, padding_mask, task.per_token)
        answers = task.answers(logits)
        if task.per_token:
            answers = tf.cast(tf.argmax(answers, axis=-1), tf.float32)
        return answers, task.loss(logits, targets, 0.0)

    return infer


def _best(history: History) -> Evaluation | None:
    return next((e for e in history.evaluations if e.step == history.best_step), None)


def _exhausted(history: History, patience: int | None) -> bool:
    since = [e for e in history.evaluations if e.step > history.best_step]
    return patience is not None and len(since) >= patience
