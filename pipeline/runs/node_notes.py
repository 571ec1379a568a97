"""What each node of a run has to tell, in a line."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from statistics import NormalDist
from typing import Any

from components import tasks
from components.calibration.of_task import CALIBRATION_FILE
from components.drift.data_comparison import DRIFT_FILE
from components.export.card import exported_as, read_card
from components.export.card_task import task_of
from components.export.formats import beside
from components.leakage import duplicates
from components.rows import label_names, row_counts, text_statistics
from components.serving.versions import versions
from components.training.history import HISTORY_FILE, has_not_learned, is_rising, is_short
from components.verdict.summary import CANDIDATE, SUMMARY_FILE, intervals_of, split_of
from pipeline.runs import manifest, vocabulary_notes
from pipeline.runs.record import RunRecord
from pipeline.runs.vocabulary_notes import row_note

_NO_VERSION = {
    "Baseline": "no other model in production",
    "Predecessor": "no model of other data in production",
    "Anchor": "no version whose card says how it was measured",
}


def training_note(found: dict[str, Any]) -> str:
    """What Trainer has to tell, in a line."""
    best = next(one["value"] for one in found["evaluations"] if one["step"] == found["best_step"])
    parts = [f"dev {found['metric']} {best:.4f}", training_speed(found)]
    if cut := found["words_cut"]:
        parts.append(f"{cut:,} words beyond max_length")
    if found["damaged"]:
        parts.append(f"without the damaged checkpoint {' and '.join(found['damaged'])}")
    if found["resumed"]:
        parts.append(f"resumed at step {found['resumed'][-1]}")
    return ", ".join(parts)


def training_warnings(found: dict[str, Any]) -> list[str]:
    """What a person should know of a training though its model may be pushed."""
    warned = []
    if is_short(found):
        warned.append(
            f"{found['steps']:,} steps of training are few, and the loss on dev was still falling when they ended; "
            "more training.epochs, or a smaller batch_size, may learn more"
        )
    if is_rising(found):
        before, now = (one["value"] for one in found["evaluations"][-2:])
        warned.append(
            f"dev {found['metric']} was still rising when the training ended, from {before:.4f} to {now:.4f} in its "
            "last part; more training.epochs may learn more"
        )
    if not has_not_learned(found):
        return warned
    least = min(one["loss"] for one in found["evaluations"])
    return [
        *warned,
        f"next to nothing was learned: the loss on dev, at best {least:.3f}, is that of guessing by the labels' shares "
        f"in train ({found['guessed_loss']:.3f}); more training.epochs, another learning_rate or more rows may help",
    ]


_SURELY = 2.576
"""Standard errors: a difference beyond is chance in one of a hundred pairs of splits."""

_SOME_ROWS = 0.5
"""Upper end of the interval of a recall of 0, below which there are four rows or more."""


def never_found(summary: dict[str, Any], node: str) -> list[str]:
    """The labels of dev of which no row is found."""
    if node != "Evaluator" or "recall" not in summary.get("per_label", ()):
        return []
    values, known = summary["metrics"][CANDIDATE][""], intervals_of(summary)
    names = [
        label
        for label in summary["labels"]
        if values.get(f"recall/{label}") == 0.0 and known.get(f"recall/{label}", (0.0, 1.0))[1] < _SOME_ROWS
    ]
    if not names:
        return []
    listed = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
    return [
        f"of no row of {split_of(summary, 'dev')} the model finds the label {listed}; more rows of it, more "
        'training.epochs or class_weights = "balanced" may help'
    ]


def test_below_dev(evaluations: dict[str, dict[str, Any]]) -> list[str]:
    """That the first metric is worse on test than on dev, by more than chance allows; told by the later node."""
    if not {"dev", "test"} <= evaluations.keys():
        return []
    dev, test = evaluations["dev"], evaluations["test"]
    name = dev["headline"][0]
    metric = tasks.TASKS[dev["task"]].metric_of(name)
    found = [(of["metrics"][CANDIDATE][""].get(name), intervals_of(of).get(name)) for of in (dev, test)]
    if metric is None or any(value is None or ends is None for value, ends in found):
        return []
    (on_dev, dev_ends), (on_test, test_ends) = found
    gated = split_of(dev, "dev")
    better = (on_dev - on_test) * (1 if metric.higher_is_better else -1)
    quantile = NormalDist().inv_cdf((1 + dev["confidence"]) / 2)
    errors = [(ends[1] - ends[0]) / 2 / quantile for ends in (dev_ends, test_ends) if ends]
    if better <= _SURELY * math.hypot(*errors):
        return []
    return [
        f"{name} is {on_test:.4f} on test and {on_dev:.4f} on {gated}, more than chance makes of equal rows: look "
        f"whether the two are of one kind, and whether {gated} has texts of train; more rows of dev make a choice by "
        "it safer"
    ]


def training_speed(training: dict[str, Any]) -> str:
    """Examples/s of the training steps, and what the frozen layers took before them."""
    frozen = training["frozen_seconds"]
    before = f"frozen layers {frozen:.0f} s, then " if frozen else ""
    return f"{before}{training['examples_per_second']:.0f} examples/s"


def drift_note(found: dict[str, Any]) -> str:
    """What DriftValidator has to tell, in a line."""
    if found["version"] is None:
        return "no version to compare with"
    version = f"version {found['version']}"
    unlike = found.get("unlike")
    if not found["measures"] and unlike:
        return f"{version} {unlike}: not compared with what it learned from"
    if not found["measures"]:
        return f"{version} has no data profile"
    older = "".join(f", {name} not compared: profile of an older form" for name in found.get("not_compared", []))
    exceeded = [
        f"{one['name']} {one['value']:.3f} over {one['limit']:g}" for one in found["measures"] if one["exceeded"]
    ]
    which = f"{version}, which {unlike}" if unlike else version
    return (f"drifted from {which}: {', '.join(exceeded)}" if exceeded else f"like the data of {which}") + older


def calibration_note(found: dict[str, Any]) -> str:
    """What Calibration has to tell, in a line."""
    before, after = found["before"], found["after"]
    if "thresholds" in found:
        given = found["thresholds"].values()
        names = [name for name in before if "/" not in name]
        gained = ", ".join(f"{name} {before[name]:.4f} to {after[name]:.4f}" for name in names)
        return f"thresholds {min(given):.2f} to {max(given):.2f}, by cross-fitting {gained}"
    error = f"calibration error {before['ece']:.4f} to {after['ece']:.4f} by cross-fitting"
    answers = ""
    if abstention := found.get("abstention"):
        answers = (
            f", answers {abstention['coverage']:.1%} of rows, at most {abstention['bound']:.1%} of them wrong"
            if abstention["answered"]
            else f", answers no row: at no bound on the probability are at most {abstention['error']:.1%} wrong"
        )
    return f"temperature {found['temperature']:.3f}, {error}{answers}"


def serving_note(found: dict[str, Any]) -> str:
    """What ServingValidator has to tell, in a line."""
    if not found["blessed"]:
        return f"refused: {'; '.join(found['reasons'])}"
    return (
        f"{found['rows']:,} rows answered as they should be, loaded in {found['load_seconds']:.1f} s, "
        f"{found['latency_ms']:.1f} ms a request, {found['peak_mb']:,.0f} MB"
    )


def learned_rows(summary: dict[str, Any]) -> int:
    """Rows of an evaluation that the model in production has learned from, as far as is known."""
    return summary.get("learned", {}).get("rows") or 0


def baseline_note(summary: dict[str, Any], split: str) -> str:
    """How the model in production was compared with, if there is something to say of it."""
    if "not_compared" in summary:
        return f", not compared: {summary['not_compared']}"
    learned = summary.get("learned", {"rows": 0})
    if learned["rows"] is None:
        return f", what it has learned from is unknown: compared on all rows of {split}"
    if not learned["rows"]:
        return ""
    rows = f"{learned['rows']:,} of {learned['of']:,} rows of {split}"
    if "metrics" in learned:
        return f", compared without the {rows} that it has learned from"
    return f", has learned from {rows}: not compared with"


def _measured(summary: dict[str, Any], name: str) -> str:
    """A metric of all rows and its interval."""
    found = f"{name} {summary['metrics'][CANDIDATE][''][name]:.4f}"
    ends = intervals_of(summary).get(name)
    return f"{found} ({ends[0]:.3f}..{ends[1]:.3f})" if ends else found


def _files(record: RunRecord) -> list[str]:
    """The run's input files, in the order of reading: what comes from cache may have been read from elsewhere."""
    return [file.path for file in manifest.read_alone(Path(record.directory)).data]


