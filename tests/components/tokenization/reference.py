"""The tokenizer that ours must equal, and what both are made of in tests."""

from collections.abc import Sequence

from tokenizers import AddedToken, Tokenizer

from components.tokenization import vocabulary as tokens
from components.tokenization.vocabulary import TokenizerSettings
from tests.fixtures import make_wordpiece_ids

CONTROL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

UNCASED, CASED = TokenizerSettings(), TokenizerSettings(lower_case=False)

ALL_SETTINGS = [
    TokenizerSettings(lower_case=lower_case, strip_accents=strip_accents, chinese_chars=chinese_chars)
    for lower_case in (True, False)
    for strip_accents in (None, True, False)
    for chinese_chars in (True, False)
]


def made_of(vocabulary: Sequence[str], settings: TokenizerSettings = UNCASED) -> tokens.Tokenizer:
    """Ours."""
    return tokens.Tokenizer(vocabulary=tuple(vocabulary), settings=settings)


def reference(vocabulary: list[str], settings: TokenizerSettings, max_length: int | None = None) -> Tokenizer:
    """Hugging Face's, with truncation to `max_length` if that is given."""
    tokenizer = make_wordpiece_ids.reference(
        vocabulary,
        lower_case=settings.lower_case,
        strip_accents=settings.strip_accents,
        chinese_chars=settings.chinese_chars,
    )
    for added in settings.added_tokens:
        flags = {name: getattr(added, name) for name in ("special", "normalized", "single_word", "lstrip", "rstrip")}
        tokenizer.add_tokens([AddedToken(added.content, **flags)])
        assert tokenizer.token_to_id(added.content) == added.token_id
    if max_length is not None:
        tokenizer.enable_truncation(max_length)
    return tokenizer
