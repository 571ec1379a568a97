import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from components.settings.kinds.vocabulary import SPECIAL_TOKENS, Vocabulary
from components.tokenization.learning import word_counts
from components.tokenization.learning.vocabulary_learner import learn, tokenizer_settings
from components.tokenization.learning.word_counts import Counts
from tests.checkout import ROOT

WORDS = {"low": 50, "lower": 20, "lowest": 30, "new": 60, "newer": 25, "newest": 45, "wide": 15, "!": 9, ",": 70}

LEARNED = [*SPECIAL_TOKENS, *"!,deilnorstw", "new", "low", "##er", *(f"##{c}" for c in "deiorstw")]
"""Of these words, 28 tokens: all characters, pieces by their counts, the characters that stand within a word."""


def counts(words: dict[str, int]) -> Counts:
    return sorted(words.items(), key=lambda one: (-one[1], one[0]))


def learned(words: dict[str, int], **settings: Any) -> Any:
    return learn(counts(words), Vocabulary(**settings), "corpus")


def test_the_most_frequent_pieces_are_tokens_and_no_sign_goes_on_with_a_word() -> None:
    found = learned(WORDS, size=28)
    assert list(found.tokens) == LEARNED
    assert (found.words, found.characters) == (9, 12)


@pytest.mark.parametrize("size", [25, 26, 27, 29, 30, 31, 32])
def test_a_vocabulary_has_as_many_tokens_as_asked_for(size: int) -> None:
    tokens = learned(WORDS, size=size).tokens
    assert len(tokens) == len(set(tokens)) == size
    assert set(tokens) >= set(LEARNED) - {"new", "low", "##er"}


def test_too_few_pieces_stop_the_run_with_their_number() -> None:
    with pytest.raises(InputError) as caught:
        learned(WORDS, size=33)
    assert str(caught.value) == (
        "corpus: vocabulary.size is 33, these documents give 32 tokens. Lower vocabulary.size, lower "
        "vocabulary.min_count (2), or give more documents."
    )


def test_a_size_without_room_for_the_characters_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        learned(WORDS, size=24)
    assert str(caught.value) == (
        "corpus: vocabulary.size is 24, the special tokens and the 12 characters, at the beginning of a word and "
        "within, are 25 tokens. Raise it, or lower vocabulary.max_characters."
    )


def test_no_word_that_is_frequent_enough_is_said() -> None:
    with pytest.raises(InputError, match=r"^corpus: no word stands 100 times in it, of characters that are allowed\. "):
        learned(WORDS, size=20, min_count=100)


def test_rare_characters_and_those_that_are_not_allowed_are_in_no_token() -> None:
    words = WORDS | {"öl": 3, "æon": 2, "x1": 40}
    # The 12 of WORDS, and x and 1 with 40 each.
    assert set("".join(learned(words, size=30, max_characters=14).tokens[5:])) == set("#!,1deilnorstwx")
    assert set("".join(learned(words, size=30, characters=("a-w", ",")).tokens[5:])) == set("#,deilnorstw")


def test_words_below_the_least_count_are_not_learned_from() -> None:
    assert list(learned(WORDS | {"zebra": 4}, size=28, min_count=5).tokens) == LEARNED
    assert "z" in learned(WORDS | {"zebra": 4}, size=36, min_count=4).tokens


def test_special_tokens_stand_first_in_their_order() -> None:
    special = ("[MASK]", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[unused1]")
    assert learned(WORDS, size=30, special_tokens=special).tokens[:6] == special


def test_the_tokens_are_the_same_whatever_python_s_hashes_are() -> None:
    code = (
        "from components.settings.kinds.vocabulary import Vocabulary as V;"
        "from components.tokenization.learning.vocabulary_learner import learn;"
        f"print(learn({counts(WORDS)!r}, V(size=30), '').tokens)"
    )
    said = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        said.append(done.stdout)
    assert said[0] == said[1]
    assert said[0] == f"{learned(WORDS, size=30).tokens}\n"


def test_counts_are_the_same_bytes_in_whatever_order_they_come(tmp_path: Path) -> None:
    ways = []
    for name, some in (("a", Counter({"b": 2, "a": 2, "ü": 3})), ("b", Counter({"ü": 3, "a": 2, "b": 2}))):
        (tmp_path / name).mkdir()
        word_counts.write(tmp_path / name, some.items())
        ways.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert ways[0] == ways[1]
    assert word_counts.read(tmp_path / "a") == [("ü", 3), ("a", 2), ("b", 2)]
    assert word_counts.different(tmp_path / "a") == 3


def test_the_tokenizer_is_the_one_that_the_settings_ask_for() -> None:
    settings = tokenizer_settings(Vocabulary(lower_case=False, strip_accents=True, chinese_chars=False))
    assert (settings.lower_case, settings.strips_accents, settings.chinese_chars) == (False, True, False)
