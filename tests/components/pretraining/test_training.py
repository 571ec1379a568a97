"""Rows, model and loss of a pre-training: by hand, in both forms, in parts; what is written and read again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.export import pretrained_directory
from components.kernels import library
from components.model.forms import CPU, PLAIN, Forms
from components.model.freezing import freeze
from components.model.pretraining_model import EXAMPLES, HIDDEN, NEXT, TOKENS, PretrainingModel
from components.pretrained import base_model, encoder_weights, head_weights
from components.pretraining import initial_model, measuring, objectives
from components.pretraining.examples import unigram_loss
from components.pretraining.masked_rows import MaskedRows
from components.pretraining.masking import Masking
from components.pretraining.pairs import Example
from components.settings.kinds.pretraining import PretrainedModel, Pretraining
from components.tasks.tagging import IGNORED
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.vocabulary import Tokenizer
from components.training import loop
from components.training.checkpoints import Checkpoints
from components.training.history import History
from tests.toys import write_toy_checkpoint

TRAINING = Pretraining(steps=6, batch_size=4, learning_rate=0.01, evaluations_per_epoch=2, dropout=0.0)

EXAMPLES_BY_HAND = [
    Example((0, 3), (3, 5), False),
    Example((5, 7), (0, 3), True),
    Example((7, 11), (11, 12), False),
] * 3


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_checkpoint(tmp_path_factory.mktemp("base"), heads_of_pretraining=True)


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Tokenizer:
    return read_tokenizer(base)


def rows(folder: Path, tokenizer: Tokenizer, name: str = "rows", whole_words: bool = False) -> MaskedRows:
    masking = Masking.of(tokenizer, len(tokenizer.tokens), 0.3, whole_words)
    tokens = np.arange(5, 17, dtype=np.int32)
    return MaskedRows.written(folder / name, tokens, EXAMPLES_BY_HAND, tokenizer, masking, seed=1)


def new(tokenizer: Tokenizer, forms: Forms, training: Pretraining = TRAINING) -> PretrainingModel:
    shape = PretrainedModel(vocabulary="v", max_length=32, layers=2, hidden=8, heads=2)
    return initial_model.new_model(shape, training, tokenizer, forms)


def test_a_row_is_both_texts_between_control_tokens(tmp_path: Path, tokenizer: Tokenizer) -> None:
    found = rows(tmp_path, tokenizer)
    start, separator = tokenizer.start_id, tokenizer.separator_id
    assert found.lengths.tolist() == [8, 8, 8] * 3
    plain = super(MaskedRows, found).batch(np.array([0, 1]))
    assert plain.inputs.tolist() == [
        [start, 5, 6, 7, separator, 8, 9, separator],
        [start, 10, 11, separator, 5, 6, 7, separator],
    ]
    (batch, *_) = found.epoch(9, seed=1, epoch=0)
    random = dict(zip(batch.rows.tolist(), batch.targets[:, NEXT].tolist(), strict=True))
    assert random == {row: int(row % 3 == 1) for row in range(9)}


def test_targets_are_what_was_hidden_and_how_many_there_are(tmp_path: Path, tokenizer: Tokenizer) -> None:
    found = rows(tmp_path, tokenizer)
    for batch in found.epoch(4, seed=1, epoch=0):
        whole = super(MaskedRows, found).batch(batch.rows).inputs
        wanted = batch.targets[:, TOKENS:]
        hidden = wanted != IGNORED
        # 0.3 of the five or so tokens of each.
        assert (hidden.sum(axis=1) == 2).sum() + (hidden.sum(axis=1) == 1).sum() == len(batch.rows)
        assert (wanted[hidden] == whole[hidden]).all()
        assert (batch.inputs[~hidden] == whole[~hidden]).all()
        assert set(batch.targets[:, EXAMPLES]) == {len(batch.rows)}
        assert set(batch.targets[:, HIDDEN]) == {hidden.sum()}
    every = list(found.by_length())
    assert set(np.concatenate([batch.targets[:, EXAMPLES] for batch in every])) == {9}
    assert set(np.concatenate([batch.targets[:, HIDDEN] for batch in every])) == {len(found.hidden_tokens())}


def test_each_epoch_hides_others_and_a_resumed_one_the_same(tmp_path: Path, tokenizer: Tokenizer) -> None:
    found = rows(tmp_path, tokenizer)

    def inputs(epoch: int, first: int = 0) -> list[list[list[int]]]:
        return [batch.inputs.tolist() for batch in found.epoch(4, 1, epoch, first)]

    assert inputs(0) == inputs(0)
    assert inputs(0)[1:] == inputs(0, first=1)
    by_row = [
        {int(row): ids.tolist() for batch in found.epoch(4, 1, epoch) for row, ids in zip(batch.rows, batch.inputs)}  # noqa: B905
        for epoch in (0, 1)
    ]
    assert sum(by_row[0][row] != by_row[1][row] for row in range(9)) > 5


def test_the_loss_is_the_mean_over_hidden_tokens_and_that_over_examples(tmp_path: Path, tokenizer: Tokenizer) -> None:
    model = new(tokenizer, PLAIN)
    (batch,) = rows(tmp_path, tokenizer).epoch(9, 1, 0)
    told = model(batch.inputs, batch.padding_mask, batch.targets)
    expected = told.losses.numpy().mean() + told.next_losses.numpy().mean()
    np.testing.assert_allclose(model.batch_loss(*batch[1:]), expected, rtol=1e-6)
    # Of a new model: about as many nats as all tokens alike, and two answers alike.
    np.testing.assert_allclose(expected, np.log(len(tokenizer.tokens)) + np.log(2), rtol=0.1)
    # In parts, it is the same sum.
    ids, mask, targets = batch[1:]
    parts = [model.batch_loss(ids[part], mask[part], targets[part]) for part in (slice(2), slice(2, 9))]
    np.testing.assert_allclose(sum(parts), expected, rtol=1e-6)
    np.testing.assert_allclose(model.batch_loss_in_halves(*batch[1:]), expected, rtol=1e-6)
    one = ids[:1], mask[:1], targets[:1]
    np.testing.assert_allclose(model.batch_loss_in_halves(*one), model.batch_loss(*one), rtol=1e-6)


def test_what_is_measured_is_the_loss_and_the_shares(tmp_path: Path, tokenizer: Tokenizer) -> None:
    model, found = new(tokenizer, PLAIN), rows(tmp_path, tokenizer)
    (whole,) = found.by_length()
    told = model(whole.inputs, whole.padding_mask, whole.targets)
    metrics = measuring.measure(model, objectives.task(next_sentence=True), found)
    np.testing.assert_allclose(metrics["mlm_loss"], told.losses.numpy().mean(), rtol=1e-6)
    np.testing.assert_allclose(metrics["perplexity"], np.exp(metrics["mlm_loss"]), rtol=1e-6)
    assert metrics["mlm_accuracy"] == pytest.approx(told.hits.numpy().mean())
    assert metrics["nsp_accuracy"] == pytest.approx(told.next_hits.numpy().mean())
    _, losses = measuring.inference(model)(*whole[1:])
    np.testing.assert_allclose(losses.numpy().mean(), model.batch_loss(*whole[1:]), rtol=1e-6)


def trained(
    model: PretrainingModel, found: MaskedRows, folder: Path, training: Pretraining = TRAINING, **steps: Any
) -> History:
    as_training = dataclasses.replace(training.as_training, **steps)
    freeze(model, as_training)
    part, loss = measuring.trained_whole(model), measuring.PretrainingLoss(model.task)
    kept = Checkpoints(folder / "checkpoints", "key", as_training)
    metric = model.task.primary_metric
    return loop.fit_part(part, [model], found, found, as_training, loss, metric, folder / "logs", kept)


def weights(model: PretrainingModel) -> dict[str, np.ndarray]:
    return {variable.path: variable.numpy() for variable in model.variables if "seed" not in variable.path}


@pytest.mark.skipif(not library.built(), reason="the ops were not built")
def test_both_forms_and_parts_of_a_batch_learn_the_same(tmp_path: Path, tokenizer: Tokenizer) -> None:
    found = rows(tmp_path, tokenizer)
    plain, fast, in_parts = new(tokenizer, PLAIN), new(tokenizer, CPU), new(tokenizer, CPU)
    before = weights(plain)
    history = trained(plain, found, tmp_path / "plain")
    trained(fast, found, tmp_path / "fast")
    trained(in_parts, found, tmp_path / "parts", micro_batch=3)
    assert history.evaluations[-1].loss < history.evaluations[0].loss
    for path, value in weights(plain).items():
        np.testing.assert_allclose(weights(fast)[path], value, atol=2e-4, err_msg=path)
        np.testing.assert_allclose(weights(in_parts)[path], value, atol=2e-4, err_msg=path)
        assert (value != before[path]).any(), path


def test_a_training_that_was_killed_goes_on_to_the_same_bits(tmp_path: Path, tokenizer: Tokenizer) -> None:
    found, training = rows(tmp_path, tokenizer), dataclasses.replace(TRAINING, dropout=0.1)
    whole, killed, resumed = (new(tokenizer, PLAIN, training) for _ in range(3))
    trained(whole, found, tmp_path / "whole", training)

    class KilledError(Exception):
        pass

    class KilledRows(MaskedRows):
        def epoch(self, *given: Any, **others: Any) -> Any:
            for number, batch in enumerate(super().epoch(*given, **others)):
                if given[2] == 1 and number == 1:
                    raise KilledError
                yield batch

    dying = rows(tmp_path, tokenizer, "dying")
    dying.__class__ = KilledRows
    with pytest.raises(KilledError):
        trained(killed, dying, tmp_path / "killed", training, checkpoint_steps=1)
    history = trained(resumed, found, tmp_path / "killed", training, checkpoint_steps=1)
    assert history.resumed == [4]
    for path, value in weights(whole).items():
        np.testing.assert_array_equal(weights(resumed)[path], value, err_msg=path)


def test_a_base_model_is_written_as_it_was_read(base: Path, tokenizer: Tokenizer, tmp_path: Path) -> None:
    begun = initial_model.read_model(base, TRAINING, tokenizer)
    assert begun.random == ()
    config = base_model.read_config(base)
    heads = head_weights.stored(begun.model.tokens, begun.model.next_sentence)
    pretrained_directory.write(tmp_path, encoder_weights.stored(begun.model.encoder), heads, config, base, name="toy")
    before, after = base_model.tensors(base), base_model.tensors(tmp_path)
    names = [*encoder_weights.stored(begun.model.encoder), *heads]
    for name in names:
        np.testing.assert_array_equal(after.read(name), before.read(name), err_msg=name)
    assert base_model.read_config(tmp_path) == config
    assert read_tokenizer(tmp_path) == tokenizer
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["BertForPreTraining"]


def test_what_a_base_model_lacks_begins_at_random_and_is_named(tmp_path: Path, tokenizer: Tokenizer) -> None:
    plain = write_toy_checkpoint(tmp_path / "plain")
    begun = initial_model.read_model(plain, TRAINING, tokenizer)
    assert begun.random == ("the head for masked tokens", "the head for the next sentence")
    only = initial_model.read_model(plain, dataclasses.replace(TRAINING, objectives=("mlm",)), tokenizer)
    assert only.random == ("the head for masked tokens",)


def test_without_next_sentences_the_pooler_stays_as_it_was(tmp_path: Path, tokenizer: Tokenizer) -> None:
    training = dataclasses.replace(TRAINING, objectives=("mlm",))
    model = new(tokenizer, PLAIN, training)
    masking = Masking.of(tokenizer, len(tokenizer.tokens), 0.3, whole_words=False)
    examples = [Example((0, 5), (0, 0), False), Example((5, 12), (0, 0), False)]
    found = MaskedRows.written(tmp_path / "rows", np.arange(5, 17, dtype=np.int32), examples, tokenizer, masking, 1)
    assert found.lengths.tolist() == [7, 9]
    before = weights(model)
    trained(model, found, tmp_path, training)
    same = {path for path, value in weights(model).items() if (value == before[path]).all()}
    assert same == {path for path in before if "pooler" in path}
    assert "nsp_accuracy" not in measuring.measure(model, objectives.task(next_sentence=False), found)


def test_bfloat16_trains_to_nearly_the_same_loss(tmp_path: Path, tokenizer: Tokenizer) -> None:
    found = rows(tmp_path, tokenizer)
    losses = []
    for precision in ("float32", "bfloat16"):
        training = dataclasses.replace(TRAINING, precision=precision)
        model = new(tokenizer, PLAIN, training)
        losses.append(trained(model, found, tmp_path / precision, training).evaluations[-1].loss)
        assert keras.config.dtype_policy().name == "float32"
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_the_unigram_loss_by_hand() -> None:
    train, hidden = np.array([0, 5, 5, 6]), np.array([5, 7])
    maskable = np.array([False] * 5 + [True] * 3)
    # Counts with one added: 3, 2, 1.
    assert unigram_loss(train, hidden, maskable) == pytest.approx(-(np.log(3 / 6) + np.log(1 / 6)) / 2)


def test_tokens_of_documents_without_words_are_left_out(tmp_path: Path, tokenizer: Tokenizer) -> None:
    from components.common import feature_names
    from components.pretraining import tokens

    with tf.io.TFRecordWriter(str(tmp_path / "a.gz"), "GZIP") as writer:
        for document in (["The film.", "\u200b", "Is good!"], [], ["\u200b"], ["bad"]):
            example = tf.train.Example()
            example.features.feature[feature_names.SENTENCES].bytes_list.value.extend(
                sentence.encode() for sentence in document
            )
            writer.write(example.SerializeToString())
    found = tokens.read([str(tmp_path / "a.gz")], tokenizer, tmp_path / "tokens")
    assert [tokenizer.tokens[token] for token in found.token_ids] == ["the", "film", ".", "is", "good", "!", "bad"]
    assert found.sentences.tolist() == [3, 3, 1]
    assert found.documents.tolist() == [2, 0, 0, 1]
