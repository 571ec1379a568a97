"""Every known kind of bad input and the one message it gets; docs/errors.md is this table in Markdown.

`make docs` writes it: python -m tests.pipeline.config.test_bad_inputs > docs/errors.md
"""

import fcntl
import gzip
import io
import json
import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from safetensors.numpy import load_file, save_file

import pipeline_runner
from components.distributed.cluster import EXAMPLE
from components.pretrained.tensor_bundle import Bundle
from components.serving import signing
from components.settings.serialization import dump
from components.tasks.classification import Classification
from pipeline.commands import predict
from pipeline.config.load import load_config
from tests.checkout import ROOT
from tests.google_form import as_google, write_bundle
from tests.pipeline.config.test_task_rows import BROKEN
from tests.toys import HEADED_RUN, SPECIAL, write_toy_checkpoint

TRAIN = "text\tlabel\ngood film\tgood\nbad film\tbad\n"

DEV = "text\tlabel\nthe film is good\tgood\nthe film is bad\tbad\n"

CONLLU = """\
# sent_id = 1
# text = Zum Film.
1-2\tZum\t_\t_\t_\t_\t_\t_\t_\t_
1\tZu\tzu\tADP\tAPPR\t_\t3\tcase\t_\t_
2\tdem\tder\tDET\tART\t_\t3\tdet\t_\t_
3\tFilm\tFilm\tNOUN\tNN\t_\t0\troot\t_\tSpaceAfter=No
3.1\tist\tsein\tAUX\tVAFIN\t_\t_\t_\t3:cop\t_
4\t.\t.\tPUNCT\t$.\t_\t3\tpunct\t_\t_

"""

CORPUS = "\n\n".join(f"The film is good {number}.\nIs it {number}?" for number in range(60)) + "\n"
"""Documents of two sentences, some of which are dealt to dev."""

SEGMENTS, HEAD = "embeddings.token_type_embeddings.weight", "cls.predictions.transform.dense.weight"

CORPUS_GATE = "[gate]\nmax = { unknown_share = 0.1 }"

CARD: dict[str, Any] = {
    "input": {"predict_text": ["text"], "text": ["text"], "header": True, "quoting": "none"},
    "task": {"name": "classification", "labels": ["bad", "good"]},
}

ERRORS = ROOT / "docs" / "errors.md"

CHECK = "check --config DIR/run.toml"

RUN = "run --config DIR/run.toml --root DIR/runs"

CONTAINER = """run-container -- --executor_class_path components.nodes.trainer --json_serialized_invocation_args '
{"inputs": {"parameterValues": {"base_model": "DIR/toy", "base_model_sha256": "{}"}}, "outputs": {}}'"""
"""Of a node that read another base model when the run began, or the spec was made."""

EXPORT = "export --runner kubeflow --config DIR/run.toml --output DIR/out"

KUBEFLOW = '[kubeflow]\nimage = "bert@sha256:0"\nroot = "s3://bucket/bert"\nfolder = "/mnt/toy"\n'

PREDICT = "predict --model DIR/pushed"

BULK = "bulk-predict --model DIR/pushed --output DIR/out --input"

FILL = "fill --model DIR/toy"

EXPORT_MODEL = "export-model DIR/pushed --output DIR/out --format"

READS: dict[str, Any] = {
    "tokenizer": {"settings": {}, "max_tokens": 16, "padding_id": 0},
    "model": {"max_length": 16, "pooling": "cls"},
    "encoder": {"vocab_size": 8, "hidden_size": 8, "num_attention_heads": 2},
}
"""What a card says of how the model reads texts."""

REVIEWED = "file\tline\tsplit\ttext\tlabel\tsuggested\tprobability\tcorrect"
"""The columns of a list of suspects."""

CORRECT = "correct-labels DIR/reviewed.tsv --output DIR/new --root DIR/runs"

PREDICT_FILE = f"{PREDICT} --input DIR/dev.tsv --output DIR/out.tsv"


class Box:
    """A directory in which all is well, and ways to spoil it."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory, self.monkeypatch = directory, monkeypatch
        self.forbidden: list[Path] = []
        self.held: list[Any] = []
        write_toy_checkpoint(directory / "toy")
        for name, content in {"run.toml": HEADED_RUN, "train.tsv": TRAIN, "dev.tsv": DEV}.items():
            self.write(name, content)
        self.write("pushed/1/saved_model.pb", b"")
        self.write("pushed/1/assets.extra/model.json", json.dumps(CARD))

    def write(self, name: str, content: str | bytes) -> Self:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def card(self, **more: Any) -> Self:
        """A version that says how it reads texts; `more` goes into `model`, `exported` into the card."""
        exported = {name: more.pop(name) for name in ("exported",) if name in more}
        card = {**CARD, **READS, "model": {**READS["model"], **more}, **exported}
        self.write("pushed/1/assets.extra/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n")
        return self.write("pushed/1/assets.extra/model.json", json.dumps(card))

    def labelled(self) -> Self:
        """A version that says where labels stood in training."""
        card = {**CARD, "input": {**CARD["input"], "label": "label"}}
        return self.write("pushed/1/assets.extra/model.json", json.dumps(card))

    def writes(self, row: str = "good\tnot bad") -> Self:
        """A run that learns to write, with a row of train."""
        self.toml('name = "toy"', 'name = "toy"\ntask = "generation"').toml(
            'labels = ["bad", "good"]', "target_length = 4"
        )
        self.toml("accuracy", "token_accuracy")
        self.write("train.tsv", f"source\ttarget\n{row}\nbad film\tgood\n")
        return self.write("dev.tsv", "source\ttarget\nthe film\tgood\nis bad\tbad\n")

    def delete(self, name: str) -> Self:
        (self.directory / name).unlink()
        return self

    def pipe(self, name: str) -> Self:
        os.mkfifo(self.directory / name)
        return self

    def rename(self, name: str, other: str) -> Self:
        (self.directory / name).rename(self.directory / other)
        return self

    def copy(self, name: str, other: str) -> Self:
        return self.write(other, (self.directory / name).read_bytes())

    def damage(self, name: str) -> Self:
        """Changes one bit, the lowest of a number."""
        content = bytearray((self.directory / name).read_bytes())
        content[0] ^= 1
        return self.write(name, bytes(content))

    def cut(self, name: str, size: int) -> Self:
        return self.write(name, (self.directory / name).read_bytes()[:-size])

    def change(self, name: str, old: str, new: str) -> Self:
        content = (self.directory / name).read_text()
        assert content.count(old) == 1, (old, content)
        return self.write(name, content.replace(old, new))

    def toml(self, old: str, new: str) -> Self:
        return self.change("run.toml", old, new)

    def one_file(self) -> Self:
        """Has the rows of train.tsv be dealt to the splits, by the column `author`."""
        return self.toml('train = "train.tsv"\ndev = "dev.tsv"', 'files = "train.tsv"\ngroup = "author"')

    def sentences(self, content: str, more: str = "", task: str = "tagging") -> Self:
        """Has sentences with a tag for each word in both files."""
        self.toml('name = "toy"', f'name = "toy"\ntask = "{task}"').toml('labels = ["bad", "good"]\n', more)
        self.toml("accuracy", "f1" if task == "tagging" else "token_accuracy")
        return self.write("train.tsv", content).write("dev.tsv", content)

    def answering(self, start: str = "4", data: str = "", model: str = "max_length = 16", training: str = "") -> Self:
        """A run that answers questions, with more lines in its tables."""
        header = "question\tcontext\tanswer\tstart"
        for name in ("train.tsv", "dev.tsv"):
            self.write(name, f"{header}\nis it\tthe film is good\tfilm\t{start}\nis it\tthe film is bad\t\t\n")
        lines = ['name = "toy"', 'task = "answering"', "[data]", 'train = "train.tsv"', 'dev = "dev.tsv"', data]
        lines += ["[model]", 'base = "toy"', model, "[training]", training, "[gate]", "min = { f1 = 0.5 }", ""]
        return self.write("run.toml", "\n".join(lines))

    def corpus(
        self, corpus: str = "", vocabulary: str = "", content: str | bytes = CORPUS, gate: str = CORPUS_GATE
    ) -> Self:
        """Has a run learn a vocabulary of corpus.txt."""
        tables = f'[corpus]\nfiles = "corpus.txt"\n{corpus}\n[vocabulary]\nsize = 100\n{vocabulary}\n{gate}\n'
        return self.write("run.toml", f'name = "toy"\nkind = "vocabulary"\n{tables}').write("corpus.txt", content)

    def pretraining(
        self, model: str = 'base = "toy"', training: str = "", gate: str = "max = { mlm_loss = 5.0 }", corpus: str = ""
    ) -> Self:
        """Has a run pre-train on corpus.txt."""
        top = f'name = "toy"\nkind = "pretraining"\n[corpus]\nfiles = "corpus.txt"\n{corpus}\n'
        tables = f"[model]\nmax_length = 32\n{model}\n[training]\n{training}\n[gate]\n{gate}\n"
        return self.write("run.toml", top + tables).write("corpus.txt", CORPUS)

    def kubeflow(self, more: str = "") -> Self:
        """Adds a table [kubeflow], which begins in line 18."""
        return self.write("run.toml", HEADED_RUN + "\n" + KUBEFLOW + more)

    def row(self, row: str | bytes) -> Self:
        """Puts a row between the header and the rows of train.tsv: it becomes line 2."""
        head, _, rest = TRAIN.encode().partition(b"\n")
        return self.write("train.tsv", b"\n".join([head, row.encode() if isinstance(row, str) else row, rest]))

    def model_config(self, **changes: object) -> Self:
        values = json.loads((self.directory / "toy/config.json").read_text())
        return self.write("toy/config.json", json.dumps(values | changes))

    def tokenizer_json(self, **changes: object) -> Self:
        """Adds a tokenizer.json of BERT's kind, with other values for some of its keys."""
        parts = {"normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"}}
        return self.write("toy/tokenizer.json", json.dumps(parts | changes))

    def tensors(self, change: Callable[[dict[str, np.ndarray]], object]) -> Self:
        path = self.directory / "toy/model.safetensors"
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path)
        return self

    def google(self, **changes: object) -> Self:
        """Has the toy in Google's form, with other values for some keys of its bert_config.json."""
        toy = write_toy_checkpoint(self.directory / "toy", heads_of_pretraining=True)
        as_google(toy)
        values = json.loads((toy / "bert_config.json").read_text())
        return self.write("toy/bert_config.json", json.dumps(values | changes))

    def google_tensors(self, change: Callable[[dict[str, np.ndarray]], object]) -> Self:
        self.google()
        bundle = Bundle(self.directory / "toy/bert_model.ckpt")
        tensors = {name: bundle.read(name) for name in bundle.names}
        change(tensors)
        write_bundle(self.directory / "toy/bert_model.ckpt", tensors)
        return self

    def archive(self, kind: str) -> Self:
        """Has the toy packed in one file."""
        shutil.make_archive(str(self.directory / "uncased"), kind, self.directory / "toy")
        return self

    def with_heads(self) -> Self:
        write_toy_checkpoint(self.directory / "toy", heads_of_pretraining=True)
        return self

    def forbid(self, name: str) -> Self:
        """Refuses the file, or in a directory all that is in it. Root may do anything, so the disk is imitated."""
        self.forbidden.append(self.directory / name)
        return self

    def enforce(self) -> None:
        """Makes the forbidden forbidden."""
        forbidden = set(self.forbidden)
        for method in ("open", "mkdir"):
            original = getattr(Path, method)

            def refuse(self: Path, *args: Any, original: Any = original, **options: Any) -> Any:
                if forbidden & {self, *self.parents}:
                    raise PermissionError(13, "Permission denied")
                return original(self, *args, **options)

            self.monkeypatch.setattr(Path, method, refuse)

    def lock(self, name: str = "runs/toy/lock") -> Self:
        """Has another run, or whatever locks the file, in the place."""
        self.write(name, "process 4711 since 2026-01-02T03:04:05+00:00")
        self.held.append((self.directory / name).open("a+"))
        fcntl.flock(self.held[-1], fcntl.LOCK_EX)
        return self

    def ended_run(self, result: dict[str, object] | None = None) -> Self:
        """A run in runs/ whose model is pushed/1, as far as it is looked at before TensorFlow is imported."""
        run = "runs/toy/runs/20260102-030405"
        ended = {"model": str(self.directory / "pushed/1"), "weights_sha256": "0" * 64, "machine": {}}
        record = {
            "id": "20260102-030405",
            "name": "toy",
            "config": "",
            "directory": "",
            "started": "",
            "state": "pushed",
        }
        config = json.loads(dump(load_config(self.directory / "run.toml")))
        files = [(split, path) for split in ("train", "dev") for path in config["data"][split]]
        data = [{"split": split, "path": path, "sha256": "0" * 64, "bytes": 0} for split, path in files]
        stood_on = {
            **{"name": "toy", "run": "20260102-030405", "started": "", "config": config},
            **{"checkout": "", "data": data, "base_model": {}, "code": {}, "lock": None, "libraries": {}},
            **{"machine": {}, "result": ended if result is None else (result and ended | result)},
        }
        return self.write(f"{run}/run.json", json.dumps(record)).write(f"{run}/manifest.json", json.dumps(stood_on))

    def reviewed(self, *rows: str, header: str = REVIEWED) -> Self:
        """A run, and a list of its suspects that somebody has reviewed."""
        return self.ended_run().write("reviewed.tsv", "".join(f"{line}\n" for line in (header, *rows)))

    def cluster(self, config: str) -> Self:
        """Has TF_CONFIG set, and the run asks for it."""
        self.monkeypatch.setenv("TF_CONFIG", config)
        return self.toml("epochs = 1", 'epochs = 1\ndevices = "multiworker"')

    def signed(self, tool: str | None = None) -> Self:
        """Asks for a signature; the key is there, the tool is not unless it is given."""
        self.monkeypatch.setattr(signing, "ROOT", self.directory)
        self.monkeypatch.setattr(shutil, "which", lambda _: tool)
        form = (
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(*form)
        self.write("models.pem", key).write("models.pub", "-----BEGIN PUBLIC KEY-----")
        return self.toml("[gate]", '[push]\nsign_key = "models.pem"\n[gate]')

    def stdin(self, content: bytes) -> Self:
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))

        class Echo:
            task = Classification(("bad", "good"))
            text_names = ("text",)

            def predict(self, rows: Any) -> Any:
                return ({"label": "good", "probabilities": {"bad": 0.25, "good": 0.75}} for _ in list(rows))

        self.monkeypatch.setattr(predict, "_load", lambda model: Echo())
        return self


@dataclass(frozen=True, slots=True)
class Case:
    what: str
    spoil: Callable[[Box], Box]
    message: str
    """After `error: `; DIR is the directory the files are in."""
    command: str = CHECK


def nothing(box: Box) -> Box:
    """The command line alone is wrong."""
    return box


