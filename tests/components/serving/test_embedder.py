from pathlib import Path

import numpy as np

from components.serving.embedder import BaseEmbedder
from components.settings.model import Model
from tests.toys import write_toy_checkpoint


def test_padding_is_what_the_tokenizer_says_and_0_a_token_like_any_other(tmp_path: Path) -> None:
    vocabulary = ["good", "[UNK]", "[CLS]", "[SEP]", "[PAD]", "film"]
    embedder = BaseEmbedder(
        write_toy_checkpoint(tmp_path, vocabulary), Model(base="toy", max_length=16, pooling="mean")
    )
    together = list(embedder.vectors(["good", "", "film film film", "good good"]))
    alone = [next(embedder.vectors([text])) for text in ("good", "", "film film film", "good good")]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert np.abs(alone[0] - alone[1]).max() > 1e-3
    assert np.abs(alone[0] - alone[3]).max() > 1e-3
