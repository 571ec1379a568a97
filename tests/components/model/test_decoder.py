"""The mask of a BERT that writes, what it learns by, and the ways to write."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.model.bert import build_encoder
from components.model.config import BertConfig
from components.model.writing import search
from components.model.writing.decoder import GenerationModel, layout, seen
from components.model.writing.decoding import Cached, Recomputed
from components.model.writing.search import NEVER, repeated, write
from components.settings.generation import Generation
from components.tasks.tagging import IGNORED
from components.tokenization.vocabulary import Tokenizer, TokenizerSettings

PAD, UNK, CLS, SEP, MASK = range(5)
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh")


def made(vocabulary: tuple[str, ...] = VOCABULARY, *, seed: int = 0, layers: int = 2, **how: Any) -> GenerationModel:
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=8,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=40,
        # Far from uniform: what is told depends on what is seen.
        initializer_range=0.9,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    encoder = build_encoder(config, seed=seed)
    unknown = "[UNK]" if "[UNK]" in vocabulary else "[PAD]"
    tokenizer = Tokenizer(vocabulary=vocabulary, settings=TokenizerSettings(unknown=unknown))
    return GenerationModel(encoder, None, Generation(**how), tokenizer=tokenizer, seed=seed)  # type: ignore[arg-type]


def sources(*texts: list[int]) -> tuple[tf.Tensor, tf.Tensor]:
    longest = max(map(len, texts))
    ids = [[*text, *[PAD] * (longest - len(text))] for text in texts]
    return tf.constant(ids), tf.not_equal(tf.constant(ids), PAD)


def test_a_target_sees_its_source_and_what_is_before_it() -> None:
    found = seen(tf.constant([[True, True, False]]), tf.constant([[True, True]]), queries=True)
    assert found.numpy()[0, 0].astype(int).tolist() == [
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 0, 1, 0, 0, 0],
        [1, 1, 0, 1, 1, 0, 0],
        [1, 1, 0, 0, 0, 1, 0],
        [1, 1, 0, 1, 0, 0, 1],
    ]


def test_positions_of_a_target_go_on_behind_its_source() -> None:
    ids, mask = sources([CLS, 5, SEP], [CLS, SEP])
    made = layout(ids, mask, tf.constant([[6, SEP], [7, PAD]]), tf.constant([[True, True], [True, False]]), MASK)
    assert made.positions.numpy().tolist() == [[0, 1, 2, 3, 4, 3, 4], [0, 1, 2, 2, 0, 2, 0]]
    assert made.segments.numpy().tolist() == [[0, 0, 0, 1, 1, 1, 1]] * 2
    assert made.token_ids.numpy()[0].tolist() == [CLS, 5, SEP, 6, SEP, MASK, MASK]


@pytest.mark.parametrize("queries", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_in_no_layer_does_anything_see_a_later_token_of_the_target(layers: int, queries: bool) -> None:
    model = made(layers=3)
    ids, mask = sources([CLS, 5, 6, SEP], [CLS, 7, SEP])
    known = tf.ones([2, 4], tf.bool)
    before, after = (
        model.states(ids, mask, tf.constant([row] * 2), known, queries=queries, layers=layers).numpy()
        for row in ([8, 9, 5, 6], [8, 9, 10, 11])
    )
    # Of the target's tokens the last two are others: sources, the first two, and the queries up to the third stay.
    same = [*range(4), 4, 5, *([8, 9, 10] if queries else [])]
    np.testing.assert_allclose(before[:, same], after[:, same], atol=1e-6)
    others = [6, 7, *([11] if queries else [])]
    assert (np.abs(before[:, others] - after[:, others]).max(axis=-1) > 1e-4).all()


def test_padding_of_sources_and_targets_changes_nothing() -> None:
    model = made()
    alone = model(*sources([CLS, 5, SEP]), tf.constant([[6, SEP]]))
    ids, mask = sources([CLS, 5, SEP], [CLS, 5, 6, 7, SEP])
    beside = model(ids, mask, tf.constant([[6, SEP, IGNORED, IGNORED], [6, 7, 8, SEP]]))
    np.testing.assert_allclose(beside.losses[:2], alone.losses, atol=1e-5)
    assert beside.rows.numpy().tolist() == [0, 0, 1, 1, 1, 1]


def test_the_loss_is_that_of_what_is_asked_when_the_model_writes() -> None:
    model = made()
    ids, mask = sources([CLS, 5, SEP])
    steps = Recomputed(model, ids, mask, 1)
    logits = [steps.first()[0], steps.next(tf.constant([[6]]), [])[0]]
    wanted = [-tf.nn.log_softmax(one)[0, token] for one, token in zip(logits, (6, SEP), strict=True)]
    np.testing.assert_allclose(model(ids, mask, tf.constant([[6, SEP]])).losses, wanted, atol=1e-5)


def test_two_halves_of_a_batch_have_the_loss_of_the_whole() -> None:
    model = made()
    ids, mask = sources([CLS, 5, SEP], [CLS, 6, 7, SEP], [CLS, SEP])
    targets = tf.constant([[6, SEP, IGNORED], [7, 8, SEP], [SEP, IGNORED, IGNORED]])
    whole, halves = (of(ids, mask, targets, smoothing=0.1) for of in (model.batch_loss, model.batch_loss_in_halves))
    np.testing.assert_allclose(halves, whole, rtol=1e-5)
    assert float(whole) != pytest.approx(float(model.batch_loss(ids, mask, targets)), rel=1e-4)


def test_masked_hides_seven_tenths_and_draws_again_each_step() -> None:
    model = made(objective="masked")
    targets = tf.constant(np.random.default_rng(0).integers(5, 13, (200, 20)).astype(np.int32))
    known = tf.constant(np.arange(20) < np.arange(200)[:, np.newaxis] % 20 + 1)
    (shown, chosen), (again, _) = model._hidden(targets, known), model._hidden(targets, known)
    shown, chosen, there = shown.numpy(), chosen.numpy(), known.numpy()
    assert not chosen[~there].any() and chosen.any(axis=1).all()
    assert chosen.sum() / there.sum() == pytest.approx(0.7, abs=0.03)
    assert (shown == targets.numpy())[~chosen].all()
    assert (shown[chosen] == MASK).mean() == pytest.approx(0.8, abs=0.03)
    assert (shown[chosen] == targets.numpy()[chosen]).mean() == pytest.approx(0.1 + 0.1 / 8, abs=0.03)
    assert (shown[chosen] >= MASK).all()
    assert (again.numpy() != shown).any()
    # A model of the same seed draws the same.
    np.testing.assert_array_equal(made(objective="masked")._hidden(targets, known)[0], shown)


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 1000),
    lengths=st.lists(st.integers(2, 7), min_size=1, max_size=3),
    how=st.sampled_from([("greedy", 1, 1), ("beam", 3, 2), ("sample", 4, 2)]),
    room=st.integers(1, 6),
)
def test_kept_keys_and_values_give_what_recomputing_gives(
    seed: int, lengths: list[int], how: tuple[str, int, int], room: int
) -> None:
    kind, beams, best = how
    model = made(seed=seed)
    draws = np.random.default_rng(seed)
    ids, mask = sources(*([CLS, *draws.integers(5, 13, length - 2), SEP] for length in lengths))
    options: dict[str, Any] = {"beams": beams} if kind == "beam" else {}
    generation = Generation(search=kind, best=best, **options)  # type: ignore[arg-type]
    kept, again = (write(model, generation, ids, mask, room, recompute=recompute) for recompute in (False, True))
    np.testing.assert_array_equal(kept.token_ids, again.token_ids)
    np.testing.assert_allclose(kept.scores, again.scores, atol=1e-4)
    np.testing.assert_array_equal(kept.cut, again.cut)


def _enumerated(model: GenerationModel, ids: tf.Tensor, mask: tf.Tensor, words: list[int], most: int) -> Any:
    """Every text with an end of at most so many tokens, with its log-probability by length."""
    steps = Recomputed(model, ids, mask, 1)
    refused = np.full(model.encoder.config.vocab_size, NEVER, np.float32)
    refused[[*words, SEP]] = 0
    for length in range(most):
        for text in itertools.product(words, repeat=length):
            total = 0.0
            for place, token in enumerate([*text, SEP]):
                before = tf.constant([text[:place]], tf.int32)
                logits = steps.first()[0] if not place else steps.next(before, [])[0]
                total += float(tf.nn.log_softmax(logits + refused)[0, token])
            yield total / (length + 1), text


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_beam_of_four_is_a_search_through_everything_over_six_tokens(seed: int) -> None:
    # Two of the six are words, so four beams hold every text of two tokens, and what ends at three.
    model = made(("[PAD]", "[CLS]", "[MASK]", "[SEP]", "a", "b"), seed=seed)
    ids, mask = sources([1, 4, 5, SEP])
    every = sorted(_enumerated(model, ids, mask, [4, 5], 3), reverse=True)[:4]
    found = write(model, Generation(search="beam", beams=4, best=4), ids, mask, 3)
    assert [tuple(token for token in text if token != PAD) for text in found.token_ids.numpy()[0].tolist()] == [
        text for _, text in every
    ]
    np.testing.assert_allclose(found.scores[0], [score for score, _ in every], atol=1e-4)
    assert not found.cut.numpy().any()


def test_one_beam_of_the_first_token_is_greedy_where_nothing_ends_early() -> None:
    ids, mask = sources([CLS, 5, SEP], [CLS, 9, 10, SEP])
    greedy = write(made(), Generation(min_tokens=4, max_tokens=5), ids, mask, 5)
    beam = write(made(), Generation(search="beam", beams=1, min_tokens=4, max_tokens=5), ids, mask, 5)
    np.testing.assert_array_equal(greedy.token_ids[:, :, :4], beam.token_ids[:, :, :4])


def test_least_and_greatest_length_and_what_is_cut() -> None:
    ids, mask = sources([CLS, 5, SEP])
    found = write(made(), Generation(min_tokens=3, max_tokens=3 + 1), ids, mask, 9)
    lengths = (found.token_ids.numpy() != PAD).sum(axis=2)
    assert lengths.min() >= 3 and lengths.max() <= 4
    never_ends = write(made(), Generation(min_tokens=8, max_tokens=9), ids, mask, 9)
    assert never_ends.cut.numpy().tolist() == [[(never_ends.token_ids.numpy() != PAD).sum() == 9]]
    for how in ({"search": "beam"}, {}):
        short = write(made(), Generation(min_tokens=1, max_tokens=2, **how), ids, mask, 9)  # type: ignore[arg-type]
        assert (short.token_ids.numpy() != PAD).sum(axis=2).min() >= 1


def test_no_control_token_is_written_and_no_run_comes_twice() -> None:
    ids, mask = sources([CLS, 5, SEP], [CLS, 6, SEP])
    for how in ({}, {"search": "beam"}, {"search": "sample", "temperature": 3.0}):
        found = write(made(seed=4), Generation(min_tokens=11, no_repeat_ngram=2, **how), ids, mask, 12)
        for text in found.token_ids.numpy().reshape(-1, found.token_ids.shape[2]).tolist():
            kept = [token for token in text if token != PAD]
            assert min(kept) > MASK and len(kept) >= 11
            runs = list(itertools.pairwise(kept))
            assert len(set(runs)) == len(runs)


def test_tokens_that_would_repeat_a_run() -> None:
    tokens = tf.constant([[5, 6, 5], [5, 6, 7]])
    assert np.argwhere(repeated(tokens, 2, 9).numpy()).tolist() == [[0, 6]]
    assert np.argwhere(repeated(tokens, 1, 9).numpy()).tolist() == [[0, 5], [0, 6], [1, 5], [1, 6], [1, 7]]
    assert not repeated(tokens, 4, 9).numpy().any()
    assert not repeated(tf.zeros([2, 0], tf.int32), 2, 9).numpy().any()


def test_samples_follow_the_probabilities_and_not_the_batch() -> None:
    model = made(seed=3)
    many = Generation(search="sample", best=64, max_tokens=1, temperature=1.5, top_k=5)
    ids, mask = sources([CLS, 5, SEP], [CLS, 6, 7, SEP])
    together, alone = write(model, many, ids, mask, 1), write(model, many, ids[:1, :3], mask[:1, :3], 1)
    np.testing.assert_array_equal(together.token_ids[0], alone.token_ids[0])
    other = write(model, dataclasses.replace(many, seed=1), ids, mask, 1)
    assert (other.token_ids.numpy() != together.token_ids.numpy()).any()
    logits = (
        Cached(model, ids[:1, :3], mask[:1, :3], 1).first()[0].numpy()[0]
        + search._Search(model, many, Cached(model, ids, mask, 64), 1)._refused
    )
    five = np.argsort(-logits)[:5]
    expected = np.exp(logits[five] / 1.5) / np.exp(logits[five] / 1.5).sum()
    drawn = np.concatenate(
        [
            write(model, dataclasses.replace(many, seed=s), ids[:1, :3], mask[:1, :3], 1).token_ids[0, :, 0]
            for s in range(12)
        ]
    )
    # The end of a text is shown as padding.
    counted = [np.mean(drawn == (PAD if token == SEP else token)) for token in five]
    np.testing.assert_allclose(counted, expected, atol=0.06)


@pytest.mark.parametrize("how", [{}, {"search": "beam", "beams": 3}])
def test_a_text_leads_where_nothing_but_rounding_speaks_for_another(how: dict[str, Any]) -> None:
    model, generation = made(seed=3), Generation(min_tokens=4, max_tokens=5, **how)
    ids, mask = sources([CLS, 5, SEP], [CLS, 9, 10, SEP])
    first = int(write(model, generation, ids, mask, 5).token_ids[0, 0, 0])
    # Another token that is the same to the model.
    twin = first % 8 + 5
    rows = model.encoder.embeddings.word_rows
    rows.assign(tf.tensor_scatter_nd_update(rows, [[twin]], rows[first : first + 1]))
    plain = write(model, generation, ids, mask, 5)
    texts = plain.token_ids.numpy()[:, 0]
    texts[0, 0] = {first: twin, twin: first}.get(texts[0, 0], PAD)
    led = write(model, generation, ids, mask, 5, led_by=tf.constant(np.pad(texts, [(0, 0), (0, 1)])))
    np.testing.assert_array_equal(led.token_ids[:, 0], texts)
    np.testing.assert_allclose(led.scores[:, 0], plain.scores[:, 0], atol=search.ROUNDING / 4)
    wrong = write(model, generation, ids, mask, 5, led_by=tf.constant(texts[:, ::-1].copy()))
    np.testing.assert_array_equal(wrong.token_ids[1], plain.token_ids[1])


def test_a_nucleus_holds_the_most_probable_token_alone_if_it_is_small() -> None:
    ids, mask = sources([CLS, 5, SEP], [CLS, 6, SEP])
    narrow = write(made(), Generation(search="sample", top_p=1e-6, best=3), ids, mask, 5)
    greedy = write(made(), Generation(), ids, mask, 5)
    for number in range(3):
        np.testing.assert_array_equal(narrow.token_ids[:, number], greedy.token_ids[:, 0])


def test_writing_stops_when_every_row_has_ended() -> None:
    model = made(seed=5)
    # The end is what is most probable everywhere.
    model.tokens.bias.assign(tf.one_hot(SEP, len(VOCABULARY)) * 100.0)
    ids, mask = sources([CLS, 5, SEP], [CLS, 6, SEP])
    for how in ({}, {"search": "beam"}):
        found = write(model, Generation(**how), ids, mask, 30)  # type: ignore[arg-type]
        assert found.token_ids.shape[2] <= 5 and not found.cut.numpy()[:, 0].any()
        assert (found.token_ids.numpy()[:, 0] == PAD).all()


def test_a_vocabulary_without_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="no mask token"):
        made(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"))
