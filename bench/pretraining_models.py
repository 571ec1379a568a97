"""What `bench.pretraining` does in processes of their own: a model of random values, and steps of one that is timed."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from bench.common import Run
from bench.utilisation import by_turns, layer_flop

LENGTH, BATCH = 128, 32

SHAPE: dict[str, Any] = {"max_length": LENGTH, "layers": 4, "hidden": 256}
"""Of `[model]`."""

_ROUNDS = 10
"""Steps that are timed."""


def write_random(vocabulary: str, directory: str, seed: str) -> Run:
    """Writes a base model of random values, of the same shape and vocabulary as the pre-trained one begins with."""
    import keras

    from components.export import pretrained_directory
    from components.pretrained import encoder_weights, head_weights
    from components.pretraining import initial_model
    from components.settings.kinds.pretraining import PretrainedModel, Pretraining
    from components.tokenization.tokenizer_files import read_tokenizer

    keras.utils.set_random_seed(int(seed))
    shape = PretrainedModel(vocabulary=vocabulary, **SHAPE)
    training = Pretraining(seed=int(seed), dropout=0.0)
    model = initial_model.new_model(shape, training, read_tokenizer(Path(vocabulary)))
    unfinished = Path(f"{directory}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    heads = head_weights.stored(model.tokens, model.next_sentence)
    encoder = encoder_weights.stored(model.encoder)
    about = {"name": f"random-{seed}", "data_sha256": ""}
    pretrained_directory.write(unfinished, encoder, heads, model.encoder.config, Path(vocabulary), **about)
    unfinished.rename(directory)
    return {}


def measure_speed(directory: str) -> Run:
    """Seconds of a step in float32 and in bfloat16, and the peak, in this process."""
    import numpy as np

    from components.model.freezing import freeze
    from components.model.pretraining_model import EXAMPLES, HIDDEN, NEXT, TOKENS
    from components.pretraining import initial_model, measuring
    from components.settings.kinds.pretraining import Pretraining
    from components.tasks.tagging import IGNORED
    from components.tokenization.tokenizer_files import read_tokenizer
    from components.training.replicas import SINGLE_REPLICA
    from components.training.state import model_copies
    from components.training.step import StagedSteps

    tokenizer = read_tokenizer(Path(directory))
    draws, hidden = np.random.default_rng(0), round(0.15 * (LENGTH - 3))
    ids = draws.integers(5, len(tokenizer.tokens), (BATCH, LENGTH)).astype(np.int32)
    ids[:, 0], ids[:, LENGTH // 2], ids[:, -1] = tokenizer.start_id, tokenizer.separator_id, tokenizer.separator_id
    targets = np.full((BATCH, TOKENS + LENGTH), IGNORED, np.int32)
    targets[:, NEXT], targets[:, EXAMPLES], targets[:, HIDDEN] = np.arange(BATCH) % 2, BATCH, BATCH * hidden
    places = TOKENS + 1 + draws.permuted(np.tile(np.arange(LENGTH // 2 - 1), (BATCH, 1)), axis=1)[:, :hidden]
    np.put_along_axis(targets, places, np.take_along_axis(ids, places - TOKENS, axis=1), axis=1)
    steps, config = {}, None
    for precision in ("float32", "bfloat16"):
        training = Pretraining(batch_size=BATCH, dropout=0.0, precision=precision)
        model = initial_model.read_model(Path(directory), training, tokenizer).model
        freeze(model, training.as_training)
        part, config = measuring.trained_whole(model), model.encoder.config
        copies = model_copies(part, [model], SINGLE_REPLICA, training.as_training, steps=1000, starts={})
        step = StagedSteps(copies, {}, measuring.PretrainingLoss(model.task)).step(1)
        steps[precision] = partial(step, ids, np.ones(ids.shape, bool), targets)
    measured = by_turns(steps, _ROUNDS)
    assert config is not None  # noqa: S101
    width = config.hidden_size
    layers = config.num_hidden_layers * layer_flop(config, LENGTH)
    # 6 FLOP a weight: of hidden tokens alone, a dense layer and the vocabulary; of an example, the pooler.
    heads = 6 * (hidden * (width**2 + width * config.vocab_size) + width**2) / LENGTH
    seconds = {name: float(np.median(of_one)) for name, of_one in measured.seconds.items()}
    return {
        "peak_gflops": round(measured.peak / 1e9, 1),
        "layers_flop": layers,
        "heads_flop": heads,
        "step_ms": {name: [round(1e3 * second, 1) for second in of_one] for name, of_one in measured.seconds.items()},
        "tokens_per_second": {name: round(ids.size / second, 1) for name, second in seconds.items()},
        "utilisation": {name: measured.share(name, ids.size * (layers + heads)) for name in steps},
    }