# fmt: off
CASES: dict[str, list[Case]] = {
    "The command line": [
        Case("a mistyped command", nothing,
             "pipeline_runner.py: there is no command 'chekc'. Did you mean check? `pipeline_runner.py --help` lists "
             "what there is.",
             "chekc --config DIR/run.toml"),
        Case("a mistyped option", nothing,
             "--confg: `pipeline_runner.py check` has no such option. Did you mean --config? `pipeline_runner.py check "
             "--help` lists what there is.",
             "check --confg DIR/run.toml"),
        Case("a mistyped value", nothing,
             "--runner: got 'airflw', expected airflow or kubeflow. Did you mean airflow? `pipeline_runner.py export "
             "--help` lists what there is.",
             "export --runner airflw --config DIR/run.toml --output DIR/out"),
        Case("an unknown shell", nothing,
             "SHELL: got 'tcsh', expected bash or zsh or fish. `pipeline_runner.py completion --help` lists what there "
             "is.",
             "completion tcsh"),
        Case("a missing option", nothing,
             "pipeline_runner.py check: the following arguments are required: --config. `pipeline_runner.py check "
             "--help` lists what there is.",
             "check"),
        Case("a word too much", nothing,
             "pipeline_runner.py check: got 'DIR/other.toml', which belongs to no option. `pipeline_runner.py check "
             "--help` lists what there is.",
             "check --config DIR/run.toml DIR/other.toml"),
        Case("a column for texts that are in none", nothing,
             "--column: goes with --input: other texts are in no columns. Leave it out.",
             f"{PREDICT} --column text 'a good film'"),
        Case("a header above texts that have none", nothing,
             "--no-header: goes with --input: other texts are in no columns. Leave it out.",
             f"{PREDICT} --no-header 'a good film'"),
        Case("pooling for a pushed model", nothing,
             "--pooling: is for a base model, and DIR/pushed is a pushed one, which has its own from training. Leave "
             "it out.",
             "embed --model DIR/pushed --input DIR/dev.tsv --output DIR/out.npy --pooling cls"),
        Case("a length for a pushed model", nothing,
             "--max-length: is for a base model, and DIR/pushed is a pushed one, which has its own from training. "
             "Leave it out.",
             "match --model DIR/pushed --queries DIR/dev.tsv --corpus DIR/dev.tsv --max-length 8"),
        Case("a root for Kubeflow", lambda box: box.kubeflow(),
             "--root: is for Airflow: Kubeflow keeps runs where [kubeflow] root says. Leave it out.",
             f"{EXPORT} --root DIR/runs"),
        Case("a list of manifests", nothing,
             "--all: lists runs, and --manifest prints the one of a run. Leave one of them out.",
             "show --all --manifest --root DIR/runs"),
        Case("settings that JSON has anyway", nothing,
             "--all: with --json all settings are printed anyway. Leave it out.", f"{CHECK} --all --json"),
        Case("an explanation of two runs beside each other", nothing,
             "--explain: goes with the page of one run. Leave out --compare, or --explain.",
             "report 20260102-030405 --compare 20260102-030406 --explain"),
        Case("a schema for a run without one", lambda box: box.ended_run().write("s.pbtxt", ""),
             "--schema: the run 20260102-030405 had no schema_file, which this would be in place of. Leave it out.",
             "reproduce 20260102-030405 --root DIR/runs --schema DIR/s.pbtxt"),
    ],
    "The config": [
        Case("no such file", nothing,
             "DIR/rum.toml: no such file. Did you mean DIR/run.toml? Correct the path.",
             "check --config DIR/rum.toml"),
        Case("a directory", nothing,
             "DIR: cannot be read (Is a directory). Give a TOML file you may read.", "check --config DIR"),
        Case("not UTF-8", lambda box: box.write("run.toml", b'name = "toy"\n# caf\xe9\n'),
             "DIR/run.toml:2: not UTF-8, got the byte 0xe9. Convert the file to UTF-8."),
        Case("not TOML", lambda box: box.toml('"toy"\n\n', "toy\n\n"),
             "DIR/run.toml:1: not valid TOML (Invalid value, column 8). Correct the line: strings need quotes, "
             "lists brackets."),
        Case("TOML that ends too early", lambda box: box.toml("0.5 }\n", "0.5\n"),
             "DIR/run.toml:16: not valid TOML (Unclosed inline table, column 23). Correct the line: strings need "
             "quotes, lists brackets."),
        Case("lists within lists", lambda box: box.toml("epochs = 1", f"epochs = {'[' * 100_000}{']' * 100_000}"),
             "DIR/run.toml:13: lists or tables are nested too deeply, no setting has more than one in another. Correct "
             "the line."),
        Case("tables within tables", lambda box: box.toml("epochs = 1", f"epochs = {'{a=' * 100_000}1{'}' * 100_000}"),
             "DIR/run.toml:13: lists or tables are nested too deeply, no setting has more than one in another. Correct "
             "the line."),
        Case("a key without an end", lambda box: box.toml("epochs = 1", f"{'a.' * 100_000}a = 1"),
             "DIR/run.toml:13: a key of more than 100 names with dots between them. Correct the key: it has a table "
             "and a name."),
        Case("a number of 5,000 digits", lambda box: box.toml("epochs = 1", f"epochs = {'9' * 5000}"),
             "DIR/run.toml:13: not valid TOML (a number of thousands of digits). Correct the number."),
        Case("a number of 30 digits", lambda box: box.toml("epochs = 1", f"epochs = {'9' * 30}"),
             f"DIR/run.toml:13: `training.epochs` is {'9' * 30}, it should be at most 1,000,000. Correct it, or leave "
             "it out."),
        Case("a pipe", lambda box: box.delete("run.toml").pipe("run.toml"),
             "DIR/run.toml: a pipe or a device, not a file. Write the config to a file, and name that."),
        Case("a file that is too large", lambda box: box.write("run.toml", b"#" * (1 << 20) + b"#"),
             "DIR/run.toml: more than 1,048,576 bytes, which no config has. Give the run's TOML file."),
        Case("a path with a null character",
             lambda box: box.toml("[gate]", '[push]\ndestination = "models\\u0000"\n[gate]'),
             'DIR/run.toml:16: `push.destination` is "models\\u0000", it should be a path, without a null character. '
             "Correct it, or leave it out."),
        Case("an unknown key", lambda box: box.toml("epochs", "epoch"),
             "DIR/run.toml:13: unknown key `training.epoch`. Did you mean `epochs`? Known here: strategy, "
             "unfreeze_epochs, freeze_layers, init_from, learning_rate, layer_decay, batch_size, micro_batch, epochs, "
             "steps, warmup, weight_decay, clip_norm, dropout, precision, label_smoothing, class_weights, "
             "evaluations_per_epoch, metric, early_stopping, checkpoint_minutes, checkpoint_steps, devices, "
             "worker_minutes, seed."),
        Case("an unknown table", lambda box: box.toml("[training]", "[trainig]"),
             "DIR/run.toml:12: unknown key `trainig`. Did you mean `training`? Known here: name, kind, task, data, "
             "validation, drift, model, training, calibration, serving, gate, push, notify, tracking, schedule, beam, "
             "kubeflow."),
        Case("a key of another table", lambda box: box.toml("max_length = 16", "batch_size = 16"),
             "DIR/run.toml:10: unknown key `model.batch_size`. Did you mean `training.batch_size`? Known here: base, "
             "max_length, long_texts, window_overlap, max_windows, control_tokens, pooling, threshold, null_threshold, "
             "longest_answer, generation."),
        Case("several mistakes, with keys that are called so by other tools", lambda box: box.toml(
                 "epochs = 1", "num_train_epochs = 1\nlr = 5e-5\nbatch_size = 0"),
             "DIR/run.toml: 3 mistakes.\n"
             "DIR/run.toml:13: unknown key `training.num_train_epochs`. Did you mean `epochs`?\n"
             "DIR/run.toml:14: unknown key `training.lr`. Did you mean `learning_rate`?\n"
             "DIR/run.toml:15: `training.batch_size` is 0, it should be at least 1. Correct it, or leave it out "
             "for the default, 32."),
        Case("a time zone that is none",
             lambda box: box.toml("[training]", '[schedule]\ntimezone = "Europe/Berln"\n\n[training]'),
             'DIR/run.toml:13: `schedule.timezone` is "Europe/Berln", which is no time zone. Did you mean '
             '"Europe/Berlin"? Give a name such as Europe/Berlin.'),
        Case("a command with an open quote",
             lambda box: box.toml("[training]", '[notify]\ncommand = "tell \'me"\n\n[training]'),
             'DIR/run.toml:13: `notify.command` is "tell \'me", whose words cannot be told apart (No closing '
             "quotation). Close the quote, or give a list of words."),
        Case("a folder to log runs to",
             lambda box: box.toml("[training]", '[tracking]\nmlflow = "mlruns"\n\n[training]'),
             'DIR/run.toml:13: `tracking.mlflow` is "mlruns", which names neither a server nor an SQLite file. Write '
             'it as "http://HOST:PORT", "https://HOST" or "sqlite:///FILE"; other databases have a server before '
             "them."),
        Case("a server that is none",
             lambda box: box.toml("[training]", '[tracking]\nmlflow = "http://:5000"\n\n[training]'),
             'DIR/run.toml:13: `tracking.mlflow` is "http://:5000", which names no host. Write it '
             'as "http://HOST:PORT", "https://HOST" or "sqlite:///FILE"; other databases have a server before them.'),
        Case("a password in an address",
             lambda box: box.toml("[training]", '[tracking]\nmlflow = "https://me:se/cret@host"\n\n[training]'),
             "DIR/run.toml:13: `tracking.mlflow` has a name or password in it (an @), which would be kept with each "
             "run. Take it out, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD where the run starts."),
        Case("an unknown split", lambda box: box.toml('dev = "dev.tsv"', 'valid = "dev.tsv"'),
             "DIR/run.toml:5: unknown key `data.valid`. Did you mean `dev`? Known here: train, dev, test, files, "
             "split, held_back, group, window, spans, header, columns, quoting, separator, format, comments, text, "
             "label, start, scheme, allow_no_label, labels, range, most_words, target_length, long_targets, slices, "
             "max_slice_values, slice_values, on_bad_row, max_bad_share."),
        Case("a missing table", lambda box: box.toml('[model]\nbase = "toy"\nmax_length = 16\n', ""),
             "DIR/run.toml: `model` is missing. Add it; pipeline/configs/movie_reviews.toml shows how."),
        Case("a missing key", lambda box: box.toml('base = "toy"\n', ""),
             "DIR/run.toml:8: `model.base` is missing. Add it; pipeline/configs/movie_reviews.toml shows how."),
        Case("a split without files", lambda box: box.toml('dev = "dev.tsv"\n', ""),
             "DIR/run.toml:4: `data.dev` is missing. Give files for train and dev, test may be absent; or `files` "
             "to deal rows to the splits by a hash."),
        Case("a string for a number", lambda box: box.toml("epochs = 1", 'epochs = "1"'),
             'DIR/run.toml:13: `training.epochs` is "1", it should be an integer. Correct it, or leave it out.'),
        Case("a string for a truth value", lambda box: box.toml("[model]", 'header = "no"\n[model]'),
             'DIR/run.toml:8: `data.header` is "no", it should be true or false. Correct it, or leave it out for '
             "the default, true."),
        Case("a word that is not among the choices", lambda box: box.toml("epochs", 'strategy = "frozen"\nepochs'),
             'DIR/run.toml:13: `training.strategy` is "frozen", it should be "full", "freeze_layers", "head" or '
             '"gradual". Correct it, or leave it out for the default, "full".'),
        Case("a number out of its range", lambda box: box.toml("epochs = 1", "learning_rate = 5"),
             "DIR/run.toml:13: `training.learning_rate` is 5, it should be less than 1. Correct it, or leave it "
             "out for the default, 5e-05."),
        Case("a name that cannot be a directory", lambda box: box.toml('name = "toy"', 'name = "my toy"'),
             'DIR/run.toml:1: `name` is "my toy", it should be 1 to 63 letters, digits, _ and -, the first a '
             "letter or a digit. Correct it."),
        Case("both files and splits", lambda box: box.toml("train = ", 'files = "all.tsv"\ntrain = '),
             "DIR/run.toml:4: `data.files` is given and so is a file per split (train, dev). Keep `files` to have "
             "its rows dealt to the splits by a hash, or else a file per split."),
        Case("shares of splits that have files",
             lambda box: box.toml("[model]", "split = { train = 8, dev = 2 }\n[model]"),
             "DIR/run.toml:8: `data.split` is given without `data.files`, whose rows it deals to the splits. "
             "Delete it, or give `files` instead of a file per split."),
        Case("a group of rows whose splits have files", lambda box: box.toml("[model]", 'group = "author"\n[model]'),
             'DIR/run.toml:8: `data.group` is "author", but without `data.files` no rows are dealt to the splits. '
             "Delete it, or give `files` instead of a file per split."),
        Case("a share of an unknown split", lambda box: box.toml("[model]", "split = { trian = 8, dev = 2 }\n[model]"),
             "DIR/run.toml:8: unknown key `data.split.trian`. Did you mean `train`? Known here: train, dev, test."),
        Case("an unknown task", lambda box: box.toml('name = "toy"', 'name = "toy"\ntask = "pairs"'),
             'DIR/run.toml:2: `task` is "pairs", there is none of this name. Did you mean \'pair\'? Known: '
             "classification, multilabel, pair, similarity, regression, tagging, word_tags, embedding, answering, "
             "generation; a "
             "task of your own needs its package installed."),
        Case("a table for the task", lambda box: box.toml("[gate]", '[task]\ntype = "pair"\n\n[gate]'),
             'DIR/run.toml:15: `task` is {"type": "pair"}, a name is expected. Give it above the first table: task = '
             '"classification", or another of classification, multilabel, pair, similarity, regression, tagging, '
             "word_tags, embedding, answering, generation."),
        Case("a task with two texts and one column", lambda box: box.toml('name = "toy"', 'task = "pair"\nname = "toy"')
             .toml("[model]", 'text = "text"\n[model]'),
             'DIR/run.toml:9: `data.text` is ["text"], the task pair reads 2 of them. Give 2, say text = ["text_a", '
             '"text_b"].'),
        Case("a scheme of tags for classes", lambda box: box.toml("[model]", 'scheme = "iob1"\n[model]'),
             'DIR/run.toml:8: `data.scheme` is "iob1", but the rows of classification have no tags of entities. Delete '
             'it, or set task = "tagging".'),
        Case("rows without a class", lambda box: box.toml("[model]", "allow_no_label = true\n[model]"),
             "DIR/run.toml:8: `data.allow_no_label` is true, but a row of classification needs its label. Delete it, "
             'or set task = "multilabel".'),
        Case("places of answers for classes", lambda box: box.toml("[model]", 'start = "start"\n[model]'),
             'DIR/run.toml:8: `data.start` is "start", but the labels of classification are no parts of a text. Delete '
             'it, or set task = "answering".'),
        Case("rows without an answer, stated", lambda box: box.answering(data="allow_no_label = true"),
             "DIR/run.toml:6: `data.allow_no_label` is true, but a row of answering may have no label without it. "
             'Delete it, or set task = "multilabel".'),
        Case("names of answers", lambda box: box.answering(data='labels = ["yes", "no"]'),
             'DIR/run.toml:6: `data.labels` is ["yes", "no"], but the labels of answering are parts of texts. Delete '
             "it."),
        Case("a range of answers", lambda box: box.answering(data="range = [0, 5]"),
             "DIR/run.toml:6: `data.range` is [0.0, 5.0]. Delete it: answering has parts of texts."),
        Case("the column of the answers for their places too", lambda box: box.answering(data='start = "answer"'),
             'DIR/run.toml:6: a column can be used once, `data.text`, `label` and `slices` are ["question", "context", '
             '"answer", "answer"]. Give each another column.'),
        Case("places of answers in no column", lambda box: box.answering(data='start = "begin"'),
             "DIR/train.tsv:1: data.start is 'begin', the header has 'question', 'context', 'answer', 'start'. Correct "
             "data.start, or if line 1 is a row, set data.header = false and give the columns as numbers."),
        Case("an answer at another place", lambda box: box.answering("2", data='start = "start"'),
             "DIR/train.tsv:2: the answer 'film' is not at 2 in its context, 'e fi' is. It stands at 4: count "
             "characters from 0, not bytes."),
        Case("smoothed places of answers", lambda box: box.answering(training="label_smoothing = 0.1"),
             "DIR/run.toml:11: `training.label_smoothing` is given, but the labels of answering are places in a text. "
             "Delete it."),
        Case("no room for a question", lambda box: box.answering(model="max_length = 7"),
             "DIR/run.toml:9: `model.max_length` is 7, a question and a context need more. Give at least 8."),
        Case("a threshold of no answer for classes", lambda box: box.toml(
             "max_length", "null_threshold = 1.5\nmax_length"),
             "DIR/run.toml:10: `model.null_threshold` is 1.5, but classification finds no answers in a text. Delete "
             'it, or set task = "answering".'),
        Case("comments in rows", lambda box: box.toml("[model]", 'comments = "#"\n[model]'),
             'DIR/run.toml:8: `data.comments` is "#", but `data.format` is "tsv". Delete it, or set format = "conll".'),
        Case("an unknown separator", lambda box: box.toml("[model]", 'separator = " "\n[model]'),
             'DIR/run.toml:8: `data.separator` is " ", it should be "\\t", ",", ";" or "|". Correct it, or leave it '
             'out for the default, "\\t".'),
        Case("sentences of a classifier", lambda box: box.toml("[model]", 'format = "conll"\n[model]'),
             'DIR/run.toml:8: `data.format` is "conll", a token a line, but the rows of classification are texts. Set '
             'format = "tsv", or task = "tagging" or "word_tags".'),
        Case("slices of sentences",
             lambda box: box.sentences(TRAIN, 'format = "conll"\nslices = [3]\n'),
             'DIR/run.toml:8: `data.format` is "conll", a token a line, which has no `data.slices`. Delete it.'),
        Case("a range for names", lambda box: box.toml("[model]", "range = [0, 5]\n[model]"),
             "DIR/run.toml:8: `data.range` is [0.0, 5.0]. Delete it: classification has names."),
        Case("windows for two texts", lambda box: box.toml('name = "toy"', 'name = "toy"\ntask = "pair"')
             .toml("max_length", 'long_texts = "window"\nmax_length'),
             'DIR/run.toml:11: `model.long_texts` is "window", which is for one text, and pair reads two. Delete it: '
             "long texts are truncated."),
        Case("a misspelt task", lambda box: box.toml('name = "toy"', 'name = "toy"\ntsak = "pair"'),
             "DIR/run.toml:2: unknown key `tsak`. Did you mean `task`? Known here: name, kind, task, data, validation, "
             "drift, model, training, calibration, serving, gate, push, notify, tracking, schedule, beam, kubeflow."),
        Case("two tasks", lambda box: box.toml('name = "toy"', 'name = "toy"\ntask = "pair"')
             .toml("[model]", 'task = "pair"\n[model]'),
             "DIR/run.toml:9: `task` stands at the top and in [data] too. Delete the one in [data]."),
        Case("a threshold for classes", lambda box: box.toml("max_length", "threshold = 0.3\nmax_length"),
             "DIR/run.toml:10: `model.threshold` is 0.3, but classification has no scores to hold against it. Delete "
             "it."),
        Case("abstaining without the error that is allowed", lambda box: box.toml("[gate]", "[calibration]\n"
             "abstain = { min_coverage = 0.5 }\n[gate]"),
             "DIR/run.toml:16: `calibration.abstain` has no `error` between 0 and 1. Give the share of wrong answers "
             "that is allowed: error = 0.05."),
        Case("abstaining, certain of it", lambda box: box.toml("[gate]", "[calibration]\n"
             "abstain = { error = 0.1, confidence = 1.0 }\n[gate]"),
             "DIR/run.toml:16: the `confidence` of `calibration.abstain` is 1, expected one between 0 and 1. Give "
             "one, say 0.99."),
        Case("abstaining without calibration", lambda box: box.toml("[gate]", "[calibration]\n"
             "enabled = false\nabstain = { error = 0.05 }\n[gate]"),
             "DIR/run.toml:17: `calibration.abstain` is given, but `calibration.enabled` is false. Delete one of "
             "them."),
        Case("abstaining from several labels", lambda box: box.toml('name = "toy"', 'name = "toy"\ntask = "multilabel"')
             .toml("[gate]", "[calibration]\nabstain = { error = 0.05 }\n[gate]"),
             "DIR/run.toml:17: `calibration.abstain` is given, but multilabel has no one class a row to be sure of. "
             "Delete it."),
        Case("an overlap without windows", lambda box: box.toml("max_length", "window_overlap = 4\nmax_length"),
             'DIR/run.toml:10: `model.window_overlap` is 4, but `model.long_texts` is "truncate". Delete it, or set '
             'long_texts = "window".'),
        Case("a runner of Beam's that gives wrong results", lambda box: box.toml("[gate]", "[beam]\n"
             'preset = "portable"\narguments = ["--runner=DaskRunner"]\n[gate]'),
             'DIR/run.toml:17: `beam.arguments` names the runner "DaskRunner", which writes no examples, mixes up '
             "outputs and calls that success. Delete it; beam.preset names the runner."),
        Case("a port in the preset that opens none", lambda box: box.toml("[gate]", "[beam]\n"
             'arguments = "--direct_running_mode=multi_processing"\n[gate]'),
             'DIR/run.toml:16: `beam.arguments` holds --direct_running_mode, but `beam.preset` is "local", which opens '
             'no port. Delete it, or set preset = "portable".'),
        Case("an address without a port", lambda box: box.toml("[gate]", '[beam]\npreset = "portable"\n'
             'workers = "localhost"\n[gate]'),
             'DIR/run.toml:17: `beam.workers` is "localhost", it should be HOST:PORT. Correct it, or leave it out.'),
        Case("a job service that is not there", lambda box: box.toml("[gate]", '[beam]\npreset = "portable"\n'
             'job_service = "127.0.0.1:1"\n[gate]'),
             "DIR/run.toml:17: no job service answers at 127.0.0.1:1 (Connection refused). Start one, on this machine "
             "with `make beam-service`, or correct beam.job_service."),
        Case("a job of Dataflow without a project", lambda box: box.toml("[gate]", '[beam]\npreset = "dataflow"\n'
             'arguments = ["--region=europe-west1", "--temp_location=gs://bucket/tmp"]\n[gate]'),
             'DIR/run.toml:16: `beam.preset` is "dataflow", but `beam.arguments` lacks --project, '
             "--sdk_container_image. Add them; docs/scaling.md shows how."),
        Case("an argument of Beam's that undoes the preset", lambda box: box.toml("[gate]", "[beam]\n"
             'preset = "portable"\narguments = ["--job_endpoint=jobs:8099"]\n[gate]'),
             'DIR/run.toml:17: `beam.arguments` holds --job_endpoint, which `beam.preset` "portable" sets. Delete it, '
             "and set beam.job_service."),
        Case("a column used twice", lambda box: box.toml("[model]", 'label = "text"\n[model]'),
             'DIR/run.toml:8: a column can be used once, `data.text`, `label` and `slices` are ["text", "text"]. '
             "Give each another column."),
        Case("column names without a header", lambda box: box.toml("[model]", "header = false\n[model]"),
             'DIR/run.toml:3: `data.text` is "text", but without a header there are no names. Number the columns '
             "from 1, say text = 1 and label = 2; or set header = true."),
        Case("a number of columns although there is a header", lambda box: box.toml("[model]", "columns = 2\n[model]"),
             "DIR/run.toml:8: `data.columns` is 2, but it is for files without a header. Delete it, the header "
             "tells the number itself; or set header = false."),
        Case("a label name given twice", lambda box: box.toml('["bad", "good"]', '["bad", "bad"]'),
             'DIR/run.toml:6: `data.labels` needs at least two names, each different, got ["bad", "bad"]. List the'
             ' classes, or set labels = "from train".'),
        Case("an empty label name", lambda box: box.toml('["bad", "good"]', '["bad", ""]'),
             'DIR/run.toml:6: `data.labels` holds "", a name cannot be empty. Correct the name.'),
        Case("a label name with a zero-width space", lambda box: box.toml('["bad", "good"]', '["bad", "go\u200bod"]'),
             "DIR/run.toml:6: `data.labels`: the label 'go\\u200bod' holds U+200B, which cannot be seen. Delete that "
             "character."),
        Case("a class's weight given twice", lambda box: box.toml(
             "epochs = 1", 'class_weights = { good = 2.0, "good " = 3.0 }'),
             'DIR/run.toml:13: "good" and "good " are the same label: spaces around it are no part of it. Delete one.'),
        Case("both epochs and steps", lambda box: box.toml("epochs = 1", "epochs = 1\nsteps = 9"),
             "DIR/run.toml:14: `training.epochs` is 1 and `training.steps` is 9, only one can be given. Delete the"
             " one or the other."),
        Case("freeze_layers without its strategy", lambda box: box.toml("epochs = 1", "freeze_layers = 1"),
             'DIR/run.toml:13: `training.freeze_layers` is 1, but `training.strategy` is "full". Set strategy = '
             '"freeze_layers", or delete freeze_layers.'),
        Case("the strategy without freeze_layers", lambda box: box.toml("epochs = 1", 'strategy = "freeze_layers"'),
             'DIR/run.toml:13: `training.strategy` is "freeze_layers", but `training.freeze_layers` is missing. '
             "Add freeze_layers = N, the number of layers to keep as they are."),
        Case("a class weight for no class", lambda box: box.toml("epochs = 1", "class_weights = { god = 2.0 }"),
             "DIR/run.toml:13: `training.class_weights` names 'god', the labels are bad, good. Did you mean "
             "'good'? Correct the name."),
        Case("weights where labels are numbers",
             lambda box: box.toml('name = "toy"', 'name = "toy"\ntask = "regression"')
             .toml('labels = ["bad", "good"]\n', "").toml("epochs = 1", 'class_weights = "balanced"'),
             "DIR/run.toml:13: `training.class_weights` is given, but the labels of regression have no names to weigh. "
             "Delete it."),
        Case("a micro-batch as large as the batch", lambda box: box.toml("epochs = 1", "micro_batch = 32"),
             "DIR/run.toml:13: `training.micro_batch` is 32, it should be less than `batch_size`, 32. Give a smaller "
             "number, or delete it: the batch goes through the model at once."),
        Case("a checkpoint by no metric", lambda box: box.toml("epochs = 1", 'metric = "macro-f1"'),
             "DIR/run.toml:13: `training.metric` is 'macro-f1', no metric of classification. Did you mean 'macro_f1'? "
             "Known: accuracy, macro_f1, auc, mcc, loss, precision/LABEL, recall/LABEL, f1/LABEL."),
        Case("a checkpoint by the metric of no class", lambda box: box.toml("epochs = 1", 'metric = "f1/god"'),
             "DIR/run.toml:13: `training.metric` is 'f1/god', the labels are bad, good. Did you mean 'good'? Correct "
             "the name."),
        Case("a floor on the side on which the metric is better", lambda box: box.toml(
            "min = { accuracy = 0.5 }", "min = { accuracy = 0.5 }\n[gate.slices]\nmin = { loss = 0.5 }"),
             "DIR/run.toml:15: gate.slices.min bounds loss, which is better when lower. Use gate.slices.max."),
        Case("a floor for slices that there are not", lambda box: box.toml(
            "min = { accuracy = 0.5 }", "min = { accuracy = 0.5 }\n[gate.slices]\nfeatures = [\"source\"]"),
             "DIR/run.toml:18: `gate.slices.features` names 'source', metrics are sliced by text_length. Correct it, "
             "or add the column to data.slices."),
        Case("a margin for a metric that the task has not", lambda box: box.toml(
            "min = { accuracy = 0.5 }", "min = { accuracy = 0.5 }\nno_worse = { f1 = 0.01 }"),
             "DIR/run.toml:15: gate.no_worse names the unknown metric 'f1'. Did you mean \"macro_f1\"? Known: "
             "accuracy, macro_f1, auc, mcc, loss, precision/LABEL, recall/LABEL, f1/LABEL."),
        Case("a second version to compare with, without a margin", lambda box: box.toml(
            "min = { accuracy = 0.5 }", 'min = { accuracy = 0.5 }\nanchor = "best"'),
             "DIR/run.toml:17: `gate.anchor` is given, `gate.anchor_no_worse` is not, and each needs the other. Add, "
             "say, anchor_no_worse = { accuracy = 0.02 }, or delete it."),
        Case("a confidence in percent", lambda box: box.toml(
            "min = { accuracy = 0.5 }", "min = { accuracy = 0.5 }\nconfidence = 95"),
             "DIR/run.toml:17: `gate.confidence` is 95, it should be at most 0.99. Correct it, or leave it out for "
             "the default, 0.95."),
        Case("a gate without a threshold", lambda box: box.toml("min = { accuracy = 0.5 }", ""),
             "DIR/run.toml:15: the gate has no absolute threshold. Add at least one, say `min = { accuracy = 0.8 "
             "}`: a gate without a bound would push any model."),
        Case("a threshold in percent", lambda box: box.toml("0.5", "50"),
             "DIR/run.toml:16: `gate.min.accuracy` is 50, it should be at most 1. Correct it."),
        Case("an unknown metric", lambda box: box.toml("accuracy", "acuracy"),
             "DIR/run.toml:15: gate.min names the unknown metric 'acuracy'. Did you mean \"accuracy\"? Known: "
             "accuracy, macro_f1, auc, mcc, loss, precision/LABEL, recall/LABEL, f1/LABEL."),
        Case("a metric that is written otherwise", lambda box: box.toml("{ accuracy", '{ "macro-f1"'),
             "DIR/run.toml:15: gate.min names the unknown metric 'macro-f1'. Did you mean \"macro_f1\"? Known: "
             "accuracy, macro_f1, auc, mcc, loss, precision/LABEL, recall/LABEL, f1/LABEL."),
        Case("a bound on the wrong side", lambda box: box.toml("min =", "max ="),
             "DIR/run.toml:15: gate.max bounds accuracy, which is better when higher. Use gate.min."),
        Case("a metric of an unknown label", lambda box: box.toml("{ accuracy", '{ "recall/god"'),
             "DIR/run.toml:15: gate.min names 'recall/god', the labels are bad, good. Did you mean \"recall/good\"? "
             "Correct the name."),
        Case("a metric of an unknown label, with labels from train",
             lambda box: box.toml('["bad", "good"]', '"from train"').toml("{ accuracy", '{ "f1/god"'),
             "DIR/run.toml:15: gate.min names 'f1/god', the labels are bad, good. Did you mean \"f1/good\"? Correct "
             "the name."),
        Case("no such schema file",
             lambda box: box.toml("[gate]", '[validation]\nschema_file = "schema.pbtxt"\n[gate]'),
             "DIR/run.toml:16: `validation.schema_file` is DIR/schema.pbtxt, no such file. Leave it out to have a "
             "schema inferred; a run keeps it under SchemaGen, to copy, review and use here."),
        Case("a schema file that is none",
             lambda box: box.write("schema.pbtxt", 'feature { nome: "text" }\n').toml(
                 "[gate]", '[validation]\nschema_file = "schema.pbtxt"\n[gate]'),
             "DIR/schema.pbtxt: not a schema in protobuf's text form (1:11 : Message type "
             '"tensorflow.metadata.v0.Feature" has no field named "nome".). Correct the line.'),
        Case("a window without spans", lambda box: box.toml("[model]", "window = 2\n[model]"),
             "DIR/run.toml:8: `data.window` is 2, but no path holds {SPAN}. Delete it, or give paths such as "
             "data/span-{SPAN}/train.tsv."),
        Case("spans without a pattern", lambda box: box.toml("[model]", "spans = [2]\n[model]"),
             "DIR/run.toml:8: `data.spans` is [2], but no path holds {SPAN}. Delete it, or give paths such as "
             "data/span-{SPAN}/train.tsv."),
        Case("spans of which none is whole", lambda box: box.toml('"train.tsv"', '"span-{SPAN}/train.tsv"'),
             "DIR/span-{SPAN}/train.tsv: no span is whole yet. Deliver a span to every path that holds "
             "{SPAN}, say span-1/train.tsv and span-1/dev.tsv."),
        Case("a span that is not there",
             lambda box: box.write("span-3/train.tsv", TRAIN).toml('"train.tsv"', '"span-{SPAN}/train.tsv"').toml(
                 "[model]", "spans = [2]\n[model]"),
             "DIR/span-{SPAN}/train.tsv: no span 2, there are 3. Correct data.spans, or deliver the span."),
        Case("a limit of drift that is no share", lambda box: box.toml("[gate]", "[drift]\nlabel = 20\n[gate]"),
             "DIR/run.toml:16: `drift.label` is 20, it should be at most 1. Correct it, or leave it out for "
             "the default, 0.2."),
        Case("a start from what was never pushed",
             lambda box: box.toml("epochs = 1", 'epochs = 1\ninit_from = "pushd"'),
             'DIR/run.toml:14: `training.init_from` is DIR/pushd, it should be "base", "pushed" or the '
             'directory of a version. Correct it; `versions` lists the pushed ones.'),
        Case("a start from a directory that is no version",
             lambda box: box.toml("epochs = 1", 'epochs = 1\ninit_from = "toy"'),
             'DIR/run.toml:14: `training.init_from` is DIR/toy, it should be "base", "pushed" or the '
             'directory of a version. Correct it; `versions` lists the pushed ones.'),
    ],
    "The data": [
        Case("no such file", lambda box: box.toml("train.tsv", "trian.tsv"),
             "DIR/trian.tsv: no such file. Did you mean DIR/train.tsv? Correct the path."),
        Case("no such file, and none of a similar name", lambda box: box.toml("train.tsv", "x"),
             "DIR/x: no such file. Correct the path; its directory is there."),
        Case("no such directory", lambda box: box.toml("train.tsv", "data/train.tsv"),
             "DIR/data/train.tsv: no such file. There is no directory DIR/data either: correct the path, or fetch "
             "a sample with `data NAME`."),
        Case("a glob that matches nothing", lambda box: box.toml("train.tsv", "train-*.tsv"),
             "DIR/train-*.tsv: no such file. Did you mean DIR/train.tsv? Correct the path."),
        Case("a directory", lambda box: box.toml("train.tsv", "toy"),
             "DIR/toy: a directory, not a file. Name its files, say DIR/toy/*.tsv."),
        Case("a file one may not read", lambda box: box.forbid("train.tsv"),
             "DIR/train.tsv: no permission to read it. Give yourself the right with chmod, or run as its owner."),
        Case("the same file twice", lambda box: box.toml("dev.tsv", "train.tsv"),
             "DIR/train.tsv: the same file is used in train and in dev. Name each file once."),
        Case("an empty file", lambda box: box.write("train.tsv", ""),
             "DIR/train.tsv:1: the file is empty, a header was expected. Give a file with a header and rows."),
        Case("a header without the column", lambda box: box.change("train.tsv", "text\t", "texts\t"),
             "DIR/train.tsv:1: data.text is 'text', the header has 'texts', 'label'. Did you mean 'texts'? Correct"
             " data.text, or if line 1 is a row, set data.header = false and give the columns as numbers."),
        Case("a header that is a row", lambda box: box.change("train.tsv", "text\tlabel\n", ""),
             "DIR/train.tsv:1: data.text is 'text', the header has 'good film', 'good'. Correct data.text, or if "
             "line 1 is a row, set data.header = false and give the columns as numbers."),
        Case("a header although there is none to be",
             lambda box: box.toml('labels = ["bad", "good"]', "header = false\ntext = 1\nlabel = 2"),
             "DIR/train.tsv:1: line 1 is read as a row, and no other row of train has its label, 'label'. It looks "
             "like a header: set data.header = true. If it is a row, put another one first."),
        Case("a header of dev alone",
             lambda box: box.toml('labels = ["bad", "good"]', "header = false\ntext = 1\nlabel = 2")
             .change("train.tsv", "text\tlabel\n", ""),
             "DIR/dev.tsv:1: the label is 'label', expected one of bad, good. Correct the row, or list it in "
             "data.labels; if the line is a header, set data.header = true, or delete it."),
        Case("a row in a header's place, below columns given as numbers",
             lambda box: box.toml("[model]", "text = 1\nlabel = 2\n[model]").change("train.tsv", "text\tlabel\n", ""),
             "DIR/train.tsv:1: line 1 is read as a header, but 'good', in the column of data.label, is what rows have "
             "there. Set data.header = false if it is a row; if it is none, give data.text and data.label as names."),
        Case("a header with the column twice", lambda box: box.change("train.tsv", "text\tlabel", "text\ttext"),
             "DIR/train.tsv:1: the header names 'text' twice. Rename one, or give data.text as a number."),
        Case("a column number beyond the header", lambda box: box.toml("[model]", "label = 3\n[model]"),
             "DIR/train.tsv:1: data.label is number 3, the header has 2 columns. Correct data.label, or if "
             "line 1 is a row, set data.header = false and give the columns as numbers."),
        Case("a name and a number of the same column", lambda box: box.toml("[model]", "label = 1\n[model]"),
             "DIR/train.tsv:1: data.text and data.label are both column 1, 'text'. Give each another column."),
        Case("a slice column whose name is taken",
             lambda box: box.toml("[model]", "slices = 3\n[model]").write("train.tsv", "text\tlabel\ttoken_ids\n"),
             "DIR/run.toml:8: `data.slices` names the column 'token_ids', a name the pipeline uses itself. Rename "
             "the column in the file's header."),
        Case("slice columns that differ between files",
             lambda box: box.toml("[model]", "slices = 3\n[model]").write("train.tsv", "text\tlabel\tsource\n")
                 .write("dev.tsv", "text\tlabel\torigin\n"),
             "DIR/dev.tsv: its slice columns are 'origin', those of DIR/train.tsv are 'source'. Give the columns "
             "the same names in every file."),
        Case("slice values of a column that is no slice",
             lambda box: box.toml("[model]", 'slices = "country"\nslice_values = { contry = ["DE"] }\n[model]'),
             'DIR/run.toml:9: `data.slice_values` names "contry", `data.slices` is ["country"]. Did you mean '
             "'country'? Add the column to `slices`."),
        Case("too few fields", lambda box: box.row("a film"),
             "DIR/train.tsv:2: expected 2 tab-separated fields, got 1. Correct the row; a tab seems to be missing."),
        Case("too many fields", lambda box: box.row("a\tfilm\tgood"),
             "DIR/train.tsv:2: expected 2 tab-separated fields, got 3. Correct the row; replace a tab that belongs"
             " to a text by a space."),
        Case("rows of three fields without a header, of which two are in use",
             lambda box: box.toml('labels = ["bad", "good"]', "header = false\ntext = 1\nlabel = 2")
             .write("train.tsv", "good film\tgood\t1\nbad film\tbad\t2\n"),
             "DIR/train.tsv:1: expected 2 tab-separated fields, got 3. Each row has 3 fields, without a header set "
             "data.columns = 3."),
        Case("quotes of CSV around the names of columns",
             lambda box: box.write("train.tsv", '"text"\t"label"\n"good film"\t"good"\n"bad film"\t"bad"\n'),
             "DIR/train.tsv:1: data.text is 'text', the header has '\"text\"', '\"label\"'. The file looks quoted as "
             'CSV is, say by pandas: set data.quoting = "csv".'),
        Case("a text quoted as CSV is, with a line break in it",
             lambda box: box.row('"a film,\nsaid ""good"""\tgood'),
             "DIR/train.tsv:2: expected 2 tab-separated fields, got 1. The file looks quoted as CSV is, say by pandas: "
             'set data.quoting = "csv".'),
        Case("a text quoted as CSV is, with a tab in it", lambda box: box.row('"a\tfilm"\tgood'),
             "DIR/train.tsv:2: expected 2 tab-separated fields, got 3. The file looks quoted as CSV is, say by pandas: "
             'set data.quoting = "csv".'),
        Case("a text quoted as CSV is, among many lines",
             lambda box: box.write("train.tsv", TRAIN + "a film\tgood\n" * 200 + '"a\tfilm"\tgood\n'),
             "DIR/train.tsv:204: expected 2 tab-separated fields, got 3. Correct the row; replace a tab that belongs "
             'to a text by a space; if the quotes are those of CSV, as pandas writes them, set data.quoting = "csv".'),
        Case("a label quoted as CSV is", lambda box: box.row('a film\t"good"'),
             "DIR/train.tsv:2: the label is '\"good\"', expected one of bad, good. Did you mean 'good'? Correct the "
             "row, or list it in data.labels; if the quotes are those of CSV, as pandas writes them, set "
             'data.quoting = "csv".'),
        Case("commas between fields", lambda box: box.write("train.tsv", TRAIN.replace("\t", ",")),
             "DIR/train.tsv:1: data.text is 'text', the header has 'text,label'. The fields look separated by commas: "
             'set data.separator = ",".'),
        Case("semicolons between fields, without a header",
             lambda box: box.toml('labels = ["bad", "good"]', "header = false\ntext = 1\nlabel = 2")
             .write("train.tsv", "good film, so\tgood;good\nbad film;bad\n".replace("\t", " ")),
             "DIR/train.tsv:1: expected 2 tab-separated fields, got 1. The fields look separated by semicolons: set "
             'data.separator = ";".'),
        Case("tabs where commas are said to be", lambda box: box.toml("[model]", 'separator = ","\n[model]'),
             "DIR/train.tsv:1: data.text is 'text', the header has 'text\\tlabel'. The fields look separated by tabs: "
             'set data.separator = "\\t".'),
        Case("a row of CSV with a comma too many",
             lambda box: box.toml("[model]", 'separator = ","\n[model]')
             .write("train.tsv", TRAIN.replace("\t", ",").replace("bad film", "a bad, bad film")),
             "DIR/train.tsv:3: expected 2 comma-separated fields, got 3. Correct the row; quote a text with a comma."),
        Case("a label whose only row was not dealt to train",
             lambda box: box.toml('train = "train.tsv"\ndev = "dev.tsv"', 'files = "train.tsv"')
             .toml('labels = ["bad", "good"]\n', "")
             .write("train.tsv", TRAIN + "".join(f"film {n}\tgood\n" for n in range(20)) + "film 20\trare\n"),
             "DIR/train.tsv:24: the label is 'rare', expected one of bad, good, the labels of the rows dealt to "
             "train; this one was dealt to test. Correct the row, add rows of its label, or give data.train and "
             "data.dev in place of data.files, with the row in train."),
        Case("sentences of CoNLL read as rows",
             lambda box: box.sentences("EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\nPeter NNP B-NP B-PER\n\n"),
             "DIR/train.tsv:1: data.text is 'tokens', the header has 'EU NNP B-NP B-ORG'. The file looks like CoNLL's, "
             'a token a line: set data.format = "conll" and data.label = 4, which holds tags.'),
        Case("sentences of CoNLL read as rows without a header",
             lambda box: box.sentences("EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\n", "header = false\ntext = 1\n"
             "label = 2\n"),
             "DIR/train.tsv:3: an empty line, expected 2 tab-separated fields. The file looks like CoNLL's, a token a "
             'line: set data.format = "conll".'),
        Case("sentences of CoNLL-U read as those of CoNLL",
             lambda box: box.sentences(CONLLU, 'format = "conll"\n'),
             "DIR/train.tsv:1: a line of 4 columns that begins with '# ', the next has 5. The file looks like "
             'CoNLL-U: set data.format = "conllu", and task = "word_tags" for its parts of speech.'),
        Case("CoNLL's tags in another column",
             lambda box: box.sentences("EU NNP B-ORG\nrejects VBZ O\n", 'format = "conll"\n'),
             "DIR/train.tsv:1: tag 1 is 'NNP', expected O, B-TYPE or I-TYPE. data.label is column 2, and column 3 "
             "holds tags of entities: set data.label = 3."),
        Case("CoNLL's tags in a column that is not there",
             lambda box: box.sentences("EU B-ORG\nrejects O\n", 'format = "conll"\nlabel = 4\n'),
             "DIR/train.tsv:1: its tokens have 2 columns, and number 4 is in use. data.label is column 4, and "
             "column 2 holds tags of entities: set data.label = 2."),
        Case("a column that CoNLL-U has not",
             lambda box: box.sentences(CONLLU, 'format = "conllu"\nlabel = 11\n', "word_tags"),
             "DIR/train.tsv:4: its tokens have 10 columns, and number 11 is in use. Correct data.text and data.label."),
        Case("a comment before a sentence of CoNLL",
             lambda box: box.sentences("# id 1\nEU B-ORG\nrejects O\n", 'format = "conll"\n'),
             "DIR/train.tsv:1: a line of 3 columns that begins with '# ', the next has 2. If it is a comment, set "
             'data.comments = "# ".'),
        Case("a comment of as many words as columns, before a sentence of CoNLL",
             lambda box: box.sentences("#id 1\nEU B-ORG\nrejects O\n", 'format = "conll"\n'),
             "DIR/train.tsv:1: tag 1 is '1', expected O, B-TYPE or I-TYPE. Correct it; if the line is a comment, "
             'set data.comments = "#".'),
        Case("a token of CoNLL with a space in it",
             lambda box: box.sentences("in O\nNew York B-LOC\n", 'format = "conll"\n'),
             "DIR/train.tsv:2: a token with 3 columns, the sentence began with 2. Give each token the same columns, "
             "and a line of its own; a space ends a column, so put another sign for one within a token, say _."),
        Case("tags of BIOES", lambda box: box.sentences("tokens\ttags\nin New York\tO B-LOC E-LOC\n"),
             "DIR/train.tsv:2: tag 3 is 'E-LOC', expected O, B-TYPE or I-TYPE. E- is of the scheme BIOES: set "
             'data.scheme = "bioes".'),
        Case("tags of BILOU", lambda box: box.sentences("tokens\ttags\nin Rome\tO U-LOC\n"),
             "DIR/train.tsv:2: tag 2 is 'U-LOC', expected O, B-TYPE or I-TYPE. U- is of the scheme BILOU: set "
             'data.scheme = "bioes", which reads BILOU too.'),
        Case("tags of IOB1", lambda box: box.sentences("tokens\ttags\nin New York\tO I-LOC I-LOC\n"),
             "DIR/train.tsv:2: tag 2 is 'I-LOC' after 'O', without its B-LOC. An entity begins with B-: make it "
             'B-LOC, or correct the tag before it; if entities begin with I-, as in IOB1, set data.scheme = "iob1".'),
        Case("an underscore for a hyphen", lambda box: box.sentences("tokens\ttags\nin Rome\tO B_LOC\n"),
             "DIR/train.tsv:2: tag 2 is 'B_LOC', expected O, B-TYPE or I-TYPE. Write B-LOC, with a hyphen."),
        Case("parts of speech", lambda box: box.sentences("tokens\ttags\nin Rome\tADP PROPN\n"),
             "DIR/train.tsv:2: tag 1 is 'ADP', expected O, B-TYPE or I-TYPE. Correct it; if each tag is a class of "
             'its own, as parts of speech are, set task = "word_tags".'),
        Case("a part of speech that train has not",
             lambda box: box.sentences("tokens\ttags\nin Rome\tADP PROPN\n", task="word_tags")
             .write("dev.tsv", "tokens\ttags\nto go\tPART VERB\n"),
             "DIR/dev.tsv:2: tag 1 is 'PART', expected one of ADP, PROPN. Correct it, or list it in data.labels."),
        Case("a word of CoNLL-U with too few columns",
             lambda box: box.sentences(CONLLU.replace("\t_\tSpaceAfter=No", "\tSpaceAfter=No"),
                                       'format = "conllu"\n', "word_tags"),
             "DIR/train.tsv:6: 9 columns between tabs, a word of CoNLL-U has 10. Correct the line; of files with "
             'other columns set data.format = "conll", data.text and data.label.'),
        Case("a group's column that is not there", Box.one_file,
             "DIR/train.tsv:1: data.group is 'author', the header has 'text', 'label'. Correct data.group, or if "
             "line 1 is a row, set data.header = false and give the columns as numbers."),
        Case("a row without a group", lambda box: box.one_file().write("train.tsv", "text\tlabel\tauthor\na\tbad\t\n"),
             "DIR/train.tsv:2: the group (field 3) is empty. Give each row a group, one of its own if need be."),
        Case("a dev split that is a copy of train", lambda box: box.write("dev.tsv", TRAIN),
             "DIR/run.toml: texts stand in the data more than once\n"
             "  dev: the texts of 2 of 2 rows (100.00%) stand in train too, as DIR/dev.tsv:2 and DIR/train.tsv:2; "
             "validation.max_leaked_share is 50.00%.\n"
             "Take such rows out of one of the splits, let data.files deal them (with data.group, give equal texts one "
             "group, or leave out data.group), or raise the limit."),
        Case("a share held back of which no row is", lambda box: box.toml(
                 'dev = "dev.tsv"', 'dev = "dev.tsv"\nheld_back = 0.01'),
             "DIR/run.toml: of 2 rows of dev `data.held_back` = 0.01 leaves none to gate. Give more rows of dev, or "
             "another share."),
        Case("an empty line", lambda box: box.row(""),
             "DIR/train.tsv:2: an empty line, expected 2 tab-separated fields. Delete the line."),
        Case("an empty text", lambda box: box.row(" \tgood"),
             "DIR/train.tsv:2: the text (field 1) is empty. Give a text or delete the row."),
        Case("an empty label", lambda box: box.row("a film\t"),
             "DIR/train.tsv:2: the label (field 2) is empty. Give a label or delete the row."),
        Case("a row with none of several labels",
             lambda box: box.toml('name = "toy"', 'name = "toy"\ntask = "multilabel"').toml("accuracy", "micro_f1")
             .row("a film\t"),
             "DIR/train.tsv:2: the label (field 2) is empty. Give a label or delete the row; if rows may have none of "
             "the labels, set data.allow_no_label = true."),
        Case("an unknown label", lambda box: box.row("a film\tgoood"),
             "DIR/train.tsv:2: the label is 'goood', expected one of bad, good. Did you mean 'good'? Correct the "
             "row, or list it in data.labels."),
        Case("a label with a zero-width space", lambda box: box.row("a film\tgo\u200bod"),
             "DIR/train.tsv:2: the label 'go\\u200bod' holds U+200B, which cannot be seen. Delete that character."),
        Case("a doubled line end", lambda box: box.row("a film\tgood\r\r"),
             "DIR/train.tsv:2: the label 'good\\r' has a tab or a line break. A label is one line: look for an open"
             " quote or a doubled line end."),
        Case("a NUL byte", lambda box: box.row("a f\0lm\tgood"),
             "DIR/train.tsv:2: a NUL byte in field 1. Remove it; with many of them the file is binary or UTF-16."),
        Case("Latin-1", lambda box: box.row("a caf\xe9\tgood".encode("latin-1")),
             "DIR/train.tsv:2: byte 6 of the line, 0xe9, is not UTF-8. Convert the file to UTF-8."),
        Case("UTF-16", lambda box: box.write("train.tsv", TRAIN.encode("utf-16")),
             "DIR/train.tsv:1: the file is UTF-16, rows are read as UTF-8. Convert it, and give the new file in "
             "place of it: cat "
             "DIR/train.tsv | iconv -f UTF-16 -t UTF-8 > DIR/utf8-train.tsv."),
        Case("UTF-16 without a mark", lambda box: box.write("train.tsv", TRAIN.encode("utf-16-be")),
             "DIR/train.tsv:1: the file is UTF-16BE, rows are read as UTF-8. Convert it, and give the new file in "
             "place of it: cat "
             "DIR/train.tsv | iconv -f UTF-16BE -t UTF-8 > DIR/utf8-train.tsv."),
        Case("Russian in UTF-16 without a mark",
             lambda box: box.write("train.tsv", TRAIN.replace("film", "фильм").encode("utf-16-le")),
             "DIR/train.tsv:1: the file is UTF-16LE, rows are read as UTF-8. Convert it, and give the new file in "
             "place of it: cat "
             "DIR/train.tsv | iconv -f UTF-16LE -t UTF-8 > DIR/utf8-train.tsv."),
        Case("UTF-32", lambda box: box.write("train.tsv", TRAIN.encode("utf-32")),
             "DIR/train.tsv:1: the file is UTF-32, rows are read as UTF-8. Convert it, and give the new file in "
             "place of it: cat "
             "DIR/train.tsv | iconv -f UTF-32 -t UTF-8 > DIR/utf8-train.tsv."),
        Case("UTF-32 without a mark, compressed",
             lambda box: box.toml("train.tsv", "train.tsv.gz").write(
                 "train.tsv.gz", gzip.compress(TRAIN.encode("utf-32-le"), mtime=0)),
             "DIR/train.tsv.gz:1: the file is UTF-32LE, rows are read as UTF-8. Convert it, and give the new file in "
             "place of it: "
             "zcat DIR/train.tsv.gz | iconv -f UTF-32LE -t UTF-8 | gzip > DIR/utf8-train.tsv.gz."),
        Case("lines that end with CR alone", lambda box: box.write("train.tsv", TRAIN.replace("\n", "\r")),
             "DIR/train.tsv:1: lines end with CR alone, as old Macs have it, and rows are read as lines that end with "
             "LF or CRLF. Convert it, and give the new file in "
             "place of it: cat DIR/train.tsv | tr '\\r' '\\n' > "
             "DIR/utf8-train.tsv."),
        Case("gzip without the ending .gz", lambda box: box.write("train.tsv", gzip.compress(TRAIN.encode(), mtime=0)),
             "DIR/train.tsv:1: byte 2 of the line, 0x8b, is not UTF-8. The file looks like gzip: give its name the"
             " ending .gz."),
        Case("a damaged .gz",
             lambda box: box.toml("train.tsv", "train.tsv.gz")
                 .write("train.tsv.gz", gzip.compress(TRAIN.encode(), mtime=0)[:-12]),
             "DIR/train.tsv.gz: not a whole gzip file (Compressed file ended before the end-of-stream marker was "
             "reached). Compress it again, or drop the .gz."),
        Case("no gzip under the ending .gz",
             lambda box: box.toml("train.tsv", "train.tsv.gz").write("train.tsv.gz", TRAIN),
             "DIR/train.tsv.gz: not a whole gzip file (Not a gzipped file (b'te')). Compress it again, or drop the"
             " .gz."),
        Case("an open quote, with csv quoting",
             lambda box: box.toml("[model]", 'quoting = "csv"\n[model]').row('"a film\tgood'),
             "DIR/train.tsv:2: a quote is opened and not closed by the end of the file, line 4. Close the quote "
             'and double quotes within it, or set data.quoting = "none".'),
        Case("a quote within quotes, with csv quoting",
             lambda box: box.toml("[model]", 'quoting = "csv"\n[model]').row('"a "good" film"\tgood'),
             "DIR/train.tsv:2: more text stands behind the closing quote of a field, on line 2. Double quotes "
             'within a quoted field, or set data.quoting = "none".'),
        Case("a carriage return outside quotes, with csv quoting",
             lambda box: box.toml("[model]", 'quoting = "csv"\n[model]').row("a\rfilm\tgood"),
             "DIR/train.tsv:2: a carriage return stands in a field without quotes. Quote the field, or set "
             'data.quoting = "none".'),
        Case("numbers that float32 hardly tells apart",
             lambda box: box.toml('name = "toy"', 'name = "toy"\ntask = "regression"')
             .toml('labels = ["bad", "good"]', 'label = "label"').toml("min = { accuracy", "min = { r2")
             .write("train.tsv", "text\tlabel\na film\t1700000000\nthe film\t1700000009\n")
             .write("dev.tsv", "text\tlabel\na film\t1700000004\n"),
             "DIR/train.tsv: the values of train lie between 1700000000.0 and 1700000009.0, which float32 hardly tells "
             "apart. Subtract the same number from all, say their mean, or give them in another unit."),
        Case("one class only, with labels from train",
             lambda box: box.toml('["bad", "good"]', '"from train"').change("train.tsv", "bad film\tbad\n", ""),
             "DIR/train.tsv: train holds the one label 'good', at least 2 are needed. Add rows of another class, "
             "or correct data.label."),
        Case("a class of dev that train lacks, with labels from train",
             lambda box: box.toml('["bad", "good"]', '"from train"').change("dev.tsv", "bad\tbad", "bad\tbald"),
             "DIR/dev.tsv:3: the label is 'bald', expected one of bad, good. Did you mean 'bad'? Correct the row, "
             "or list it in data.labels."),
    ],
    "The base model": [
        Case("no such directory", lambda box: box.toml('base = "toy"', 'base = "toys"'),
             "DIR/toys: there is no such directory. Give a directory with config.json, model.safetensors and the "
             "tokenizer's files, or hf://organisation/name."),
        Case("an address of another form", lambda box: box.toml('base = "toy"', 'base = "s3://bucket/toy"'),
             "s3://bucket/toy: not a model's address. Write hf://organisation/name or "
             "hf://organisation/name@revision, each name of at most 96 letters, digits, `_`, `-` and `.`, without "
             "`--`, `..` and `.git`; or give a local directory."),
        Case("a revision that leads out of the cache",
             lambda box: box.toml('base = "toy"', 'base = "hf://a/b@../../../../x"'),
             "hf://a/b@../../../../x: '../../../../x' is no revision: a commit, tag or branch of letters, digits, `_`, "
             "`-`, `+` and `.`, also several names with `/` between them, without `..`. Correct it, or name the commit "
             "by its 40 hexadecimal digits."),
        Case("no config.json", lambda box: box.delete("toy/config.json"),
             "DIR/toy/config.json: there is no such file. Give a directory with config.json, "
             "model.safetensors and the tokenizer's files, or hf://organisation/name."),
        Case("a config.json that is not JSON", lambda box: box.write("toy/config.json", "{'model_type': 'bert'}"),
             "DIR/toy/config.json:1: expected JSON: Expecting property name enclosed in double quotes. Copy or "
             "download it again."),
        Case("another architecture", lambda box: box.model_config(model_type="roberta", architectures=["RobertaModel"]),
             "DIR/toy/config.json: model_type must be \"bert\", got 'roberta' with architectures ['RobertaModel']. "
             "Only BERT encoders are supported (bert-base-uncased, MiniLM, TinyBERT ...); choose one of these."),
        Case("an activation that is not BERT's", lambda box: box.model_config(hidden_act="swish"),
             "DIR/toy/config.json: hidden_act must be one of gelu, gelu_new, gelu_pytorch_tanh, relu, got 'swish'."
             " Correct it, or choose another model."),
        Case("heads that do not divide the width", lambda box: box.model_config(num_attention_heads=3),
             "DIR/toy/config.json: hidden_size must be a multiple of num_attention_heads (3), got 8. Correct it, "
             "or choose another model."),
        Case("no vocab.txt and no tokenizer.json", lambda box: box.delete("toy/vocab.txt"),
             "DIR/toy: there is neither vocab.txt nor tokenizer.json. Add the one that was published with the model; a "
             "model without them is not BERT's kind: take bert-base-uncased, or bert-base-multilingual-cased for other "
             "languages than English."),
        Case("a SentencePiece model", lambda box: box.rename("toy/vocab.txt", "toy/spiece.model"),
             "DIR/toy: there is neither vocab.txt nor tokenizer.json: spiece.model is of a tokenizer of another kind, "
             "SentencePiece, not of BERT's WordPiece. The model knows no other pieces: choose a base model with "
             "vocab.txt, such as bert-base-uncased, or bert-base-multilingual-cased for other languages than English."),
        Case("a vocabulary without [UNK]", lambda box: box.change("toy/vocab.txt", "[UNK]\n", ""),
             "DIR/toy/vocab.txt: expected the control tokens of BERT, [UNK] not found. Take the vocab.txt that was"
             " published with the model."),
        Case("a token twice", lambda box: box.change("toy/vocab.txt", "film\n", "good\n"),
             "DIR/toy/vocab.txt:61: every token stands once, 'good' is on line 59 too. Take the vocab.txt that was"
             " published with the model."),
        Case("a vocabulary larger than the model's", lambda box: box.change("toy/vocab.txt", "film\n", "film\nfilms\n"),
             "DIR/toy/vocab.txt: expected 1 to 66 tokens (config.json's vocab_size), got 67. Take vocab.txt and "
             "config.json from the same model."),
        Case("no weights", lambda box: box.delete("toy/model.safetensors"),
             "DIR/toy/model.safetensors: there is no such file. Give a directory with config.json, "
             "model.safetensors and the tokenizer's files, or hf://organisation/name."),
        Case("weights as a pickle only",
             lambda box: box.rename("toy/model.safetensors", "toy/pytorch_model.bin"),
             "DIR/toy/model.safetensors: there is no such file, and pytorch_model.bin is refused because "
             "unpickling it can run any code. Where you trust the file, convert it with transformers and PyTorch: "
             "AutoModel.from_pretrained(DIRECTORY).save_pretrained(DIRECTORY, safe_serialization=True)."),
        Case("weights cut short", lambda box: box.cut("toy/model.safetensors", 100),
             "DIR/toy/model.safetensors: cannot be read as safetensors (Error while deserializing header: "
             "incomplete metadata, file not fully covered). The file is cut short or damaged: copy or download it "
             "again."),
        Case("a missing tensor", lambda box: box.tensors(lambda t: t.pop("embeddings.LayerNorm.bias")),
             "DIR/toy/model.safetensors: 1 of 39 tensors are missing: embeddings.LayerNorm.bias. Take weights and "
             "config.json from the same BERT model, saved with the encoder's own names."),
        Case("a tensor under two names", lambda box: box.tensors(
                 lambda t: t.update({"bert.pooler.dense.bias": t["pooler.dense.bias"]})),
             "DIR/toy/model.safetensors: pooler.dense.bias stands twice, as 'bert.pooler.dense.bias' in "
             "model.safetensors and 'pooler.dense.bias' in model.safetensors. Nothing says which one the model "
             "learned: delete one, or take another model."),
        Case("tensors behind a prefix of one's own", lambda box: box.tensors(lambda t: t.update(
                 {f"tower.{name}": t.pop(name) for name in list(t)})),
             "DIR/toy/model.safetensors: 37 of 39 tensors are missing: embeddings.word_embeddings.weight, "
             "embeddings.position_embeddings.weight, embeddings.token_type_embeddings.weight and 34 more; the file has "
             "them behind 'tower.'. Take the prefix away: with `load_file` and `save_file` of safetensors.numpy, name "
             "each tensor name.removeprefix('tower.')."),
        Case("quantised weights", lambda box: box.tensors(
                 lambda t: t.update({"pooler.dense.weight": t["pooler.dense.weight"].astype(np.int8)})),
             "DIR/toy/model.safetensors: expected weights of the type F64 or F32 or F16 or BF16, got I8 in "
             "'pooler.dense.weight'. Quantised weights are not supported: take the model's weights as floating-point "
             "numbers."),
        Case("a weight that is not a number", lambda box: box.tensors(
                 lambda t: t["embeddings.word_embeddings.weight"][3].fill(np.nan)),
             "DIR/toy/model.safetensors: expected weights up to 1,000,000 in size, got nan in row 3 of "
             "'embeddings.word_embeddings.weight'. It is damaged, or its training diverged: download it again, or take "
             "another model."),
        Case("more layers than any model has", lambda box: box.model_config(num_hidden_layers=1_000_000),
             "DIR/toy/config.json: num_hidden_layers must be an integer from 1 to 1,000, got 1000000. Correct it, or "
             "choose another model."),
        Case("a tensor of another shape", lambda box: box.model_config(intermediate_size=64),
             "DIR/toy/model.safetensors: 6 tensors have another shape than config.json says: "
             "encoder.layer.0.intermediate.dense.weight expected [64, 8], got [32, 8], "
             "encoder.layer.0.intermediate.dense.bias expected [64], got [32], encoder.layer.0.output.dense.weight"
             " expected [8, 64], got [8, 32] and 3 more. Take weights and config.json from the same model."),
        Case("a tokenizer setting of another type",
             lambda box: box.write("toy/tokenizer_config.json", '{"do_lower_case": "yes"}'),
             'DIR/toy/tokenizer_config.json: do_lower_case: expected true or false, got "yes". Set it to true or '
             "false."),
        Case("a tokenizer that is not BERT's",
             lambda box: box.write("toy/tokenizer_config.json", '{"tokenizer_class": "BertJapaneseTokenizer"}'),
             "DIR/toy/tokenizer_config.json: tokenizer_class: expected BertTokenizer or a class that cuts as it does, "
             'got "BertJapaneseTokenizer". Only tokenizers of BERT\'s kind are supported: choose another base model.'),
        Case("words that are not cut as BERT's are",
             lambda box: box.write("toy/tokenizer_config.json", '{"word_tokenizer_type": "mecab"}'),
             'DIR/toy/tokenizer_config.json: word_tokenizer_type: expected "basic", got "mecab". Only tokenizers of '
             "BERT's kind are supported: choose another base model."),
        Case("a tokenizer.json that is not WordPiece",
             lambda box: box.tokenizer_json(model={"type": "BPE", "vocab": {}, "merges": []}),
             'DIR/toy/tokenizer.json: model: expected type "WordPiece", got "BPE". Only tokenizers of BERT\'s kind are '
             "supported: choose another base model."),
        Case("a tokenizer.json with another pre-tokenizer",
             lambda box: box.tokenizer_json(pre_tokenizer={"type": "Whitespace"}),
             'DIR/toy/tokenizer.json: pre_tokenizer: expected type "BertPreTokenizer", got {"type": "Whitespace"}. '
             "Only tokenizers of BERT's kind are supported: choose another base model."),
        Case("a vocabulary of SentencePiece's",
             lambda box: box.write("toy/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n▁film\n▁good\n"),
             "DIR/toy/vocab.txt: expected WordPiece's pieces, 2 of 6 tokens begin with ▁ as SentencePiece's do: "
             "'▁film'. Only tokenizers of BERT's kind are supported: choose another base model."),
        Case("a vocab.txt and a tokenizer.json of two models",
             lambda box: box.tokenizer_json(model={"type": "WordPiece", "vocab": {"[PAD]": 0, "[CLS]": 1}}),
             "DIR/toy/vocab.txt:2: the id 1 is '[UNK]', tokenizer.json has '[CLS]'. Take all files of the tokenizer "
             "from the same model."),
        Case("a padding id that is not the tokenizer's", lambda box: box.model_config(pad_token_id=1),
             "DIR/toy/config.json: pad_token_id is 1, the tokenizer's padding token '[PAD]' has the id 0. Take all "
             "files from the same model."),
        Case("an added token without an embedding", lambda box: box.write("toy/added_tokens.json", '{"@user": 66}'),
             "DIR/toy: the added token '@user' has the id 66, the model has 66 embeddings. Save the model again after "
             "resize_token_embeddings, or take the token out of the tokenizer's files."),
        Case("an added token that normalising may change",
             lambda box: box.model_config(vocab_size=67).write("toy/added_tokens.json", '{"naïve": 66}'),
             "DIR/toy: the added token 'naïve' has normalized true, supported is that for ASCII alone. Set normalized "
             "to false, or choose another base model."),
        Case("a max_length the model cannot take", lambda box: box.toml("max_length = 16", "max_length = 64"),
             "DIR/run.toml:10: `model.max_length` is 64, the base model takes at most 32 tokens. Lower it, or take"
             " another base model."),
        Case("more frozen layers than there are",
             lambda box: box.toml("epochs = 1", 'strategy = "freeze_layers"\nfreeze_layers = 3'),
             "DIR/run.toml:14: `training.freeze_layers` is 3, the base model has 2 layers. Give at most 2."),
    ],
    "The base model in Google's form": [
        Case("a zip archive",
             lambda box: box.google().archive("zip").toml('base = "toy"', 'base = "uncased.zip"'),
             "DIR/uncased.zip: a zip archive, which is not read as it is. Unpack it, as with `unzip uncased.zip`, "
             "and give the directory that comes of it."),
        Case("a tar archive",
             lambda box: box.google().archive("gztar").toml('base = "toy"', 'base = "uncased.tar.gz"'),
             "DIR/uncased.tar.gz: a tar archive, which is not read as it is. Unpack it, as with `tar -xf "
             "uncased.tar.gz`, and give the directory that comes of it."),
        Case("one of the checkpoint's files",
             lambda box: box.google().toml('base = "toy"', 'base = "toy/bert_model.ckpt.index"'),
             "DIR/toy/bert_model.ckpt.index: a file, expected a directory, or the path that the files of a "
             "checkpoint begin with. Give DIR/toy or DIR/toy/bert_model.ckpt."),
        Case("no bert_config.json", lambda box: box.google().delete("toy/bert_config.json"),
             "DIR/toy/bert_config.json: there is no such file beside bert_model.ckpt, a checkpoint of TensorFlow's. "
             "Give a directory with bert_config.json, vocab.txt and bert_model.ckpt.*, or the path "
             "DIRECTORY/bert_model.ckpt."),
        Case("no vocab.txt", lambda box: box.google().delete("toy/vocab.txt"),
             "DIR/toy: there is neither vocab.txt nor tokenizer.json. Add the one that was published with the model; "
             "a model without them is not BERT's kind: take bert-base-uncased, or bert-base-multilingual-cased for "
             "other languages than English."),
        Case("no index", lambda box: box.google().delete("toy/bert_model.ckpt.index"),
             "DIR/toy/bert_model.ckpt.index: there is no such file. Give a directory with bert_config.json, "
             "vocab.txt and bert_model.ckpt.*, or the path DIRECTORY/bert_model.ckpt."),
        Case("no file of weights", lambda box: box.google().delete("toy/bert_model.ckpt.data-00000-of-00001"),
             "DIR/toy/bert_model.ckpt.data-00000-of-00001: there is no such file, and bert_model.ckpt.index names "
             "it. Copy or download all files of bert_model.ckpt again."),
        Case("weights cut short",
             lambda box: box.google().cut("toy/bert_model.ckpt.data-00000-of-00001", 100),
             "DIR/toy/bert_model.ckpt.data-00000-of-00001: expected the 11,216 bytes that bert_model.ckpt.index "
             "tells of, got 11,116. The file is cut short or damaged: copy or download it again."),
        Case("an index cut short", lambda box: box.google().cut("toy/bert_model.ckpt.index", 100),
             "DIR/toy/bert_model.ckpt.index: cannot be read as the index of a TensorFlow checkpoint (it does not end "
             "as one). The file is cut short or damaged: copy or download it again."),
        Case("weights that are damaged", lambda box: box.google().damage("toy/bert_model.ckpt.data-00000-of-00001"),
             "DIR/toy/bert_model.ckpt.data-00000-of-00001: the bytes of 'bert/embeddings/LayerNorm/beta' have "
             "another checksum than the index says. The file is cut short or damaged: copy or download it again."),
        Case("two checkpoints, neither of Google's name",
             lambda box: box.google().copy("toy/bert_model.ckpt.index", "toy/model.ckpt-10.index").rename(
                 "toy/bert_model.ckpt.index", "toy/model.ckpt-20.index"),
             "DIR/toy: 2 checkpoints in it: model.ckpt-10, model.ckpt-20. Say which, by its path: "
             "DIR/toy/model.ckpt-20."),
        Case("a missing tensor",
             lambda box: box.google_tensors(lambda t: t.pop("bert/embeddings/LayerNorm/beta")),
             "DIR/toy/bert_model.ckpt.index: 1 of 39 tensors are missing: bert/embeddings/LayerNorm/beta. Take "
             "bert_config.json and the checkpoint from the same BERT model."),
        Case("a tensor of another shape", lambda box: box.google(intermediate_size=64),
             "DIR/toy/bert_model.ckpt.index: 6 tensors have another shape than bert_config.json says: "
             "bert/encoder/layer_0/intermediate/dense/kernel expected [8, 64], got [8, 32], "
             "bert/encoder/layer_0/intermediate/dense/bias expected [64], got [32], "
             "bert/encoder/layer_0/output/dense/kernel expected [64, 8], got [32, 8] and 3 more. Take weights and "
             "bert_config.json from the same model."),
        Case("a tensor that is no floating-point number", lambda box: box.google_tensors(
                 lambda t: t.update({"bert/pooler/dense/kernel": t["bert/pooler/dense/kernel"].astype(np.int8)})),
             "DIR/toy/bert_model.ckpt.data-00000-of-00001: expected weights of the type float64 or float32 or "
             "float16 or bfloat16, got int8 in 'bert/pooler/dense/kernel'. Quantised weights are not supported: take "
             "the model's weights as floating-point numbers."),
        Case("a weight that is not a number", lambda box: box.google_tensors(
                 lambda t: t["bert/embeddings/word_embeddings"][3].fill(np.nan)),
             "DIR/toy/bert_model.ckpt.data-00000-of-00001: expected weights up to 1,000,000 in size, got nan in row "
             "3 of 'bert/embeddings/word_embeddings'. It is damaged, or its training diverged: download it again, or "
             "take another model."),
        Case("the checkpoint of an ALBERT", lambda box: box.google_tensors(lambda t: t.update(
                 {name.replace("bert/encoder/layer_0", "bert/encoder/transformer/group_0/inner_group_0"): t.pop(name)
                  for name in list(t)})),
             "DIR/toy/bert_model.ckpt.index: 16 of 39 tensors are missing: "
             "bert/encoder/layer_0/attention/self/query/kernel, bert/encoder/layer_0/attention/self/query/bias, "
             "bert/encoder/layer_0/attention/self/key/kernel and 13 more; it has "
             "bert/encoder/transformer/group_0/inner_group_0/attention/output/LayerNorm/beta and the like, which are "
             "of another architecture. Only BERT encoders are supported, with the names of google-research/bert: "
             "choose one of these."),
        Case("the checkpoint of an ELECTRA", lambda box: box.google_tensors(lambda t: t.update(
                 {name.replace("bert/", "electra/"): t.pop(name) for name in list(t)})),
             "DIR/toy/bert_model.ckpt.index: 37 of 39 tensors are missing: bert/embeddings/word_embeddings, "
             "bert/embeddings/position_embeddings, bert/embeddings/token_type_embeddings and 34 more; it has "
             "electra/embeddings/LayerNorm/beta and the like, which are of another architecture. Only BERT encoders "
             "are supported, with the names of google-research/bert: choose one of these."),
        Case("a checkpoint of TensorFlow 2", lambda box: box.google_tensors(lambda t: t.update(
                 {"_CHECKPOINTABLE_OBJECT_GRAPH": np.zeros(1, np.float32)}
                 | {f"model/{number}": t.pop(name) for number, name in enumerate(list(t))})),
             "DIR/toy/bert_model.ckpt.index: 37 of 39 tensors are missing: bert/embeddings/word_embeddings, "
             "bert/embeddings/position_embeddings, bert/embeddings/token_type_embeddings and 34 more; it is one of "
             "TensorFlow 2, whose tensors have other names. Take the original BERT's checkpoint of TensorFlow 1, or "
             "the model in Hugging Face's layout."),
        Case("the config of an ALBERT", lambda box: box.google(embedding_size=4),
             "DIR/toy/bert_config.json: embedding_size must be hidden_size, got 4. ALBERT and ELECTRA are not "
             "supported: choose a model that is a plain BERT encoder."),
        Case("the config of another model", lambda box: box.google(model_type="xlnet"),
             "DIR/toy/bert_config.json: model_type must be \"bert\", got 'xlnet'. Choose a model that is a plain "
             "BERT encoder."),
        Case("an activation that is not BERT's", lambda box: box.google(hidden_act="swish"),
             "DIR/toy/bert_config.json: hidden_act must be one of gelu, gelu_new, gelu_pytorch_tanh, relu, got "
             "'swish'. Correct it, or choose another model."),
        Case("a config without its vocabulary's size", lambda box: box.google().write(
                 "toy/bert_config.json", '{"hidden_size": 8}'),
             "DIR/toy/bert_config.json: vocab_size is missing. Take the file that was published with the model."),
        Case("a vocabulary larger than the model's",
             lambda box: box.google().change("toy/vocab.txt", "film\n", "film\nfilms\n"),
             "DIR/toy/vocab.txt: expected 1 to 66 tokens (bert_config.json's vocab_size), got 67. Take vocab.txt and "
             "bert_config.json from the same model."),
    ],
    "Masks to fill": [
        Case("a model without the head for masked tokens", nothing,
             "DIR/toy: it has no head for masked tokens: that is left out where a model is saved for other tasks. "
             "Give a model as it was pre-trained, such as bert-base-uncased (BertForMaskedLM, BertForPreTraining).",
             f"{FILL} 'the film was [MASK] .'"),
        Case("a pushed model", nothing,
             "DIR/pushed/1: a pushed model, which has its task's head in place of the one for masked tokens. Give a "
             "base model that has one.", "fill --model DIR/pushed 'the film was [MASK] .'"),
        Case("a head of another shape", lambda box: box.with_heads().tensors(
                 lambda t: t.update({"cls.predictions.bias": t["cls.predictions.bias"][1:]})),
             "DIR/toy/model.safetensors: 1 tensors have another shape than config.json says: cls.predictions.bias "
             "expected [66], got [65]. Take weights and config.json from the same model.",
             f"{FILL} 'the film was [MASK] .'"),
        Case("half a head", lambda box: box.with_heads().tensors(lambda t: t.pop("cls.predictions.bias")),
             "DIR/toy/model.safetensors: 1 of 5 tensors are missing: cls.predictions.bias. Take weights and "
             "config.json from the same BERT model, saved with the encoder's own names.",
             f"{FILL} 'the film was [MASK] .'"),
        Case("a head with embeddings of its own", lambda box: box.with_heads().tensors(
                 lambda t: t.update({"cls.predictions.decoder.weight": 2 * t["embeddings.word_embeddings.weight"]})),
             "DIR/toy/model.safetensors: cls.predictions.decoder.weight is not embeddings.word_embeddings.weight, "
             "which it is in BERT. A head with an output of its own is not supported: take a model with tied "
             "embeddings.", f"{FILL} 'the film was [MASK] .'"),
        Case("a vocabulary without [MASK]",
             lambda box: box.with_heads().change("toy/vocab.txt", "[MASK]\n", "[mask]\n"),
             "DIR/toy: its vocabulary has no [MASK]. Give a model with the vocabulary that it was pre-trained with.",
             f"{FILL} 'the film was [MASK] .'"),
        Case("a text without a mask", lambda box: box.with_heads(),
             "TEXT: no [MASK] in it, got 'the film was _ .'. Put [MASK] where a token is to be found, in quotes on a "
             "shell.", f"{FILL} 'the film was _ .'"),
        Case("a tab in a text", lambda box: box.with_heads(),
             "TEXT: a tab or the end of a line in it, got 'the film\\twas [MASK]'. Put a space there.",
             f"{FILL} 'the film\twas [MASK]'"),
        Case("a row without a mask", lambda box: box.with_heads(),
             "DIR/dev.tsv:2: no [MASK] in it, got 'the film is good'. Put [MASK] where a token is to be found, in "
             "quotes on a shell.", f"{FILL} --input DIR/dev.tsv"),
        Case("texts and a file", lambda box: box.with_heads(),
             "--input: texts are given too. Give either --input or texts.", f"{FILL} --input DIR/dev.tsv 'a [MASK]'"),
        Case("an output for texts", lambda box: box.with_heads(),
             "--output: goes with --input. Give --input rows.tsv, or leave it out.",
             f"{FILL} --output DIR/out.tsv 'a [MASK]'"),
    ],
    "Other forms of a model": [
        Case("pooling that Hugging Face's class has not", lambda box: box.card(pooling="mean"),
             'DIR/pushed/1: is of pooling = "mean", and BertForSequenceClassification reads the first token alone: it '
             "cannot go out as hf. Export it as sentence-transformers, which pools as it does, or as onnx, which is "
             'the whole model; or train with pooling = "cls".', f"{EXPORT_MODEL} hf"),
        Case("windows for Hugging Face", lambda box: box.card(long_texts="window"),
             'DIR/pushed/1: is of long_texts = "window", and transformers\' classes see one window of a text: it '
             'cannot go out as hf. Export it as onnx, which cuts windows itself, or train with "truncate".',
             f"{EXPORT_MODEL} hf"),
        Case("a pooler for sentence-transformers", lambda box: box.card(),
             'DIR/pushed/1: is of pooling = "cls" with BERT\'s pooler, which is no module of sentence-transformers: it '
             "cannot go out as sentence-transformers. Export it as hf.", f"{EXPORT_MODEL} sentence-transformers"),
        Case("8 bits for Hugging Face", nothing,
             "--precision: int8 goes with --format onnx. Leave it out.", f"{EXPORT_MODEL} hf --precision int8"),
        Case("ranges without texts of dev", lambda box: box.card(),
             "DIR/pushed/1: there are no texts of dev to find the ranges of int8-static by: the files of its run are "
             "not there. Put them back, name the run's --root, or give --precision int8.",
             f"{EXPORT_MODEL} onnx --precision int8-static --root DIR/runs"),
        Case("a directory that is there", lambda box: box.card().write("out/x", ""),
             "DIR/out: is there already, and nothing is written over. Give another place.", f"{EXPORT_MODEL} hf"),
        Case("a base model", nothing,
             "DIR/toy: a base model, in Hugging Face's form or in Google's. Give a pushed model: other programs read a "
             "base model as it is.", "export-model DIR/toy --format onnx --output DIR/out"),
        Case("a pre-trained model", lambda box: box.write("bert/1/assets.extra/model.json", '{"kind": "pretraining"}'),
             "DIR/bert/1: a pre-trained model, which is in Hugging Face's form as it was pushed. transformers' "
             "AutoModelForMaskedLM and AutoModel read that directory: copy it.",
             "export-model DIR/bert --format hf --output DIR/out"),
        Case("16 bits for a vocabulary", lambda box: box.corpus(
                 gate=f'{CORPUS_GATE}\n[push]\nprecision = "float16"'),
             "DIR/run.toml:12: `push.precision` is 'float16', and it is for models that are fine-tuned for a task. "
             "Leave it out."),
        Case("an export of an export", lambda box: box.card(exported={"form": "hf"}),
             "DIR/pushed/1: the form hf of a pushed model, which other programs take. Only a SavedModel will do: give "
             "the version that it was made from.", f"{EXPORT_MODEL} onnx"),
        Case("an export for Hugging Face that is to predict", lambda box: box.card(exported={"form": "hf"}),
             "DIR/pushed/1: the form hf of a pushed model, which other programs take. A SavedModel or an ONNX export "
             "will do: give the version that it was made from.", f"{PREDICT} good"),
        Case("a version whose card states no shape", lambda box: box.card().change(
                 "pushed/1/assets.extra/model.json", '"encoder"', '"shape"'),
             "DIR/pushed/1: was pushed before a version's card stated the shape of its encoder. Give --base, the base "
             "model that it was trained from, or train and push it again.", f"{EXPORT_MODEL} hf"),
        Case("a version that says nothing of its tokens", nothing,
             "DIR/pushed/1: was pushed before versions said how they cut texts into tokens. Train and push it again.",
             f"{EXPORT_MODEL} hf"),
        Case("a form beside versions that cannot state the model",
             lambda box: box.toml(
                 "max_length = 16", 'max_length = 16\npooling = "mean"\n\n[push]\nformats = ["hf"]'),
             'DIR/run.toml:14: `push.formats` has \'hf\', but the model is of pooling = "mean", and '
             "BertForSequenceClassification reads the first token alone: it cannot go out as hf. Take it out. Export "
             "it as sentence-transformers, which pools as it does, or as onnx, which is the whole model; or train with "
             'pooling = "cls".'),
        Case("a run that pushed nothing", lambda box: box.ended_run().change(
                 "runs/toy/runs/20260102-030405/run.json", '"pushed"', '"refused"'),
             "20260102-030405: the run 20260102-030405 has pushed no model (refused). `show 20260102-030405` says why; "
             "give a run that has.", "export-model 20260102-030405 --root DIR/runs --format hf --output DIR/out"),
    ],
    "Disk and permissions": [
        Case("a config one may not read", lambda box: box.forbid("run.toml"),
             "DIR/run.toml: cannot be read (Permission denied). Give a TOML file you may read."),
        Case("a root that is a file", lambda box: box.write("runs", ""),
             "DIR/runs/toy: cannot be written (Not a directory). Give a --root you may write to.", RUN),
        Case("a root one may not write to", lambda box: box.forbid("runs"),
             "DIR/runs/toy: cannot be written (Permission denied). Give a --root you may write to.", RUN),
        Case("another run in the same place", Box.lock,
             "DIR/runs/toy: another run is running here (process 4711 since 2026-01-02T03:04:05+00:00). Wait for its "
             "end, with --wait, or give this one another --root.", RUN),
        Case("a destination below a file",
             lambda box: box.toml("[gate]", '[push]\ndestination = "dev.tsv/models"\n[gate]'),
             "DIR/run.toml:16: `push.destination` is DIR/dev.tsv/models, but DIR/dev.tsv is not a directory that "
             "you may write to. Give another directory."),
        Case("a key to sign by that is not there", lambda box: box.signed().delete("models.pem"),
             "DIR/models.pem: cannot be read (No such file or directory). Make a pair by `openssl ecparam -genkey "
             "-name prime256v1 -noout -out key.pem`, and its public half by `openssl ec -in key.pem -pubout -out "
             "key.pub`."),
        Case("a key to sign by that asks for a password",
             lambda box: box.signed().write("models.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----"),
             "DIR/models.pem: an encrypted key, for which nobody is asked. Give one that is not encrypted."),
        Case("a signature without the tool", Box.signed,
             "model_signing: the command is not installed. Run `make signing`, or install model-signing in an "
             "environment of its own and put it on the PATH."),
        Case("a mistake in the config of a run", lambda box: box.toml("epochs = 1", "epochs = 0"),
             "DIR/run.toml:13: `training.epochs` is 0, it should be at least 1. Correct it, or leave it out.", RUN),
    ],
    "`export`": [
        Case("a run without an image for Kubeflow", nothing,
             'DIR/run.toml: `kubeflow.image` is missing. Add it to [kubeflow], say image = "REGISTRY/NAME@sha256:..."; '
             "docs/kubeflow.md says what it is.", EXPORT),
        Case("artifacts of Kubeflow's on a disk", lambda box: box.kubeflow().toml("s3://bucket/bert", "/mnt"),
             'DIR/run.toml:20: `kubeflow.root` is "/mnt", it should begin with gs://, s3:// or minio://. Give a bucket '
             "and a path in it, say minio://mlpipeline/bert."),
        Case("a relative folder in containers", lambda box: box.kubeflow().toml("/mnt/toy", "toy"),
             'DIR/run.toml:21: `kubeflow.folder` is "toy", it should be an absolute path in the containers. Correct '
             "it, say /mnt/bert."),
        Case("a mount without a claim", lambda box: box.kubeflow('mount = "/mnt"\n'),
             'DIR/run.toml:22: `kubeflow.mount` is "/mnt", but `kubeflow.volume` is missing. Name the claim that is '
             "mounted there, or delete mount."),
        Case("a folder that is not on the claim",
             lambda box: box.kubeflow('volume = "toy"\nmount = "/data"\n'),
             'DIR/run.toml:21: `kubeflow.folder` is "/mnt/toy", not below `kubeflow.mount`, "/data". Name a directory '
             "of the claim, as it is mounted there."),
        Case("Beam elsewhere than in the containers",
             lambda box: box.kubeflow('[beam]\npreset = "flink"\nflink_master = "flink:8081"\n'),
             'DIR/run.toml:23: `beam.preset` is "flink", whose workers do not see what a container is given. Set '
             'preset = "local": a container runs its own Beam.', EXPORT),
        Case("several workers in one container",
             lambda box: box.kubeflow().toml("epochs = 1", 'epochs = 1\ndevices = "multiworker"'),
             'DIR/run.toml:14: `training.devices` is "multiworker", but the Trainer is one container. Set devices = '
             '"auto"; kubeflow.gpus gives it GPUs.', EXPORT),
        Case("signed versions", lambda box: box.kubeflow().signed("model_signing"),
             "DIR/run.toml:16: `push.sign_key` is given, but the image has no model-signing, and no key is kept in a "
             "container. Delete it, and sign what was pushed yourself.", EXPORT),
        Case("memory without a unit that Kubernetes knows", lambda box: box.kubeflow('memory = { default = "8 GB" }\n'),
             'DIR/run.toml:22: `kubeflow.memory.default` is "8 GB", it should be a quantity of Kubernetes. Correct '
             "it, say 8Gi."),
        Case("memory for no node", lambda box: box.kubeflow('memory = { Trainr = "8Gi" }\n'),
             "DIR/run.toml:22: `kubeflow.memory` names 'Trainr', there is no such node. Did you mean Trainer? Known: "
             "default, TsvExampleGen, StatisticsGen, SchemaGen, ExampleValidator, Predecessor, DriftValidator, "
             "Transform, Trainer, Calibration, ServingValidator, Baseline, Evaluator, Pusher.", EXPORT),
        Case("a name that Kubeflow does not take", lambda box: box.kubeflow().toml('name = "toy"', 'name = "Toy_1"'),
             "DIR/run.toml:1: `name` is 'Toy_1', Kubeflow takes lower-case letters, digits and - alone. Rename the "
             "run.", EXPORT),
    ],
    "`predict`": [
        Case("no such model", nothing,
             "DIR/pusht: no such directory. Give a pushed model: the path a run printed at its end, `show` prints "
             "it again.", "predict --model DIR/pusht good"),
        Case("a file", nothing,
             "DIR/pushed/1/saved_model.pb: a file, not a directory. Give a pushed model: the path a run printed at"
             " its end, `show` prints it again.", "predict --model DIR/pushed/1/saved_model.pb good"),
        Case("a directory without a model", nothing,
             "DIR/toy: no saved_model.pb in it and no version with one below it. Give a pushed model: the path a "
             "run printed at its end, `show` prints it again.", "predict --model DIR/toy good"),
        Case("a model another program made", lambda box: box.delete("pushed/1/assets.extra/model.json"),
             "DIR/pushed: no assets.extra/model.json in it that says how rows look. Give a model that this "
             "pipeline pushed.", PREDICT_FILE),
        Case("a damaged card", lambda box: box.write("pushed/1/assets.extra/model.json", "{"),
             "DIR/pushed/1/assets.extra/model.json: cannot be read as a JSON object (Expecting property name "
             "enclosed in double quotes: line 1 column 2 (char 1)). Remove this version and push the model again.",
             PREDICT_FILE),
        Case("a card that says something else",
             lambda box: box.write("pushed/1/assets.extra/model.json", '{"weights_sha256": [1]}'),
             "DIR/pushed/1/assets.extra/model.json: not a model's card (weights_sha256: Input should be a valid "
             "string). Remove this version and push the model again.", PREDICT_FILE),
        Case("a model without a signature to verify", Box.signed,
             "DIR/pushed/1: is not signed: it has no assets.extra/model.sig. Push it again with push.sign_key, or "
             "leave out --verify-key.", f"{PREDICT} --verify-key DIR/models.pub good"),
        Case("a base model to verify", nothing,
             "--verify: goes with a pushed model, and DIR/toy is a base model. Leave it out.",
             "embed --model DIR/toy --verify --input DIR/dev.tsv --output DIR/vectors.npy"),
        Case("no such input", nothing,
             "DIR/def.tsv: no such file. Did you mean DIR/dev.tsv? Correct the path.",
             f"{PREDICT} --input DIR/def.tsv --output DIR/out.tsv"),
        Case("a pipe as input", lambda box: box.pipe("rows.tsv"),
             "DIR/rows.tsv: a pipe or a device, not a file. Write its rows to a file, and name that: the rows are read "
             "more than once.", f"{PREDICT} --input DIR/rows.tsv --output DIR/out.tsv"),
        Case("a directory as input", nothing,
             "DIR/toy: a directory, not a file. Give one file.", f"{PREDICT} --input DIR/toy --output DIR/out.tsv"),
        Case("an input without the column", lambda box: box.change("dev.tsv", "text\t", "review\t"),
             "DIR/dev.tsv:1: the text's column is 'text', the header has 'review', 'label'. Give --column, a name "
             "or a number from 1.", PREDICT_FILE),
        Case("a column that is not there", nothing,
             "DIR/dev.tsv:1: the text's column is 'review', the header has 'text', 'label'. Give --column, a name "
             "or a number from 1.", f"{PREDICT_FILE} --column review"),
        Case("a column number beyond the header", nothing,
             "DIR/dev.tsv:1: the text's column is number 3, the header has 2 columns. Give --column, a name or a "
             "number from 1.", f"{PREDICT_FILE} --column 3"),
        Case("column 0", nothing,
             "--column: got 0, but columns are numbered from 1. Correct the number.", f"{PREDICT_FILE} --column 0"),
        Case("a column's name without a header", nothing,
             "--no-header: the text's column is 'text', but without a header there are no names. Give its number "
             "with --column.", f"{PREDICT_FILE} --no-header"),
        Case("an empty text", nothing,
             "TEXT: got an empty text. Give texts with something in them.", "predict --model DIR/pushed/1 ''"),
        Case("words for a model that reads texts", nothing,
             "--tokens: a model for the task classification reads running text. Leave it out.",
             f"{PREDICT} --tokens 'a good film'"),
        Case("both texts and --input", nothing,
             "--input: texts are given too. Give either --input or texts.", f"{PREDICT_FILE} 'a good film'"),
        Case("--output without --input", nothing,
             "--output: goes with --input. Give --input rows.tsv, or redirect standard output.",
             f"{PREDICT} --output DIR/out.tsv 'a good film'"),
        Case("a name twice in a header, for JSON",
             lambda box: box.change("dev.tsv", "text\tlabel", "text\tlabel\tlabel"),
             "DIR/dev.tsv:1: the header names 'label' twice, and an object has each name once. Rename one, or leave "
             "out --json.", f"{PREDICT} --json --input DIR/dev.tsv"),
        Case("an output that is a directory", nothing,
             "DIR/toy: a directory, not a file. Give the path of a file.",
             f"{PREDICT} --input DIR/dev.tsv --output DIR/toy"),
        Case("commas between fields, for a model that learned from rows with tabs",
             lambda box: box.write("dev.tsv", DEV.replace("\t", ",")),
             "DIR/dev.tsv:1: the text's column is 'text', the header has 'text,label'. The fields look separated by "
             "commas: save the file with tabs between them.", f"{PREDICT} --input DIR/dev.tsv"),
        Case("an output in no directory", nothing,
             "DIR/out/out.tsv: cannot be written (No such file or directory). Give a path you may write to.",
             f"{PREDICT} --input DIR/dev.tsv --output DIR/out/out.tsv"),
        Case("an output one may not write", lambda box: box.write("out/other.tsv", "").forbid("out"),
             "DIR/out/out.tsv: cannot be written (Permission denied). Give a path you may write to.",
             f"{PREDICT} --input DIR/dev.tsv --output DIR/out/out.tsv"),
        Case("an empty line on standard input", lambda box: box.stdin(b"good\n\nbad\n"),
             "standard input:2: an empty line. Give one text a line.", PREDICT),
        Case("standard input that is not UTF-8", lambda box: box.stdin(b"caf\xe9\n"),
             "standard input: not UTF-8. Convert it to UTF-8.", PREDICT),
    ],
    "`suggest`": [
        Case("another form of a model", lambda box: box.card(exported={"form": "onnx"}),
             "DIR/pushed/1: the form onnx of a pushed model, which other programs take. Only a SavedModel will do: "
             "give the version that it was made from.", "suggest --model DIR/pushed DIR/dev.tsv"),
        Case("a model that does not say where its label was", lambda box: box.card(),
             "--model: its card does not say how rows with labels look. Push the model again.",
             "suggest --model DIR/pushed DIR/dev.tsv"),
        Case("no such column of labels", lambda box: box.labelled(),
             "--label: the label is 'lable', the header has 'text', 'label'. Did you mean 'label'? Correct it, or "
             "leave it out where rows have none yet.", "suggest --model DIR/pushed DIR/dev.tsv --label lable"),
        Case("a label by name without a header", lambda box: box.labelled(),
             "--no-header: the label's column is 'label', but without a header there are no names. Give its number "
             "with --label.", "suggest --model DIR/pushed DIR/dev.tsv --no-header --column 1 --label label"),
        Case("no rows to choose from", lambda box: box.labelled(),
             "pipeline_runner.py suggest: argument --top: must be at least 1, got 0. `pipeline_runner.py suggest "
             "--help` lists what there is.",
             "suggest --model DIR/pushed DIR/dev.tsv --top 0"),
        Case("a model that does not say what it is made of", lambda box: box.labelled(),
             "DIR/pushed/1: was pushed before versions said how they cut texts into tokens. Train and push it again.",
             "suggest --model DIR/pushed DIR/dev.tsv"),
    ],
    "`match`": [
        Case("a query's column that is not there", nothing,
             "DIR/dev.tsv:1: the text's column is 'body', the header has 'text', 'label'. Give --query-column, a name "
             "or a number from 1.",
             "match --model DIR/toy --queries DIR/dev.tsv --corpus DIR/train.tsv --query-column body"),
        Case("a corpus's column that is not there", nothing,
             "DIR/train.tsv:1: the text's column is 'body', the header has 'text', 'label'. Give --corpus-column, a "
             "name or a number from 1.",
             "match --model DIR/toy --queries DIR/dev.tsv --corpus DIR/train.tsv --corpus-column body"),
        Case("a query's column 0", nothing,
             "--query-column: got 0, but columns are numbered from 1. Correct the number.",
             "match --model DIR/toy --queries DIR/dev.tsv --corpus DIR/train.tsv --query-column 0"),
    ],
    "Several workers": [
        Case("no TF_CONFIG", lambda box: box.cluster(""),
             'TF_CONFIG: `training.devices` is "multiworker" and TF_CONFIG is not set. Set it in each process, say '
             f'{EXAMPLE}, or set devices = "auto".', RUN),
        Case("a TF_CONFIG that is not JSON", lambda box: box.cluster("worker 0"),
             f"TF_CONFIG: not valid JSON (Expecting value, character 0). Correct it, say {EXAMPLE}.", RUN),
        Case("a cluster without this process", lambda box: box.cluster(EXAMPLE.replace('"index": 0', '"index": 2')),
             'TF_CONFIG: `task` is {"type": "worker", "index": 2}, there is none like it in `cluster`. '
             f"Correct it, say {EXAMPLE}.", RUN),
        Case("a run that is not the chief's", lambda box: box.cluster(EXAMPLE.replace('"index": 0', '"index": 1')),
             "TF_CONFIG: this process is worker 1, and the pipeline runs on the chief, 10.0.0.1:2222. Start "
             "`pipeline_runner.py train-worker` here.", RUN),
        Case("a worker that is the chief", lambda box: box.cluster(EXAMPLE),
             "TF_CONFIG: this process is the chief, 10.0.0.1:2222. Start `pipeline_runner.py run` here, or give it "
             "the index of another one.", "train-worker"),
    ],
    "`bulk-predict`": [
        Case("no such input of many", nothing,
             "DIR/def*.tsv: no such file. Did you mean DIR/dev.tsv? Correct the path.", f"{BULK} DIR/def*.tsv"),
        Case("inputs with different headers", lambda box: box.change("train.tsv", "text\tlabel", "text\tclass"),
             "DIR/train.tsv:1: another header than that of DIR/dev.tsv. Give files with the same columns, or a job to "
             "each kind.", f"{BULK} DIR/dev.tsv DIR/train.tsv"),
        Case("inputs whose predictions would have one name", lambda box: box.write("more/dev.tsv", DEV),
             "DIR/more/dev.tsv: its predictions would have the names of those of DIR/dev.tsv. Rename one, or give it "
             "an --output of its own.", f"{BULK} DIR/dev.tsv DIR/more/dev.tsv"),
        Case("an output with something else in it", lambda box: box.write("out/notes.txt", ""),
             "DIR/out: not empty, and not of a job that can go on. Give another --output.", f"{BULK} DIR/dev.tsv"),
        Case("an output of another job", lambda box: box.write("out/job.json", "{}"),
             "DIR/out: holds predictions of a job with other model and inputs and row format. Give another --output; "
             "DIR/out/job.json says what it stands on.", f"{BULK} DIR/dev.tsv"),
        Case("an output whose record is damaged", lambda box: box.write("out/job.json", '{"model": "DIR'),
             "DIR/out/job.json: not what a job stands on (Unterminated string starting at: line 1 column 11 (char "
             "10)). Give another --output.", f"{BULK} DIR/dev.tsv"),
        Case("an output that another command is writing", lambda box: box.lock("out/job.json"),
             "DIR/out: another bulk-predict is running here. Wait for its end, or give this one another --output.",
             f"{BULK} DIR/dev.tsv"),
        Case("a config with a mistake in [beam]", lambda box: box.toml("[gate]", '[beam]\npreset = "spark"\n[gate]'),
             'DIR/run.toml:16: `beam.preset` is "spark", it should be "local", "portable", "flink" or "dataflow". '
             'Correct it, or leave it out for the default, "local".', f"{BULK} DIR/dev.tsv --config DIR/run.toml"),
    ],
    "A corpus and its vocabulary": [
        Case("a kind that there is not",
             lambda box: box.toml('name = "toy"', 'name = "toy"\nkind = "vocabluary"'),
             'DIR/run.toml:2: `kind` is "vocabluary", it should be "fine-tuning" or "vocabulary" or '
             '"pretraining". Did you mean "vocabulary"? Correct it.'),
        Case("a corpus without files", lambda box: box.corpus().toml('files = "corpus.txt"\n', ""),
             "DIR/run.toml:3: `corpus.files` is missing. Add it; pipeline/configs/newsgroups_vocabulary.toml "
             "shows how."),
        Case("a list of no files", lambda box: box.corpus().toml('"corpus.txt"', "[]"),
             "DIR/run.toml:4: `corpus.files` names no file. Name the files of the documents."),
        Case("a table of another kind", lambda box: box.corpus(vocabulary='[model]\nbase = "toy"'),
             "DIR/run.toml:8: unknown key `model`. Known here: name, kind, corpus, vocabulary, gate, push, "
             "notify, tracking, schedule, beam, kubeflow."),
        Case("a corpus that is not there", lambda box: box.corpus().delete("corpus.txt"),
             "DIR/corpus.txt: no such file. Correct the path; its directory is there."),
        Case("columns of a text file", lambda box: box.corpus('text = "body"'),
             'DIR/run.toml:5: `corpus.text` is given, but `corpus.format` is "blocks", whose lines are all '
             'text. Delete it, or set format = "tsv".'),
        Case("a column that the header has not", lambda box: box.corpus('format = "tsv"'),
             "DIR/corpus.txt:1: the text's column is 'text', the header has 'The film is good 0.'. Give "
             "corpus.text, a name or a number from 1."),
        Case("a language that sentences are not cut by", lambda box: box.corpus('language = "eng"'),
             'DIR/run.toml:5: `corpus.language` is "eng", it should be "am", "ar", "bg", "bn", "ca", "da", '
             '"de", "el", "en", "es", "fi", "fr", "gu", "hi", "hy", "it", "ja", "kk", "kn", "ml", "mr", "my",'
             ' "nl", "pa", "pl", "pt", "ru", "sk", "ta" or "te". Did you mean "en"? Correct it.'),
        Case("a language where lines are sentences",
             lambda box: box.corpus('splitter = "lines"\nlanguage = "de"'),
             'DIR/run.toml:6: `corpus.language` is "de", but `corpus.splitter` "lines" asks for none. Delete '
             'it, or set splitter = "sentencex".'),
        Case("shares without any for dev", lambda box: box.corpus("split = { train = 100 }"),
             'DIR/run.toml:5: `corpus.split` needs a share for train, one for dev and no other, got {"train":'
             " 100}. Give both, say split = { train = 95, dev = 5 }."),
        Case("a line that is not UTF-8", lambda box: box.corpus(content=b"One.\n\nTw\xff.\n"),
             "DIR/corpus.txt:3: byte 3 of the line, 0xff, is not UTF-8. Convert the file to UTF-8."),
        Case("a NUL byte in a text file", lambda box: box.corpus(content="One.\n\nTw\0o.\n"),
             "DIR/corpus.txt:3: a NUL byte in the line. Remove it; with many of them the file is binary."),
        Case("an empty line where each line is a document",
             lambda box: box.corpus('format = "lines"', content="One. Two.\n\nThree.\n"),
             "DIR/corpus.txt:2: an empty line, expected a document. Delete the line; if documents have "
             'several lines and an empty one between them: format = "blocks".'),
        Case("an empty corpus", lambda box: box.corpus(content="\n\n"),
             "DIR/run.toml: 1 anomaly in the corpus\n  there is no document in it.\nCorrect the files or how "
             "they are read, corpus.format first of all, or raise the limit."),
        Case("a document a line that is taken for a line of a document",
             lambda box: box.corpus(content="".join(f"One {n}. Two.\n" for n in range(9))),
             "DIR/run.toml: 1 anomaly in the corpus\n  there is one document in it, of 9 lines: an empty line "
             "ends a document, or see format.\nCorrect the files or how they are read, corpus.format first of "
             "all, or raise the limit."),
        Case("a sentence a document",
             lambda box: box.corpus('format = "lines"', content="".join(f"No {n}.\n" for n in range(60))),
             "DIR/run.toml: 1 anomaly in the corpus\n  60 of 60 (100.00%) documents have one sentence, as "
             "DIR/corpus.txt:1; corpus.max_one_sentence_share is 90.00%.\nCorrect the files or how they are "
             "read, corpus.format first of all, or raise the limit."),
        Case("documents that stand twice", lambda box: box.corpus(content=CORPUS + "\n" + CORPUS),
             "DIR/run.toml: 1 anomaly in the corpus\n  60 of 120 (50.00%) documents stand in it before, as "
             "DIR/corpus.txt:181, which DIR/corpus.txt:1 has; corpus.max_duplicate_share is 20.00%.\nCorrect "
             "the files or how they are read, corpus.format first of all, or raise the limit."),
        Case("a line that is too long",
             lambda box: box.corpus("most_characters = 50", content=CORPUS + "\n" + "long " * 20),
             "DIR/run.toml: 1 anomaly in the corpus\n  1 of 121 (0.83%) lines have more than 50 characters, as"
             " DIR/corpus.txt:181; corpus.max_long_share is 0.10%.\nCorrect the files or how they are read, "
             "corpus.format first of all, or raise the limit."),
        Case("control characters",
             lambda box: box.corpus(content=CORPUS.replace("good 3", "go\x1bod 3")),
             "DIR/run.toml: 1 anomaly in the corpus\n  11 of 60 (18.33%) documents have a control character, "
             "as DIR/corpus.txt:10; corpus.max_control_share is 1.00%.\nCorrect the files or how they are "
             "read, corpus.format first of all, or raise the limit."),
        Case("special tokens that BERT lacks",
             lambda box: box.corpus(vocabulary='special_tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]'),
             "DIR/run.toml:8: `vocabulary.special_tokens` lacks [MASK]. Add what is missing: BERT is not "
             "pre-trained without."),
        Case("a special token that a text could hold",
             lambda box: box.corpus(vocabulary=f"special_tokens = {json.dumps([*SPECIAL, 'new'])}"),
             'DIR/run.toml:8: `vocabulary.special_tokens` holds "new". Give printable ASCII with a sign in '
             "it, as [NAME]."),
        Case("a range of characters the wrong way round",
             lambda box: box.corpus(vocabulary='characters = ["z-a"]'),
             'DIR/run.toml:8: `vocabulary.characters` holds "z-a", no character and no range of them. Write '
             '"x", or "a-z" with the lower one first.'),
        Case("capital letters where texts are lower-cased",
             lambda box: box.corpus(vocabulary='characters = ["A-Z"]'),
             'DIR/run.toml:8: `vocabulary.characters` holds "A-Z", but with `lower_case` no text has a '
             "capital. Give the lower-case ones, or set lower_case = false."),
        Case("a reference without a vocabulary",
             lambda box: box.corpus(vocabulary='reference = "pushed"'),
             "DIR/pushed: there is neither vocab.txt nor tokenizer.json. Add the one that was published with "
             "the model; a model without them is not BERT's kind: take bert-base-uncased, or "
             "bert-base-multilingual-cased for other languages than English."),
        Case("a gate without a bound for a vocabulary", lambda box: box.corpus(gate=""),
             "DIR/run.toml: the gate has no absolute threshold. Add at least one, say `min = { coverage = 0.8"
             " }`: a gate without a bound would push any model."),
        Case("a metric that a vocabulary has not",
             lambda box: box.corpus(gate="[gate]\nmin = { accuracy = 0.5 }"),
             "DIR/run.toml:9: gate.min names the unknown metric 'accuracy'. Known: coverage, whole_share, "
             "pieces_per_word, unknown_share, spelled_share."),
        Case("a bound against the vocabulary in production",
             lambda box: box.corpus(gate=f"{CORPUS_GATE}\nmax_drop = {{ coverage = 0.1 }}"),
             "DIR/run.toml:9: gate.max_drop is given, but a vocabulary is not compared with the one in "
             "production. Delete it: another vocabulary is for another model."),
        Case("a bound for a vocabulary that is of models alone",
             lambda box: box.corpus(gate=f"{CORPUS_GATE}\nmax_ece = 0.1"),
             "DIR/run.toml:9: gate.max_ece is given, but a vocabulary's values are held against `min` and `max` "
             "alone. Delete it."),
        Case("a vocabulary where a model is asked for", lambda box: box.write("words/1/vocab.txt", "a").write(
             "words/1/assets.extra/model.json", '{"kind": "vocabulary"}'),
             "DIR/words/1: a vocabulary, which answers nothing by itself. Give a pushed model: the path a run"
             " printed at its end, `show` prints it again.", "predict --model DIR/words a"),
    ],
    "A pre-training": [
        Case("neither a base model nor a vocabulary", lambda box: box.pretraining(""),
             "DIR/run.toml:6: `model.base` or `model.vocabulary` says what the model begins with, neither is "
             "given. Give base to go on from a model, or vocabulary for a new one."),
        Case("a base model and a vocabulary",
             lambda box: box.pretraining('base = "toy"\nvocabulary = "toy"'),
             "DIR/run.toml:9: `model.base` or `model.vocabulary` says what the model begins with, both are "
             "given. Give base to go on from a model, or vocabulary for a new one."),
        Case("a shape where a base model goes on", lambda box: box.pretraining('base = "toy"\nlayers = 2'),
             "DIR/run.toml:9: `model.layers` is given, but the shape is that of `model.base`. Delete it, or "
             "give vocabulary in place of base for a new model."),
        Case("a width that the heads do not divide",
             lambda box: box.pretraining('vocabulary = "toy"\nhidden = 64\nheads = 3'),
             "DIR/run.toml:9: `model.hidden` is 64, no multiple of 3 heads. Correct hidden or heads: BERT has"
             " heads of 64 each."),
        Case("next sentences alone", lambda box: box.pretraining(training='objectives = "nsp"'),
             'DIR/run.toml:10: `training.objectives` needs "mlm", and may have "nsp", got ["nsp"]. Give '
             '["mlm", "nsp"] or "mlm".'),
        Case("an objective that there is not",
             lambda box: box.pretraining(training='objectives = ["mlm", "sop"]'),
             'DIR/run.toml:10: `training.objectives` holds "sop", it should be "mlm" or "nsp". Correct it.'),
        Case("epochs and steps of a pre-training",
             lambda box: box.pretraining(training="epochs = 2\nsteps = 10"),
             "DIR/run.toml:11: `training.epochs` is 2 and `training.steps` is 10, only one can be given. "
             "Delete the one or the other."),
        Case("several machines", lambda box: box.pretraining(training='devices = "multiworker"'),
             'DIR/run.toml:10: `training.devices` is "multiworker", it should be "auto" or "mirrored". '
             'Correct it, or leave it out for the default, "auto".'),
        Case("a key of a fine-tuning", lambda box: box.pretraining(training="label_smoothing = 0.1"),
             "DIR/run.toml:10: unknown key `training.label_smoothing`. Did you mean `early_stopping`? Known "
             "here: objectives, masked_share, whole_words, learning_rate, batch_size, micro_batch, epochs, "
             "steps, warmup, weight_decay, clip_norm, dropout, precision, evaluations_per_epoch, "
             "early_stopping, checkpoint_minutes, checkpoint_steps, devices, seed."),
        Case("longer examples than the base model has positions for",
             lambda box: box.pretraining('base = "toy"').toml("max_length = 32", "max_length = 64"),
             "DIR/run.toml:7: `model.max_length` is 64, the base model takes at most 32 tokens. Lower it, or "
             "take another base model."),
        Case("a base model without a second segment",
             lambda box: box.pretraining().model_config(type_vocab_size=1).tensors(
                 lambda tensors: tensors.update({SEGMENTS: tensors[SEGMENTS][:1]})),
             "DIR/run.toml:8: next sentences need 2 segments, the base model has 1. Set training.objectives ="
             ' "mlm", or take another base model.'),
        Case("a vocabulary without [MASK]",
             lambda box: box.pretraining('vocabulary = "toy"').change("toy/vocab.txt", "[MASK]\n", ""),
             "DIR/toy: its vocabulary has no [MASK], which hidden tokens become. Take another "
             "model.vocabulary, with the vocabulary of a pre-training."),
        Case("a vocabulary's directory without one", lambda box: box.pretraining('vocabulary = "pushed"'),
             "DIR/pushed: there is neither vocab.txt nor tokenizer.json. Add the one that was published with "
             "the model; a model without them is not BERT's kind: take bert-base-uncased, or "
             "bert-base-multilingual-cased for other languages than English."),
        Case("a part of a head for masked tokens",
             lambda box: box.pretraining().tensors(
                 lambda tensors: tensors.update({HEAD: tensors["pooler.dense.weight"]})),
             "DIR/toy/model.safetensors: 4 of 5 tensors are missing: cls.predictions.transform.dense.bias, "
             "cls.predictions.transform.LayerNorm.weight, cls.predictions.transform.LayerNorm.bias and 1 "
             "more. Take weights and config.json from the same BERT model, saved with the encoder's own "
             "names."),
        Case("no bound for a pre-trained model", lambda box: box.pretraining(gate=""),
             "DIR/run.toml:11: the gate has no absolute threshold. Add at least one, say `max = { mlm_loss = "
             "0.8 }`: a gate without a bound would push any model."),
        Case("a bound on next sentences that are not learned",
             lambda box: box.pretraining(training='objectives = "mlm"', gate="min = { nsp_accuracy = 0.6 }"),
             'DIR/run.toml:11: gate.min names the unknown metric \'nsp_accuracy\'. Did you mean "mlm_accuracy"?'
             " Known: mlm_loss, mlm_accuracy, perplexity."),
        Case("a loss that is bounded from below",
             lambda box: box.pretraining(gate="min = { mlm_accuracy = 0.3, mlm_loss = 0.5 }"),
             "DIR/run.toml:11: gate.min bounds mlm_loss, which is better when lower. Use gate.max."),
        Case("a bound against the pre-trained model in production",
             lambda box: box.pretraining(gate="max = { mlm_loss = 5.0 }\nmax_drop = { mlm_loss = 0.1 }"),
             "DIR/run.toml:11: gate.max_drop is given, but a pre-trained model is not compared with the one "
             "in production. Delete it: bound what it has to reach by itself."),
        Case("a base model of a pipeline that there is not",
             lambda box: box.pretraining('base = "run:other"'),
             "DIR/run.toml:8: `model.base` is run:other: DIR/runs: no pipeline 'other' in it. Run that one "
             "first, or give its --root.", "check --config DIR/run.toml --root DIR/runs"),
        Case("a base model of a pipeline that has pushed nothing",
             lambda box: box.ended_run().toml('base = "toy"', 'base = "run:toy"'),
             "DIR/run.toml:9: `model.base` is run:toy: DIR/runs/toy/serving/toy: no version in it. `show toy`"
             " says why, or run it first.", "check --config DIR/run.toml --root DIR/runs"),
        Case("a base model of a pipeline, for containers",
             lambda box: box.kubeflow().toml('base = "toy"', 'base = "run:bert"'),
             "DIR/run.toml:9: `model.base` is run:bert, a name in the root of runs, and there is none here. "
             "Give the directory of the version, which `versions` lists; for containers a copy below the "
             "TOML's.", EXPORT),
        Case("a pre-trained model where a model for a task is asked for",
             lambda box: box.write("bert/1/assets.extra/model.json", '{"kind": "pretraining"}'),
             "DIR/bert/1: a pre-trained model, which has not been fine-tuned for a task: `fill` takes it. "
             "Give a pushed model: the path a run printed at its end, `show` prints it again.",
             "predict --model DIR/bert a"),
    ],
    "Texts to write": [
        Case("a source without a text", lambda box: box.writes("\tgood"),
             "DIR/train.tsv:2: the text (field 1) is empty. Give a text or delete the row."),
        Case("a source without a target", lambda box: box.writes("bad\t"),
             "DIR/train.tsv:2: the label (field 2) is empty. Give a label or delete the row."),
        Case("a target that is too long", lambda box: box.writes("bad\tnot so good"),
             "DIR/train.tsv:2: the target has 5 tokens, its end among them, at most 4 are learned. Shorten it, raise "
             'data.target_length, or set data.long_targets = "cut".'),
        Case("a vocabulary without [MASK]",
             lambda box: box.writes().write("toy/vocab.txt", "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", ""])),
             "DIR/run.toml:10: the vocabulary has no [MASK], by which generation asks for a token. Take another base "
             "model."),
        Case("more tokens than there are positions",
             lambda box: box.writes().toml("max_length = 16", "max_length = 30"),
             "DIR/run.toml:11: `model.max_length` is 30 and a target has up to 4 tokens, the base model takes at most "
             "32 of both together. Lower it, data.target_length or model.generation.max_tokens, or take another base "
             "model."),
        Case("windows over a source",
             lambda box: box.writes().toml("max_length = 16", 'max_length = 16\nlong_texts = "window"'),
             'DIR/run.toml:12: `model.long_texts` is "window", but generation writes of what it sees at once. Delete '
             "it: long sources are truncated."),
        Case("control tokens in what is written",
             lambda box: box.writes().toml("max_length = 16", 'max_length = 16\ncontrol_tokens = "parse"'),
             'DIR/run.toml:12: `model.control_tokens` is "parse", but a text that generation learns to write ends at '
             "[SEP]. Delete it."),
        Case("a search for a task that writes nothing",
             lambda box: box.toml("[training]", '[model.generation]\nsearch = "beam"\n\n[training]'),
             'DIR/run.toml:12: `model.generation` is given, but classification writes no text. Delete it, or set '
             'task = "generation".'),
        Case("a key of another search",
             lambda box: box.writes().toml("[training]", "[model.generation]\ntop_p = 0.9\n\n[training]"),
             'DIR/run.toml:14: `model.generation.top_p` is 0.9, but `search` is "greedy". Delete it, or set search = '
             '"sample".'),
        Case("more texts than are followed",
             lambda box: box.writes().toml(
                 "[training]", '[model.generation]\nsearch = "beam"\nbest = 5\n\n[training]'),
             'DIR/run.toml:15: `model.generation.best` is 5, but `search = "beam"` follows 4. Lower it, raise `beams`, '
             "or take another search."),
        Case("a text that may not end",
             lambda box: box.writes().toml(
                 "[training]", "[model.generation]\nmin_tokens = 4\nmax_tokens = 4\n\n[training]"),
             "DIR/run.toml:14: `model.generation.min_tokens` is 4, `max_tokens` 4. Lower it: a text's end is one token "
             "more."),
        Case("a bound against copied labels",
             lambda box: box.toml("accuracy = 0.5 }", "accuracy = 0.5 }\nmin_over_copy = { chrf = 0.1 }"),
             "DIR/run.toml:15: gate.min_over_copy is given, but no text is written here that could be its source. "
             "Delete it."),
        Case("a bound on what is not measured of copies",
             lambda box: box.writes().toml(
                 "accuracy = 0.5 }", "accuracy = 0.5 }\nmin_over_copy = { cut_share = 0.1 }"),
             "DIR/run.toml:16: gate.min_over_copy names 'cut_share', which is not measured of copied sources. Known: "
             "exact_match, chrf, bleu, rouge_1, rouge_2, rouge_l."),
        Case("a checkpoint by written texts",
             lambda box: box.writes().toml("epochs = 1", 'metric = "chrf"'),
             "DIR/run.toml:14: `training.metric` is 'chrf', which is measured once the model is exported. Known: "
             "token_accuracy."),
        Case("a target's length for classes", lambda box: box.toml("[model]", "target_length = 4\n[model]"),
             "DIR/run.toml:8: `data.target_length` is 4, but the rows of classification have no target text. Delete "
             'it, or set task = "generation".'),
        Case("another form of a model that writes",
             lambda box: box.writes().toml("[gate]", '[push]\nformats = ["hf"]\n\n[gate]'),
             "DIR/run.toml:17: `push.formats` has 'hf', but the model is of the task generation, which has a search in "
             "its graph: it cannot go out as hf. Take it out. Serve the pushed SavedModel, which takes and gives raw "
             "text."),
    ],
    "`label-errors` and `correct-labels`": [
        Case("a file that is another one by now", lambda box: box.ended_run(),
             "DIR/train.tsv: is not what run 20260102-030405 read. Run again, and list the suspects of that run.",
             "label-errors --root DIR/runs"),
        Case("a task whose labels nothing can judge", lambda box: box.toml('name = "toy"',
             'name = "toy"\ntask = "embedding"').toml('labels = ["bad", "good"]\n', "").toml("accuracy", "spearman")
             .ended_run(),
             "label-errors: the labels of embedding say how near two texts are, and no head could learn them beside "
             "the model. `mistakes` lists the rows by how far the model is off.", "label-errors --root DIR/runs"),
        Case("a split that the run has no rows of", lambda box: box.ended_run(),
             "--split: run 20260102-030405 has no rows of 'tset', its splits: none. Name another.",
             "label-errors --split tset --root DIR/runs"),
        Case("a reviewed list that is not there", lambda box: box.ended_run(),
             "DIR/reviewed.tsv: no such file. Did you mean DIR/dev.tsv? Correct the path.", CORRECT),
        Case("a list without the column that is filled in",
             lambda box: box.reviewed("train.tsv\t2\tgood film\tgood", header="file\tline\ttext\tlabel"),
             "DIR/reviewed.tsv:1: the header has no column `correct`. Its columns have to be file, line, text, label, "
             "correct, with tabs between; others may stand beside them.", CORRECT),
        Case("a list of commas", lambda box: box.reviewed(header="file,line,text,label,correct"),
             "DIR/reviewed.tsv:1: the header has no column `file`. Its columns have to be file, line, text, label, "
             "correct, with tabs between; others may stand beside them.", CORRECT),
        Case("a reviewed row that lost a field", lambda box: box.reviewed("train.tsv\t2\ttrain\tgood film\tgood\tbad"),
             "DIR/reviewed.tsv:2: expected 8 tab-separated fields as in the header, got 6. Correct the row, or "
             "delete it.", CORRECT),
        Case("a list in which nothing is filled in",
             lambda box: box.reviewed("train.tsv\t2\ttrain\tgood film\tgood\tbad\t0.1\t"),
             "DIR/reviewed.tsv: no row has a label in its column `correct` that differs from its `label`. Fill in the "
             "right label of each row that has a wrong one.", CORRECT),
        Case("a file that is none of the run's",
             lambda box: box.reviewed("../train.tsv\t2\ttrain\tgood film\tgood\tbad\t0.1\tbad"),
             "DIR/reviewed.tsv:2: `file` is '../train.tsv', the run's files are train.tsv, dev.tsv. Did you mean "
             "'train.tsv'? Correct it.", CORRECT),
        Case("a line that is no number", lambda box: box.reviewed("train.tsv\t2.0\t\tgood film\tgood\t\t\tbad"),
             "DIR/reviewed.tsv:2: `line` is '2.0', a number from 1 on was expected. Correct it.", CORRECT),
        Case("a row that is listed twice",
             lambda box: box.reviewed(*["train.tsv\t2\ttrain\tgood film\tgood\tbad\t0.1\tbad"] * 2),
             "DIR/reviewed.tsv:3: train.tsv:2 is listed a second time, first in DIR/reviewed.tsv:2. Leave one of the "
             "two.", CORRECT),
        Case("a correct label that is not known",
             lambda box: box.reviewed("train.tsv\t2\ttrain\tgood film\tgood\tbad\t0.1\tbda"),
             "DIR/reviewed.tsv:2: with `correct` in train.tsv:2: the label is 'bda', expected one of bad, good. Did "
             "you mean 'bad'? Correct the row, or list it in data.labels.", CORRECT),
        Case("a row that has another text since",
             lambda box: box.reviewed("train.tsv\t2\ttrain\ta good film\tgood\tbad\t0.1\tbad"),
             "DIR/reviewed.tsv:2: train.tsv:2 has another text now. The file is not as it was when the list was made: "
             "run again, and review the list of that run.", CORRECT),
        Case("a row that has another label since",
             lambda box: box.reviewed("train.tsv\t2\ttrain\tgood film\tbad\tgood\t0.1\tgood"),
             "DIR/reviewed.tsv:2: train.tsv:2 has the label 'good' now, it was listed with 'bad'. The file is not as "
             "it was when the list was made: run again, and review the list of that run.", CORRECT),
        Case("a line behind the end of the file",
             lambda box: box.reviewed("train.tsv\t4\ttrain\tgood film\tgood\tbad\t0.1\tbad"),
             "DIR/reviewed.tsv:2: no row begins in line 4 of train.tsv. Correct the line.", CORRECT),
        Case("the line of the header", lambda box: box.reviewed("train.tsv\t1\ttrain\ttext\tlabel\tbad\t0.1\tbad"),
             "DIR/reviewed.tsv:2: line 1 of train.tsv is its header. Correct the line.", CORRECT),
        Case("a place for the corrected files that is taken",
             lambda box: box.reviewed("train.tsv\t2\ttrain\tgood film\tgood\tbad\t0.1\tbad").write("new/mine", ""),
             "DIR/new: is there already, and nothing is written over. Give another place.", CORRECT),
    ],
    "Runs and versions": [
        Case("a base model, schema, data or code that changes while a run is on", nothing,
             "DIR/toy/config.json: changed since the run began. Run again once the files are complete; of a scheduled "
             "run, clear all tasks; on Kubeflow, export it again.", CONTAINER),
        Case("no run yet", nothing,
             "DIR/runs: no run in it. Start one with `run --config C`, or give the --root of your runs.",
             "show --root DIR/runs"),
        Case("an unknown run", lambda box: box.write("runs/toy/runs/20260102-030405/run.json", "{}"),
             "DIR/runs: no run or pipeline '20260102-030406' in it. Did you mean 20260102-030405? `show --all` "
             "lists the runs.", "show 20260102-030406 --root DIR/runs"),
        Case("a damaged record", lambda box: box.write("runs/toy/runs/20260102-030405/run.json", "{"),
             "DIR/runs/toy/runs/20260102-030405/run.json: not the record of a run (Invalid JSON: EOF while parsing"
             " an object at line 1 column 1). Delete the run's directory, or give another run's id.",
             "show --root DIR/runs"),
        Case("a run without a manifest",
             lambda box: box.write("runs/toy/runs/20260102-030405/run.json", "{}"),
             "DIR/runs/toy/runs/20260102-030405/manifest.json: cannot be read (No such file or directory). "
             "Give the id or the directory of a run; `show --all` lists them.",
             "show --manifest --root DIR/runs"),
        Case("a manifest that is damaged", lambda box: box.write("runs/toy/runs/20260102-030405/run.json", "{}").write(
             "runs/toy/runs/20260102-030405/manifest.json", "{}"),
             "DIR/runs/toy/runs/20260102-030405/manifest.json: not a run's manifest (name: Field required). "
             "Give another run.",
             "reproduce 20260102-030405 --root DIR/runs"),
        Case("several pipelines and none named", lambda box: box.write("runs/toy/runs/20260102-030405/run.json", "{}")
             .write("runs/other/runs/20260102-030406/run.json", "{}"),
             "DIR/runs: several pipelines in it: other, toy. Give one of them by --name.", "rollback --root DIR/runs"),
        Case("a reproduction of an unknown run", lambda box: box.ended_run(),
             "DIR/runs: no run or pipeline '20260102-030406' in it. Did you mean 20260102-030405? `show "
             "--all` lists the runs.",
             "reproduce 20260102-030406 --root DIR/runs"),
        Case("a reproduction of a run that was killed", lambda box: box.ended_run(result={}),
             "DIR/runs/toy/runs/20260102-030405/manifest.json: the run did not come to its end. Give one that"
             " did.",
             "reproduce 20260102-030405 --root DIR/runs"),
        Case("a reproduction whose data are gone", lambda box: box.ended_run().delete("dev.tsv"),
             "DIR/dev.tsv: no such file. Put it back, or give what DIR is now by --data-path.",
             "reproduce 20260102-030405 --root DIR/runs"),
        Case("a reproduction whose data are not where they are said to be", lambda box: box.ended_run(),
             "DIR/toy/train.tsv: no such file. Put it back, or give what DIR is now by --data-path.",
             "reproduce 20260102-030405 --root DIR/runs --data-path DIR/toy"),
        Case("a reproduction whose base model is gone", lambda box: box.ended_run().rename("toy", "moved"),
             "DIR/toy: no such directory. Put the base model back, or give where it is now by --base.",
             "reproduce 20260102-030405 --root DIR/runs"),
        Case("a reproduction whose schema is not where it is said to be", lambda box: box.ended_run(),
             "DIR/s.pbtxt: no such file. Put the schema back, or give where it is now by --schema.",
             "reproduce 20260102-030405 --root DIR/runs --schema DIR/s.pbtxt"),
        Case("rows to compare that are not there", lambda box: box.ended_run(),
             "DIR/rows.tsv: no such file. Correct the path; its directory is there.",
             "check-data DIR/rows.tsv --against 20260102-030405 --root DIR/runs"),
        Case("rows to compare without the text's column", lambda box: box.ended_run().write("rows.tsv", "txt\ngood\n"),
             "DIR/rows.tsv:1: the text's column is 'text', the header has 'txt'. Did you mean 'txt'? Give "
             "--column, a name or a number from 1.",
             "check-data DIR/rows.tsv --against 20260102-030405 --root DIR/runs"),
        Case("a label's column that is not there", lambda box: box.ended_run(),
             "--label: got 'class', the header has 'text', 'label'. Give a name of the header, or a number "
             "from 1.",
             "check-data DIR/dev.tsv --against 20260102-030405 --root DIR/runs --label class"),
        Case("no rows to compare", lambda box: box.ended_run().write("rows.tsv", "text\n"),
             "DIR/rows.tsv: no rows in it. Give a file with rows.",
             "check-data DIR/rows.tsv --against 20260102-030405 --root DIR/runs"),
        Case("a comparison with a model that is gone", lambda box: box.ended_run(result={"model": "DIR/gone"}),
             "DIR/gone: the run's model is gone. Give a run that `prune` has kept.",
             "check-data DIR/dev.tsv --against 20260102-030405 --root DIR/runs"),
        Case("an unknown sample", nothing,
             "sample data: no sample is called 'movie-review'. Did you mean 'movie-reviews'? There are "
             "movie-reviews, reuters-r8, reuters-topics, newsgroups, documents, conll2003, news-answers, spelled-out, "
             "minilm.",
             "data movie-review"),
    ],
}

