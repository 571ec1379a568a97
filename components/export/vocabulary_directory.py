"""A learned vocabulary as a directory: what a pre-training, a fine-tuning or Hugging Face's BertTokenizer reads."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from components.common.errors import InputError
from components.export.card import VOCABULARY, write_card
from components.tokenization import tokenizer_files
from components.tokenization.tokenizer_json import DESCRIPTION
from components.tokenization.vocabulary import TokenizerSettings, write_vocabulary


def write(directory: Path, tokens: tuple[str, ...], settings: TokenizerSettings, **about: Any) -> None:
    """Writes vocab.txt, tokenizer_config.json and the card.

    Args:
        directory: made if it is not there.
        tokens: in the order of their ids.
        settings: of the tokenizer.
        about: what the card says besides.

    Raises:
        InputError: what is read back is another tokenizer, as where a control token is missing.
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_vocabulary(directory / tokenizer_files.VOCABULARY, tokens)
    described = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": settings.lower_case,
        "strip_accents": settings.strip_accents,
        "tokenize_chinese_chars": settings.chinese_chars,
        "unk_token": settings.unknown,
        "cls_token": settings.start,
        "sep_token": settings.separator,
        "pad_token": settings.padding,
        "mask_token": settings.mask,
    }
    (directory / DESCRIPTION).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    card = {
        "kind": VOCABULARY,
        "vocabulary_sha256": hashlib.sha256((directory / tokenizer_files.VOCABULARY).read_bytes()).hexdigest(),
        "size": len(tokens),
        "tokenizer": described,
        **about,
    }
    write_card(directory, card)
    found = tokenizer_files.read_tokenizer(directory)
    if found.vocabulary != tokens or found.settings != settings or found.mask_id is None:
        problem = "the vocabulary that was learned is not the one that a model would read"
        raise InputError(str(directory), problem, "Correct vocabulary.special_tokens: each has to be a token")
