import numpy as np

from components.tokenization.coverage import Coverage
from components.tokenization.vocabulary import SEPARATOR, START, UNKNOWN
from tests.components.tokenization.reference import made_of

TOKENS = ["[PAD]", UNKNOWN, START, SEPARATOR, "film", "##s", "##ing", "a", "##b", "я"]


def kinds(*tokens: str) -> list[str]:
    """Of each word that the tokens begin what it is, in their order."""
    found = Coverage(made_of(TOKENS)).words(np.array([TOKENS.index(token) for token in tokens]))
    named = {"unknown": found.unknown, "whole": found.whole, "spelled": found.spelled}
    return [
        "+".join(name for name, mask in named.items() if mask[place]) for place in np.flatnonzero(found.begins).tolist()
    ]


def test_a_word_is_unknown_whole_spelled_out_or_cut_into_longer_pieces() -> None:
    # [UNK], film, a##b in single characters, film##s, a##ing.
    row = [START, UNKNOWN, "film", "a", "##b", "film", "##s", "a", "##ing", SEPARATOR]
    assert kinds(*row) == ["unknown", "whole", "spelled", "", ""]


def test_a_word_of_one_character_is_whole() -> None:
    assert kinds(START, "a", "я", SEPARATOR) == ["whole", "whole"]


def test_words_of_different_rows_are_kept_apart() -> None:
    assert kinds(START, "a", SEPARATOR, START, "##b", "film", SEPARATOR) == ["whole", "whole"]
