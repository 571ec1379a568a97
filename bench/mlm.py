"""Pre-training side by side with Hugging Face's Trainer and its DataCollatorForLanguageModeling.

    python -m bench.mlm [--rounds 3] [--rows 4000] [--epochs 2] [--only sample random] [--short] [--table]

Snippets of movie reviews, one an example, at most 128 tokens, batches of 64, 15% of the tokens hidden anew each epoch,
AdamW with the same rate, warm-up, decay and clipping; the same number of steps. `sample`: both go on from the sample
weights, whose head for hidden tokens is drawn at random once and written into one checkpoint that both read. `random`:
the same shape, all of it drawn at random. The peer runs as Hugging Face's run_mlm.py does, in both of its forms:

- lines (`--line_by_line`): the same examples as ours, in batches of rows of similar length, as long as the longest;
- blocks (its default): all texts one after the other, cut into blocks of 128 tokens, as many of them a batch as hold
  the tokens that a batch of ours has. No padding, but a block holds some five reviews that see each other.

The second is what a user gets who sets nothing, the first is the same work. Tokens/s counts tokens of the texts, no
padding; ours those of the epochs after the first one, which holds the tracing of the graph; with it stands beside.
Held-out loss: of the weights after the last step, of both, by one measure, with the same tokens of dev hidden. A round
has its own seed, everyone a process of its own. On a CPU with AMX all of it once more with bfloat16. Writes
bench/results/mlm.json.
"""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.common import Run, interleaved, keep, kept, last_json, middle, peer_program, ratio, worked
from bench.train_data import MAX_LENGTH, SAMPLE_BASE
from components.common.checkout import ROOT
from components.common.cpu import resolved_precision

if TYPE_CHECKING:
    from components.pretraining.masked_rows import MaskedRows
    from components.settings.kinds.pretraining import Pretraining
    from components.tokenization.vocabulary import Tokenizer

PARTS = ("sample", "random")

PEERS = ("lines", "blocks")

BATCH, RATE, MASKED = 64, 2e-4, 0.15


def main() -> None:
    """Runs what is asked for and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=4000, help="of train, drawn at random")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--short", action="store_true", help="a round of a few steps, of which nothing is kept")
    parser.add_argument("--table", action="store_true", help="print what was measured")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if worked(options.worker, {"begin": begin, "fit": fit, "measure": measure}):
        return
    if options.short:
        options.rounds, options.rows = 1, 2 * BATCH
    if not options.table:
        with tempfile.TemporaryDirectory() as scratch:
            folder = write_texts(Path(scratch, "texts"), options.rows, BATCH if options.short else None)
            for part in options.only:
                beside(part, Path(scratch), folder, options)
    if not options.short:
        report()


def write_texts(folder: Path, rows: int, dev_rows: int | None) -> Path:
    """Writes train.txt, with rows drawn at random, and dev.txt, with the first of dev, or all: a text a line."""
    folder.mkdir()
    for split in ("train", "dev"):
        lines = (ROOT / "data" / "movie_reviews" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()[1:]
        chosen = random.Random(1).sample(lines, rows) if split == "train" else lines[:dev_rows]  # noqa: S311
        texts = "".join(f"{line.split(chr(9))[1]}\n" for line in chosen)
        (folder / f"{split}.txt").write_text(texts, encoding="utf-8")
    return folder


def beside(part: str, scratch: Path, folder: Path, options: argparse.Namespace) -> None:
    """Tokens/s and held-out loss, interleaved; once more with bfloat16 where the CPU has AMX."""
    base = scratch / part
    begun = worker("begin", part, base, folder)
    for precision in dict.fromkeys(("float32", resolved_precision("auto"))):
        given = (base, folder, scratch / "trained", precision, options.epochs)
        contestants = {"ours": seeded(ours, *given)} | {mode: seeded(peer, mode, *given) for mode in PEERS}
        runs: dict[str, list[Run]] = {}
        content = {"rows": options.rows, "epochs": options.epochs, "batch": BATCH, "before": begun, "runs": runs}
        for _ in range(options.rounds):
            for who, found in interleaved(1, contestants).items():
                runs.setdefault(who, []).extend(found)
            if not options.short:
                # After each round: a long bench may be stopped.
                keep("mlm", part if precision == "float32" else f"{part}-{precision}", content)


def seeded(contestant: Callable[..., Run], *arguments: Any) -> Callable[[], Run]:
    """With another seed each time."""
    seeds = itertools.count(1)
    return lambda: contestant(*arguments, next(seeds))


def ours(base: Path, folder: Path, trained: Path, precision: str, epochs: int, seed: int) -> Run:
    """A pre-training of ours, measured."""
    return measured(worker("fit", base, folder, trained, precision, epochs, seed), base, folder, trained)


def peer(mode: str, base: Path, folder: Path, trained: Path, precision: str, epochs: int, seed: int) -> Run:
    """The peer's, with as many steps."""
    command: list[object] = [*peer_program(), "mlm", "--model", base, "--data", folder, "--mode", mode]
    command += ["--output", trained, "--lr", RATE, "--epochs", epochs, "--batch", BATCH, "--seed", seed]
    command += ["--max-length", MAX_LENGTH, "--masked", MASKED, *(["--bf16"] if precision == "bfloat16" else [])]
    return measured(last_json(command), base, folder, trained)


