"""What stands beside an added token, character by character."""

import tensorflow as tf
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordPiece

from components.tokenization.normalizer import WORD_CHARACTERS


def test_the_same_characters_belong_to_words_as_for_the_reference() -> None:
    reference = Tokenizer(WordPiece({"[UNK]": 0}, unk_token="[UNK]"))  # noqa: S106
    reference.add_tokens([AddedToken("<tag>", single_word=True, normalized=False)])
    tag = reference.token_to_id("<tag>")
    characters = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    encoded = reference.encode_batch_fast([f"{character}<tag>" for character in characters])
    beside = [tag not in encoding.ids for encoding in encoded]
    ours = tf.strings.regex_full_match([c.encode() for c in characters], f"(?s)[{WORD_CHARACTERS}]").numpy().tolist()
    assert [hex(ord(c)) for c, a, b in zip(characters, ours, beside, strict=True) if a != b] == []
