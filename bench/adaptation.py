"""What it gives to go on with the texts of a domain before the labels: the sample weights beside adapted ones.

    python -m bench.adaptation [--sets ...] [--seeds 1 2 3] [--short] [--table]

The sample weights are pre-trained further on the texts of train, without labels, by a whole run with `kind =
"pretraining"` (movie reviews: pipeline/configs/movie_reviews_pretraining.toml; Reuters R8 likewise); dev and test rows
are in no corpus. Then both, the sample weights and the adapted ones, are fine-tuned on the same rows with the same
settings, rate and length of the set's shipped config and else the defaults: with all labels of train, or with the first
few hundred and a dev as small as whoever has few labels would have it. There is one adapted model a data set; seeds are
the fine-tunings'. The training core alone fine-tunes, as in `bench.small_data`; the checkpoint is chosen on dev, and
what is reported is accuracy on it and on all of test: the mean, the seeds' spread (greatest less least), each seed's
change, and whether all changes have the same sign and their mean is more than the spread without adaptation.

What was measured is left out when the bench is called again; the pre-training, below runs/bench-adaptation, comes from
its cache or goes on where it was killed. Writes bench/results/adaptation.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from bench.common import ROOT, Run, add_sets, as_toml, keep, kept, settings_of
from bench.runs import carried_out
from bench.small_data import BASE, SmallSet, once, trained
from components.common import tensorflow_env
from components.settings.model import Model
from components.settings.training import Training

KEPT = ROOT / "runs" / "bench-adaptation"

_CONFIGS = ROOT / "pipeline" / "configs"

FEW, FEW_DEV = 300, 100
"""Labels of train and of dev."""

WHO = ("sample", "adapted")


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A data set whose texts are gone on with."""

    folder: str
    """In data/, and with .toml the shipped config."""
    epochs: int
    """Of the pre-training."""


_ALL = 100_000

DOMAINS = {
    "movie reviews": Domain(folder="movie_reviews", epochs=3),
    "reuters r8": Domain(folder="reuters_r8", epochs=2),
}

SETS = {f"{domain}, {FEW} rows": (domain, FEW, FEW_DEV) for domain in DOMAINS} | {
    f"{domain}, all rows": (domain, _ALL, _ALL) for domain in DOMAINS
}
"""Name -> data set, the most rows of train and of dev. The last one alone takes a third of the time, and is not run
unless it is named."""