def measured(run: Run, base: Path, folder: Path, trained: Path) -> Run:
    """What a run says of itself, with the held-out loss of what it wrote, which is deleted."""
    found = {**run, **worker("measure", base, folder, trained)}
    shutil.rmtree(trained)
    return found


def worker(*arguments: object) -> Run:
    """A process of its own for each measurement of ours."""
    return last_json([sys.executable, "-m", __spec__.name, "--worker", *map(str, arguments)])


def settings(**given: Any) -> Pretraining:
    """Of all runs."""
    from components.settings.kinds.pretraining import Pretraining

    same: dict[str, Any] = {"objectives": ("mlm",), "batch_size": BATCH, "learning_rate": RATE, "masked_share": MASKED}
    return Pretraining(**same, **given)


def begin(part: str, base: str, folder: str) -> Run:
    """Writes the checkpoint that everyone begins with, and measures it."""
    import keras

    from components.pretraining import initial_model
    from components.settings.kinds.pretraining import PretrainedModel
    from components.tokenization.tokenizer_files import read_tokenizer

    keras.utils.set_random_seed(1)
    tokenizer, training = read_tokenizer(SAMPLE_BASE), settings()
    if part == "sample":
        model = initial_model.read_model(SAMPLE_BASE, training, tokenizer).model
    else:
        shape = PretrainedModel(
            vocabulary=str(SAMPLE_BASE), max_length=MAX_LENGTH, layers=6, hidden=384, heads=12, intermediate=1536
        )
        model = initial_model.new_model(shape, training, tokenizer)
    _write(Path(base), model)
    return measure(base, folder, base)


def fit(base: str, folder: str, trained: str, precision: Any, epochs: str, seed: str) -> Run:
    """Pretrainer's work, on texts that are token ids already."""
    import keras

    from components.model.freezing import freeze
    from components.pretraining import initial_model, measuring
    from components.tokenization.tokenizer_files import read_tokenizer
    from components.training import loop

    training = settings(precision=precision, epochs=int(epochs), seed=int(seed))
    keras.utils.set_random_seed(training.seed)
    tokenizer = read_tokenizer(Path(base))
    model = initial_model.read_model(Path(base), training, tokenizer).model
    with tempfile.TemporaryDirectory() as scratch:
        train, dev = (rows(split, folder, tokenizer, training, Path(scratch)) for split in ("train", "dev"))
        freeze(model, training.as_training)
        history = loop.fit_part(
            measuring.trained_whole(model),
            [model],
            train,
            dev,
            training.as_training,
            measuring.PretrainingLoss(model.task),
            model.task.primary_metric,
            Path(scratch),
        )
    if history.best_step != history.steps:
        sys.exit(f"the best of {history.steps} steps was {history.best_step}: what is kept is not the last one's")
    _write(Path(trained), model)
    tokens = int(train.lengths.sum())
    later = history.epoch_seconds[1:] or history.epoch_seconds
    return {
        "steps": history.steps,
        "tokens_per_step": round(len(history.epoch_seconds) * tokens / history.steps),
        "tokens_per_second": round(tokens / median(later), 1),
        "with_tracing": round(tokens * len(history.epoch_seconds) / history.seconds, 1),
        "train_seconds": round(history.seconds, 1),
    }


