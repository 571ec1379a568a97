"""What a report tells of a training, for people."""

from __future__ import annotations

from pipeline.runs.node_notes import training_speed
from pipeline.runs.record import RunRecord
from pipeline.runs.vocabulary_notes import token_speed


def training_facts(record: RunRecord) -> list[tuple[str, str]]:
    """(name, value) of a fine-tuning, or of a pre-training."""
    trained = record.training
    share = trained["trainable_parameters"] / trained["parameters"]
    best = f"best checkpoint at step {trained['best_step']} of {trained['steps']}"
    speed = token_speed(record.pretraining, trained) if record.pretraining else training_speed(trained)
    return [
        ("parameters", f"{trained['trainable_parameters']:,} trained ({share:.1%} of the model)"),
        ("training", f"{speed}, {best}"),
        *(("chosen", f"{one['key']} = {one['value']}: {one['why']}") for one in trained.get("chosen", [])),
    ]