def main() -> None:
    """Adapts, trains and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_sets(parser, SETS)
    parser.set_defaults(sets=list(SETS)[:-1])
    parser.add_argument("--short", action="store_true", help="some steps of each, of which nothing is kept")
    options = parser.parse_args()
    if options.table:
        report()
        return
    tensorflow_env.set_up()
    adapted = {domain: adapt(domain, options.short) for domain in dict.fromkeys(SETS[name][0] for name in options.sets)}
    for seed in options.seeds[: 1 if options.short else None]:
        for name in options.sets:
            for who in WHO:
                measure(name, who, adapted[SETS[name][0]], seed, short=options.short)
    if not options.short:
        report()


def adapt(name: str, short: bool) -> Path:
    """Pre-trains further; the directory of the model, whatever the gate says of it."""
    KEPT.mkdir(parents=True, exist_ok=True)
    root = KEPT / ("short" if short else "whole")
    config = KEPT / f"{root.name}-{DOMAINS[name].folder}.toml"
    config.write_text(as_toml(pretraining(name, short)), encoding="utf-8")
    record = carried_out(config, root, may_be_refused=True)
    (trainer,) = (node for node in record["nodes"] if node["id"] == "Pretrainer")
    (model,) = (found for uri in trainer["outputs"] if (found := Path(uri, "Format-Serving")).is_dir())
    if not short:
        metrics = {who: values[""] for who, values in record["evaluations"]["dev"]["metrics"].items()}
        of_run = {"seconds": record["training"]["seconds"], "metrics": metrics, "pretraining": record["pretraining"]}
        keep("adaptation", f"pre-training, {name}", {"settings": pretraining(name, short), **of_run})
    return model


def pretraining(name: str, short: bool) -> dict[str, Any]:
    """The shipped config with paths that hold anywhere, and for another data set with its files."""
    domain, settings = DOMAINS[name], settings_of(_CONFIGS / "movie_reviews_pretraining.toml")
    settings["name"] = f"{domain.folder.replace('_', '-')}-pretraining"
    # From KEPT: no path of the machine is to stand in the results.
    settings["corpus"]["files"] = f"../../data/{domain.folder}/train.tsv"
    settings["model"]["base"] = "../../data/minilm"
    settings["training"]["epochs"] = domain.epochs
    settings["gate"] = {"max": {"perplexity": 1e6}}
    if short:
        del settings["training"]["epochs"]
        settings["training"]["steps"] = 3
    return settings


def measure(name: str, who: str, adapted: Path, seed: int, *, short: bool) -> None:
    """One fine-tuning."""
    of, rows, dev_rows = SETS[name]
    folder = DOMAINS[of].folder
    chosen = SmallSet(folder=folder, data={}, rows=rows, dev_rows=dev_rows, test_rows=_ALL)
    shipped = settings_of(_CONFIGS / f"{folder}.toml")
    training = Training(seed=seed, learning_rate=shipped["training"]["learning_rate"])
    model = Model(base=str(adapted if who == "adapted" else BASE), max_length=shipped["model"]["max_length"])
    if short:
        chosen = replace(chosen, rows=64, dev_rows=32, test_rows=32)
        print(json.dumps({"set": name, "who": who, **trained(chosen, replace(training, steps=3), model)}))
    else:
        once("adaptation", name, chosen, {"who": who}, training, model)


def report() -> None:
    """Prints what was measured."""
    for domain in DOMAINS:
        if found := kept("adaptation", f"pre-training, {domain}"):
            losses = ", ".join(f"{who} {values['mlm_loss']:.3f}" for who, values in found["metrics"].items())
            print(f"{domain}: pre-trained for {found['seconds'] / 60:.1f} min; loss of hidden tokens: {losses}")
    print(f"{'':34}{'rows':>6}{'seeds':>6}{'sample':>9}{'spread':>8}{'adapted':>9}{'spread':>8}   change of each seed")
    for name in SETS:
        by_seed: dict[int, dict[str, Run]] = {}
        for run in kept("adaptation", name).get("runs", []):
            by_seed.setdefault(run["seed"], {})[run["who"]] = run
        pairs = [[both[who] for who in WHO] for _, both in sorted(by_seed.items()) if len(both) == len(WHO)]
        for split in ("dev", "test") if pairs else ():
            values = [[pair[side][split] for pair in pairs] for side in range(len(WHO))]
            changes = [after - before for before, after in zip(*values, strict=True)]
            print(f"{f'{name}, {split}':34}{pairs[0][0]['rows']:>6}{len(pairs):>6}", end="")
            for of_one in values:
                print(f"{mean(of_one):>9.4f}{spread(of_one):>8.4f}", end="")
            print(f"   {', '.join(f'{change:+.4f}' for change in changes)}: {verdict(changes, spread(values[0]))}")


def spread(values: list[float]) -> float:
    """Greatest less least."""
    return max(values) - min(values)


def verdict(changes: list[float], without: float) -> str:
    """In words: what all seeds say, and more than seeds differ by without adaptation.

    Args:
        changes: of each seed, of a metric that is better where it is greater.
        without: the spread of the seeds without adaptation.
    """
    if abs(mean(changes)) <= without or min(changes) < 0 < max(changes):
        return "nothing beyond the seeds"
    return "better" if mean(changes) > 0 else "worse"


if __name__ == "__main__":
    main()