def errors_page() -> str:
    """docs/errors.md."""
    lines = [
        "# What can be wrong, and what the command line says",
        "",
        "Each mistake is a test: `tests/pipeline/config/test_bad_inputs.py` makes it, runs the command and compares",
        "the whole message. The command line prints `error: ` and the message on one line; here it is wrapped. The",
        "exit status is 2, nothing else is printed, and nothing is made on disk. DIR is the directory of the files.",
        "`make docs` writes this page.",
        "",
        "`run` holds the first 1,000 rows of each file against the rules before anything starts, and looks for a",
        "header in all of train. What stands further down, too large a share of quarantined rows, the anomalies of",
        "ExampleValidator and texts beyond a limit in `[validation]` stop the run at their node, with the same exit",
        "status. `check` reads the files whole, up to 500,000 rows of a split, and counts equal texts among them.",
    ]
    for title, cases in CASES.items():
        lines += ["", f"## {title}", ""]
        for case in cases:
            lines += [f"- {case.what}", *_block(case.message)]
    lines += ["", "## Rows of the other tasks", "", "`tests/pipeline/config/test_task_rows.py` has them.", ""]
    for task, row, _, message in BROKEN:
        lines += [f"- {task}: `` {row!r} ``", *_block(f"DIR/train.tsv:3: {message}")]
    return "\n".join(lines) + "\n"

