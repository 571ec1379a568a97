"""How the peers train: what is the same of every fine-tuning by Hugging Face's Trainer; runs in their environment."""

from __future__ import annotations

import argparse
import os
from typing import Any


def arguments(options: argparse.Namespace, **more: Any) -> Any:
    """TrainingArguments with the rate and the seed of the options, a tenth of the steps as warm-up, and no output."""
    from transformers import TrainingArguments

    return TrainingArguments(
        os.environ.get("TMPDIR", "/tmp") + "/peer",  # noqa: S108
        learning_rate=options.lr,
        warmup_steps=0.1,
        weight_decay=0.01,
        seed=options.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        **more,
    )
