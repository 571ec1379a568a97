"""Pieces to text: spaces between words and signs as train has them."""

from pathlib import Path

import numpy as np
import pytest

from components.tokenization.plain import PlainWordPiece
from components.tokenization.spacing import Detokenizer, Spacing, kind_of
from components.tokenization.vocabulary import Tokenizer

_SIGNS = ".,!?'\"()$-:%"
_TOKENIZER = Tokenizer(
    vocabulary=(
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *_SIGNS,
        "4",
        "5",
        "it",
        "s",
        "end",
        "##ing",
        "see",
        "好",
        "的",
    )
)


def _again(text: str, spacing: Spacing) -> str:
    ids = PlainWordPiece(_TOKENIZER)([text])[1:-1]
    made = Detokenizer(_TOKENIZER, spacing, len(_TOKENIZER.vocabulary) + 2)
    return made.plain(ids)


_TEXTS = ["it's 4.5, see end.", "(see it) ending!", "$5 - 4: 5%?", "好的"]


def test_targets_of_train_come_back_as_they_were() -> None:
    spacing = Spacing.learned(_TEXTS)
    assert [_again(text, spacing) for text in _TEXTS] == _TEXTS


def test_the_graph_gives_what_python_gives() -> None:
    tokenize, made = PlainWordPiece(_TOKENIZER), Detokenizer(_TOKENIZER, Spacing.learned(_TEXTS), 40)
    rows = [tokenize([text])[1:-1] for text in _TEXTS]
    ids = np.zeros((len(rows) + 1, max(map(len, rows))), np.int32)
    for place, row in zip(ids, rows, strict=False):
        place[: len(row)] = row
    assert [text.decode() for text in made(ids).numpy()] == [*_TEXTS, ""]


def test_what_stands_more_often_holds_and_the_rest_follows_rules() -> None:
    spacing = Spacing.learned(["4 . 5", "4 . 5", "4.5"])
    assert _again("4.5", spacing) == "4 . 5"
    assert _again("see it , ( end ) . it ! 好 的", Spacing()) == "see it, (end). it! 好的"


@pytest.mark.parametrize(
    ("piece", "kind"), [("end", "word"), ("4", "number"), ("4th", "word"), ("。", "。"), ("好", "ideograph")]
)
def test_kinds(piece: str, kind: str) -> None:
    assert kind_of(piece) == kind


def test_spacing_is_read_as_it_was_written(tmp_path: Path) -> None:
    spacing = Spacing.learned(_TEXTS)
    spacing.write(tmp_path)
    assert Spacing.read(tmp_path) == spacing