def _block(message: str) -> list[str]:
    """A message below an item of a list."""
    lines = (textwrap.wrap(line, 78, break_long_words=False, break_on_hyphens=False) for line in message.split("\n"))
    wrapped = [line for of_line in lines for line in of_line]
    return ["  ```text", *(f"  {line}" for line in wrapped), "  ```"]

def tree(directory: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None for path in directory.rglob("*")
    }

@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{title}: {case.what}") for title, cases in CASES.items() for case in cases]
)
def test_a_mistake_gets_one_message_and_leaves_no_trace(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for heavy in ("tensorflow", "tfx", "apache_beam"):
        monkeypatch.setitem(sys.modules, heavy, None)
    directory = tmp_path / "given"
    box = Box(directory, monkeypatch)
    case.spoil(box)
    monkeypatch.chdir(tmp_path)
    before = tree(tmp_path)
    box.enforce()

    status = pipeline_runner.main(shlex.split(case.command.replace("DIR", str(directory))))

    shown = capsys.readouterr()
    monkeypatch.undo()
    assert shown.err.replace(str(directory), "DIR") == f"error: {case.message}\n"
    assert status == 2
    if "--json" not in case.command.split():
        assert shown.out == ""
    else:
        assert json.loads(shown.out)["failure"]["rule"] in case.message
    assert tree(tmp_path) == before

def test_what_the_cases_spoil_is_in_order_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Box(tmp_path, monkeypatch)
    assert pipeline_runner.main(["check", "--config", str(tmp_path / "run.toml")]) == 0
    assert capsys.readouterr().out.startswith("toy  is in order\n")

def test_the_page_of_errors_is_up_to_date() -> None:
    assert ERRORS.read_text(encoding="utf-8") == errors_page()

if __name__ == "__main__":
    sys.stdout.write(errors_page())
