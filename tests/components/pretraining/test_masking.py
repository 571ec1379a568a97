import dataclasses

import numpy as np
import pytest

from components.pretraining.masking import Masking
from components.tokenization.vocabulary import Tokenizer

TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "##d", "##e")

TOKENIZER = Tokenizer(vocabulary=TOKENS)

MASKING = Masking.of(TOKENIZER, len(TOKENS), 0.15, whole_words=False)


def row(text: str) -> np.ndarray:
    return np.array([TOKENS.index(token) for token in text.split()], np.int32)


def test_no_control_token_and_no_unknown_one_is_hidden_or_stands_for_another() -> None:
    assert [TOKENS[token] for token in MASKING.ordinary] == ["a", "b", "c", "##d", "##e"]
    ids = row("[CLS] [UNK] a [SEP] [MASK] b [SEP] [PAD]")
    seen = set[int]()
    for seed in range(200):
        found = dataclasses.replace(MASKING, share=1.0).draw(ids, np.random.default_rng(seed))
        assert found.places.tolist() == [2, 5]
        kept = np.delete(found.token_ids, found.places)
        assert kept.tolist() == np.delete(ids, found.places).tolist()
        seen |= set(found.token_ids[found.places].tolist())
    assert seen == {TOKENS.index("[MASK]"), *MASKING.ordinary.tolist()}
    assert ids.tolist() == row("[CLS] [UNK] a [SEP] [MASK] b [SEP] [PAD]").tolist()


@pytest.mark.parametrize(("length", "count"), [(1, 1), (3, 1), (10, 2), (20, 3), (100, 15)])
def test_a_share_of_the_tokens_is_hidden_and_at_least_one(length: int, count: int) -> None:
    ids = np.concatenate([row("[CLS]"), np.full(length, 5, np.int32), row("[SEP]")])
    places = MASKING.draw(ids, np.random.default_rng(0)).places
    assert len(places) == len(set(places)) == count
    assert places.tolist() == sorted(places)


def test_a_row_of_control_tokens_alone_has_none_hidden() -> None:
    found = MASKING.draw(row("[CLS] [UNK] [SEP]"), np.random.default_rng(0))
    assert (found.places.tolist(), found.token_ids.tolist()) == ([], row("[CLS] [UNK] [SEP]").tolist())


def test_of_100_000_hidden_tokens_80_in_100_are_masked_10_replaced_and_10_kept() -> None:
    vocabulary = (*TOKENS[:5], *(f"w{number}" for number in range(1000)))
    masking = Masking.of(Tokenizer(vocabulary=vocabulary), len(vocabulary), 0.15, whole_words=False)
    random = np.random.default_rng(7)
    rows, counts = 1000, np.zeros(3)
    for _ in range(rows):
        ids = random.integers(5, len(vocabulary), 667).astype(np.int32)
        found = masking.draw(ids, random)
        assert len(found.places) == 100
        shown, before = found.token_ids[found.places], ids[found.places]
        counts += [np.sum(shown == 4), np.sum((shown != 4) & (shown != before)), np.sum(shown == before)]
    draws = 100 * rows
    # Of those that are replaced, one in a thousand is replaced by itself.
    for share, expected in zip(counts / draws, (0.8, 0.1 * 0.999, 0.1 + 0.1 * 0.001), strict=True):
        assert abs(share - expected) < 3 * np.sqrt(expected * (1 - expected) / draws)


def test_whole_words_are_hidden_whole() -> None:
    masking = dataclasses.replace(MASKING, whole_words=True, share=0.4)
    ids = row("[CLS] a ##d ##e b c ##d [SEP] ##e ##d a [UNK] ##d b [SEP]")
    # What goes on with a word that stands before a cut, or behind [UNK], is a word of its own.
    words = [{1, 2, 3}, {4}, {5, 6}, {8, 9}, {10}, {12}, {13}]
    seen = set[int]()
    for seed in range(100):
        places = set(masking.draw(ids, np.random.default_rng(seed)).places.tolist())
        assert all(word <= places or not word & places for word in words)
        assert 1 <= len(places) <= 4
        seen |= places
    assert seen == set().union(*words)


def test_a_word_longer_than_there_is_room_for_is_hidden_where_it_is_all_there_is() -> None:
    masking = dataclasses.replace(MASKING, whole_words=True)
    found = masking.draw(row("[CLS] a ##d ##e ##d [SEP]"), np.random.default_rng(0))
    assert found.places.tolist() == [1, 2, 3, 4]
