"""What a pre-training pushes, read by transformers' own classes in the environment of the peer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

from bench.common import peer_python
from components.export import pretrained_directory
from components.model.bert import build_encoder
from components.model.pretraining_heads import MaskedLanguageModel
from components.pretrained import base_model, encoder_weights, head_weights
from tests.toys import write_toy_checkpoint

_READ = """
import json, sys
import torch
from transformers import AutoModel, AutoModelForMaskedLM

model, info = AutoModelForMaskedLM.from_pretrained(sys.argv[1], output_loading_info=True)
encoder = AutoModel.from_pretrained(sys.argv[1]).eval()
ids = torch.tensor([json.loads(sys.argv[2])])
with torch.inference_mode():
    logits, states = model.eval()(ids).logits, encoder(ids).last_hidden_state
print(json.dumps([sorted(info["missing_keys"]), logits.tolist(), states.tolist()]))
"""


@pytest.mark.skipif(not peer_python().exists(), reason="there is no environment of the peer: make .venv-peer/installed")
def test_transformers_reads_a_pushed_pre_training_as_a_masked_language_model_and_as_an_encoder(tmp_path: Path) -> None:
    base = write_toy_checkpoint(tmp_path / "base", heads_of_pretraining=True)
    tensors, config = safetensors.numpy.load_file(base / "model.safetensors"), base_model.read_config(base)
    heads = {name: value for name, value in tensors.items() if name.startswith("cls.")}
    encoder = {name: value for name, value in tensors.items() if name not in heads}
    pretrained_directory.write(tmp_path / "1", encoder, heads, config, base, name="toy")

    ids = [2, 5, 6, 7, 3]
    command = [str(peer_python()), "-c", _READ, str(tmp_path / "1"), json.dumps(ids)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    missing, logits, states = json.loads(done.stdout.splitlines()[-1])
    assert missing == []
    built, head = build_encoder(config, blank=True), MaskedLanguageModel(config)
    encoder_weights.load_weights(built, tmp_path / "1")
    head_weights.load_masked_language_model(head, tmp_path / "1", config)
    ours = built(tf.constant([ids]))["sequence_output"]
    np.testing.assert_allclose(states, ours, atol=1e-5)
    np.testing.assert_allclose(logits[0], head(ours[0], built.embeddings.word_rows), atol=1e-4)