def _evaluated(record: RunRecord, node: str, summary: dict[str, Any]) -> str:
    """What an Evaluator has to tell."""
    record.evaluations["test" if node.endswith("test") else "dev"] = summary
    record.node(node).warnings = [*never_found(summary, node), *test_below_dev(record.evaluations)]
    overall = summary["metrics"][CANDIDATE][""]
    names = (summary["headline"][0], *tasks.TASKS[summary["task"]].served_metrics)
    measured = ", ".join(_measured(summary, name) for name in names if name in overall)
    verdict = {True: ", blessed", False: ", refused", None: ""}[summary.get("blessed")]
    if "metrics" in summary.get("learned", {}):
        measured += f", compared without {learned_rows(summary):,} rows"
    elif node == "Evaluator.test" and (compared := baseline_note(summary, "test")):
        # Of dev the report says it, beside the baseline.
        measured += f", version {summary['baseline_version']}{compared}"
    return measured + verdict


def note_of(record: RunRecord, node: str, outputs: dict[str, list[str]]) -> str:
    """Copies into the record what a node has to tell, and returns it in words."""
    match node:
        case _ if node in vocabulary_notes.NODES:
            return vocabulary_notes.note_of(record, node, outputs)
        case "TsvExampleGen":
            (examples,) = map(Path, outputs["examples"])
            read = row_note(record, examples, "rows")
            task, labels = tasks.read(examples), row_counts.labels_of_train(examples)
            alone = {_files(record)[place]: label for place, label in row_counts.labels_alone(examples).items()}
            record.node(node).warnings = label_names.warnings(labels, task, alone)
            return read
        case "ExampleValidator":
            counted = Path(outputs["anomalies"][0])
            texts, found_twice = text_statistics.read(counted), duplicates.read(counted)
            record.duplicates = {split: dataclasses.asdict(found) for split, found in found_twice.items()}
            record.texts = {split: dataclasses.asdict(found) for split, found in texts.items()}
            of_rows = duplicates.warnings(found_twice, _files(record))
            record.node(node).warnings = of_rows + text_statistics.warnings(texts)
            return texts["train"].note("train")
        case "Trainer":
            record.training = json.loads(Path(outputs["model_run"][0], HISTORY_FILE).read_text())
            record.node(node).warnings = training_warnings(record.training)
            return training_note(record.training)
        case "Baseline" | "Predecessor" | "Anchor":
            if not outputs.get("baseline"):
                return _NO_VERSION[node]
            known = Path(outputs["baseline"][0], "Format-Serving")
            (learned_from,) = record.node("TsvExampleGen").outputs
            unlike = tasks.unlike(task_of(known), tasks.read(learned_from)) if "task" in read_card(known) else ""
            whose = "the version" if node == "Anchor" else "the model in production"
            return f"{whose} {unlike}" if unlike else ""
        case "DriftValidator":
            record.drift = json.loads(Path(outputs["anomalies"][0], DRIFT_FILE).read_text())
            return drift_note(record.drift)
        case "Calibration":
            record.calibration = json.loads(Path(outputs["model"][0], CALIBRATION_FILE).read_text())
            return calibration_note(record.calibration)
        case "ServingValidator":
            # Imports TensorFlow, which a node has by now, and a command need not.
            from components.serving.validation import SERVING_FILE

            record.serving = json.loads(Path(outputs["blessing"][0], SERVING_FILE).read_text())
            return serving_note(record.serving)
        case "Evaluator" | "Evaluator.test":
            return _evaluated(record, node, json.loads(Path(outputs["evaluation"][0], SUMMARY_FILE).read_text()))
        case "Pusher":
            pushed = Path(outputs["pushed_model"][0])
            if int(pushed.name) in versions(pushed.parent) and record.evaluations["dev"]["blessed"]:
                record.pushed = str(pushed)
                forms = [exported_as(path) for path in beside.of_version(pushed)]
                return f"version {pushed.name}{', also as ' * bool(forms)}{', '.join(forms)}"
            return "nothing pushed"
    return ""
