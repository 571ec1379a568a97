"""A gate with claims and an anchor in whole runs: the verdict's lines, scheduled steps with one killed, pruning."""

import time
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from components.serving.versions import versions
from tests.pipeline.conftest import GATE, LEARNS, FirstRun, Run
from tests.pipeline.runners.test_scheduled import export, nodes, process, result, step

pytestmark = pytest.mark.slow

CLAIMS = {"no_worse": {"accuracy": 0.5}, "max_flips": 1.0, "anchor": "best", "anchor_no_worse": {"accuracy": 0.5}}

RULES = ("min accuracy", "max_flips", "no_worse accuracy", "anchor_no_worse accuracy")


@pytest.fixture
def run(run_again: Run) -> Run:
    """Trains with another seed than the first run, and gates: exit status and record."""

    def call(seed: int = 2, **gate: Any) -> tuple[int, dict[str, Any]]:
        return run_again(training=LEARNS | {"seed": seed}, gate=GATE | gate)

    return call


def lines(found: dict[str, Any]) -> dict[str, str]:
    return {line["rule"]: line["result"] for line in found["evaluations"]["dev"]["verdict"]}


def test_a_model_of_which_too_little_is_known_is_refused_with_the_reason(run: Run, first_run: FirstRun) -> None:
    before = versions(first_run.serving)
    status, found = run(no_worse={"accuracy": 0.01})
    assert (status, found["state"]) == (3, "refused")
    (reason,) = found["evaluations"]["dev"]["reasons"]
    assert "in production: undecided, truly between " in reason
    assert lines(found) == {"min accuracy": "pass", "no_worse accuracy": "fail"}
    assert versions(first_run.serving) == before
    assert run(no_worse={"accuracy": 0.01}, undecided="push")[0] == 0


def test_a_pinned_anchor_is_compared_with_and_is_not_pruned(
    run: Run, first_run: FirstRun, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = versions(first_run.serving)
    status, found = run(seed=3, **CLAIMS | {"anchor": first})
    assert (status, found["state"]) == (0, "pushed")
    dev = found["evaluations"]["dev"]
    assert (dev["baseline_version"], dev["anchor"]["baseline_version"]) == (str(second), str(first))
    assert lines(found) == dict.fromkeys(RULES, "pass")
    assert pipeline_runner.main(["show", "--root", str(first_run.root)]) == 0
    shown = capfd.readouterr().out
    assert all(rule in shown for rule in RULES)
    assert pipeline_runner.main(["prune", "--root", str(first_run.root), "--versions", "1", "--dry-run"]) == 0
    assert f"version {first} stays: what gate.anchor names" in capfd.readouterr().out


def test_scheduled_steps_with_the_anchor_killed_give_the_bits_of_a_local_run(
    run: Run, first_run: FirstRun, tmp_path: Path
) -> None:
    status, found = run(seed=3, **CLAIMS)
    assert (status, lines(found)) == (0, dict.fromkeys(RULES, "pass"))
    # Elsewhere there is nothing to compare with.
    dag, root = export(first_run.folder / "run.toml", tmp_path), tmp_path
    assert step("begin-run", dag, "killed") == 0
    for node in nodes(dag):
        if node in ("Anchor", "Evaluator"):
            killed = process("run-node", dag, "killed", node)
            time.sleep(1)
            killed.kill()
            killed.wait()
        assert step("run-node", dag, "killed", node) == 0
    assert step("end-run", dag, "killed") == 0
    ours, theirs = result(root), result(first_run.root)
    assert ours["weights_sha256"] == theirs["weights_sha256"]
    assert ours["metrics"]["dev"] == theirs["metrics"]["dev"]