def rows(split: str, folder: str, tokenizer: Tokenizer, training: Pretraining, scratch: Path) -> MaskedRows:
    """The examples of a split's texts: of as many documents of one sentence."""
    import tensorflow as tf

    from components.common import feature_names
    from components.pretraining import examples

    path = scratch / f"{split}.gz"
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for text in Path(folder, f"{split}.txt").read_text(encoding="utf-8").splitlines():
            example = tf.train.Example()
            example.features.feature[feature_names.SENTENCES].bytes_list.value.append(text.encode())
            writer.write(example.SerializeToString())
    size = len(tokenizer.tokens)
    return examples.examples(split, [str(path)], tokenizer, training, MAX_LENGTH, size, scratch).rows


def measure(base: str, folder: str, trained: str) -> Run:
    """The metrics of a checkpoint on dev, in float32, with the same tokens hidden each time."""
    from components.pretraining import initial_model, measuring, objectives
    from components.tokenization.tokenizer_files import read_tokenizer

    tokenizer, training = read_tokenizer(Path(base)), settings()
    model, lacking = initial_model.read_model(Path(trained), training, tokenizer)
    if lacking:
        sys.exit(f"{trained} lacks {', '.join(lacking)}")
    with tempfile.TemporaryDirectory() as scratch:
        return measuring.measure(model, objectives.task(False), rows("dev", folder, tokenizer, training, Path(scratch)))


def _write(directory: Path, model: Any) -> None:
    from components.export import pretrained_directory
    from components.pretrained import encoder_weights, head_weights

    encoder, heads = encoder_weights.stored(model.encoder), head_weights.stored(model.tokens, None)
    pretrained_directory.write(directory, encoder, heads, model.encoder.config, SAMPLE_BASE)


def report() -> None:
    """Prints what was measured."""
    print(f"{'':18}{'':8}{'tokens/s':>9}{'ours is':>9}{'with tracing':>14}{'loss':>8}{'ours over it':>14}")
    for part in itertools.chain(PARTS, (f"{part}-bfloat16" for part in PARTS)):
        found = kept("mlm", part)
        if not found:
            continue
        runs = found["runs"]
        mine, steps = runs["ours"], runs["ours"][0]["steps"]
        before = loss_of([found["before"]])
        print(f"{part}: {steps} steps of {found['batch']}, {len(mine)} rounds, loss before {before}")
        for who, of_one in runs.items():
            print(f"{'':18}{who:8}{middle(of_one, 'tokens_per_second'):>9.0f}", end="")
            if who == "ours":
                print(f"{'':23}{loss_of(of_one):>8}")
                continue
            traced = median(a["with_tracing"] / b["tokens_per_second"] for a, b in zip(mine, of_one, strict=True))
            print(f"{ratio(mine, of_one, 'tokens_per_second'):>7.2f} x{traced:>12.2f} x{loss_of(of_one):>8}", end="")
            print(f"{100 * (ratio(mine, of_one, 'mlm_loss') - 1):>+12.2f} %")


def loss_of(runs: list[Run]) -> str:
    """The median of the held-out losses."""
    return f"{middle(runs, 'mlm_loss'):.3f}"


if __name__ == "__main__":
    main()
