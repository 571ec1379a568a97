"""The tokenizer that ours must equal, and what both are made of in tests."""

from tokenizers import Tokenizer

from components.tokenization.vocabulary import TokenizerSettings
from tests.fixtures import make_wordpiece_ids

CONTROL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

UNCASED, CASED = TokenizerSettings(), TokenizerSettings(lower_case=False)


def reference(vocabulary: list[str], settings: TokenizerSettings, max_length: int | None = None) -> Tokenizer:
    """Hugging Face's, with truncation to `max_length` if that is given."""
    tokenizer = make_wordpiece_ids.reference(
        vocabulary,
        lower_case=settings.lower_case,
        strip_accents=settings.strip_accents,
        chinese_chars=settings.chinese_chars,
    )
    if max_length is not None:
        tokenizer.enable_truncation(max_length)
    return tokenizer
