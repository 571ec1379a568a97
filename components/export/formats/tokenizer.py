"""The tokenizer's files, by which transformers' AutoTokenizer gives the ids that the model learned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.common.errors import InputError
from components.export.formats.pushed import Pushed
from components.tokenization import tokenizer_files
from components.tokenization.tokenizer_json import DESCRIPTION, WHOLE
from components.tokenization.vocabulary import CONTINUATION, TokenizerSettings, write_vocabulary

_NAMES = tokenizer_files.NAMES
"""The settings' control tokens -> what Hugging Face calls them."""


def write(model: Pushed, directory: Path) -> None:
    """Writes tokenizer.json, tokenizer_config.json, special_tokens_map.json and vocab.txt.

    tokenizer.json truncates and pads, too, for whoever takes it without transformers. What nobody may type as a control
    token is none here either: `split_special_tokens` says so.

    Raises:
        InputError: the tokenizer has what the files cannot state.
    """
    import tokenizers
    from transformers import BertTokenizer, PreTrainedTokenizerFast

    tokenizer, settings = model.tokenizer, model.tokenizer.settings
    parses, names = model.settings.parses_control_tokens, {key: getattr(settings, name) for name, key in _NAMES.items()}
    described: dict[str, Any] = {
        **names,
        "model_max_length": model.settings.most_tokens,
        "do_lower_case": settings.lower_case,
        "strip_accents": settings.strip_accents,
        "tokenize_chinese_chars": settings.chinese_chars,
        "split_special_tokens": not parses,
        "clean_up_tokenization_spaces": True,
    }
    vocabulary = {token: token_id for token_id, token in enumerate(tokenizer.vocabulary)}
    written = BertTokenizer(vocab=vocabulary, **described)
    cut = written.backend_tokenizer
    if (settings.continuation, settings.longest_word) != (CONTINUATION, TokenizerSettings().longest_word):
        cut.model = tokenizers.models.WordPiece(
            vocabulary,
            unk_token=settings.unknown,
            max_input_chars_per_word=settings.longest_word,
            continuing_subword_prefix=settings.continuation,
        )
        # BertTokenizer would make it anew of the vocabulary, as of the usual settings.
        written = PreTrainedTokenizerFast(tokenizer_object=cut, **described)
        cut = written.backend_tokenizer
    for token in sorted(settings.added_tokens, key=lambda token: token.token_id):
        flags = {name: getattr(token, name) for name in ("normalized", "single_word", "lstrip", "rstrip")}
        # Special ones are not looked for, where control tokens are none.
        added = tokenizers.AddedToken(token.content, special=token.special and parses, **flags)
        written.add_tokens([added], special_tokens=token.special and parses)
        if cut.token_to_id(token.content) != token.token_id:
            problem = (
                f"its added token {token.content!r} has the id {token.token_id}, which transformers cannot give it"
            )
            raise InputError(
                str(model.path), problem, "Export it as onnx with its own tokenizer, or leave the token out"
            )
    cut.enable_truncation(model.settings.most_tokens)
    cut.enable_padding(pad_id=tokenizer.padding_id, pad_token=settings.padding)
    written.save_pretrained(directory)
    write_vocabulary(directory / tokenizer_files.VOCABULARY, tokenizer.vocabulary)
    (directory / tokenizer_files.SPECIAL).write_text(json.dumps(names, indent=2) + "\n", encoding="utf-8")


def load(directory: Path) -> Any:
    """The `tokenizers.Tokenizer` that AutoTokenizer makes of what `write` wrote, without transformers."""
    import tokenizers

    cut = tokenizers.Tokenizer.from_file(str(directory / WHOLE))
    described = json.loads((directory / DESCRIPTION).read_text(encoding="utf-8"))
    cut.encode_special_tokens = described["split_special_tokens"]
    return cut
