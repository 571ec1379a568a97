"""One table of what the benches found: each figure with the bound that it is to meet.

python -m bench.table
"""

from __future__ import annotations

from statistics import mean, median
from typing import Any

from bench.common import kept


def main() -> None:
    """Prints a line a figure; one of a part that was not run has a note instead."""
    reviews, r8 = kept("train", "movie-reviews"), kept("train", "reuters-r8")
    predicted = kept("predict", "rows")
    line("full, movie reviews, against padded", _at(reviews, "ours_over", "padded"), "at least 6 x")
    line("full, movie reviews, against grouped", _at(reviews, "ours_over", "grouped"), "at least 2.0 x")
    line("full, Reuters R8, against grouped", _at(r8, "ours_over", "grouped"), "at least 1.7 x")
    for name in ("movie-reviews", "reuters-r8"):
        in_bfloat16 = kept("train", f"{name}-bfloat16")
        line(f"full, {name}, bfloat16, against grouped", _at(in_bfloat16, "ours_over", "grouped"), "at least 1.5 x")
    for name in ("movie-reviews", "reuters-r8"):
        whole_runs(name, kept("pipeline", name).get("runs", []))
    line("head, epochs after the first, against full", _at(kept("train", "head"), "over_full"), "at least 20 x")
    line("tokenizer, against encode_batch", _at(kept("tokenizer", "batches"), "ours_over_peer"), "at least 4 x")
    line("predict, rows/s against torch", _at(predicted, "rows_per_second", "ours_over_peer"), "at least 1.5 x")
    line("one text, latency against torch", _at(predicted, "latency_ms", "ours_over_peer"), "at most 1.0 x")
    for pooling, share in kept("train", "utilisation").get("utilisation", {}).items():
        line(f"utilisation at 128 tokens, {pooling}", share, "at least 0.60")
    for strategy, ratio in kept("train", "memory").get("ratios", {}).items():
        line(f"memory at 10 x the rows, {strategy}", ratio, "at most 1.1 x")


def whole_runs(name: str, runs: list[dict[str, Any]]) -> None:
    """The whole pipeline against the peer: only seeds that both ran."""
    ours, peer = (
        {r["seed"]: r for r in runs if r["who"] == who and r["strategy"] == "full"} for who in ("ours", "peer")
    )
    seeds = sorted(ours.keys() & peer.keys())
    if not seeds:
        line(f"{name}: whole pipeline", None, "")
        return
    wall = median(ours[seed]["total_seconds"] / peer[seed]["total_seconds"] for seed in seeds)
    line(f"{name}: whole pipeline, wall ({len(seeds)} seeds)", wall, "at most 0.8 x")
    for split in ("dev", "test"):
        points = 100 * mean(ours[seed]["accuracy"][split] - peer[seed]["accuracy"][split] for seed in seeds)
        line(f"{name}: accuracy on {split}, points over the peer", points, "at least -0.5")
    cached = median(ours[seed]["cached_beyond_imports"] for seed in seeds)
    line(f"{name}: cached run beyond the imports, s", cached, "under 2")


def line(what: str, figure: float | None, bound: str) -> None:
    """One row of the table."""
    print(f"{what:52} {'not run' if figure is None else f'{figure:.2f}':>9}   {bound}")


def _at(found: dict[str, Any], *keys: str) -> float | None:
    value: Any = found
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


if __name__ == "__main__":
    main()
