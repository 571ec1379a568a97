"""`fill` by a base model in either form."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipeline_runner
from tests.google_form import write_google_checkpoint
from tests.toys import VOCABULARY, write_toy_checkpoint

TEXTS = ["the film is [MASK] !", "the [MASK] is [MASK]", "[MASK]", "good [MASK] a film the film is bad ."]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_checkpoint(tmp_path_factory.mktemp("fill") / "toy", heads_of_pretraining=True)


@pytest.fixture(scope="module")
def google(toy: Path) -> Path:
    return write_google_checkpoint(toy.with_name("google"), toy)


def filled(capfd: pytest.CaptureFixture[str], model: Path, *words: str) -> list[dict[str, Any]]:
    capfd.readouterr()
    assert pipeline_runner.main(["fill", "--json", "--model", str(model), *words]) == 0
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def by_hand(model: Path, text: str) -> np.ndarray:
    """Of a text's masks, float32[masks, vocabulary]: softmax over the head's logits, from ids put together here."""
    from components.model.bert import build_encoder
    from components.model.pretraining_heads import MaskedLanguageModel
    from components.pretrained import base_model, encoder_weights, head_weights

    config = base_model.read_config(model)
    encoder = build_encoder(config)
    head = MaskedLanguageModel(config)
    encoder_weights.load_weights(encoder, model)
    head_weights.load_masked_language_model(head, model, config)
    words = ["[CLS]", *text.split(" "), "[SEP]"]
    states = encoder(np.array([[VOCABULARY.index(word) for word in words]], np.int32))["sequence_output"][0]
    places = [at for at, word in enumerate(words) if word == "[MASK]"]
    logits = head(states.numpy()[places], encoder.embeddings.word_rows).numpy()
    return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)


def test_each_mask_has_the_most_probable_tokens_of_the_vocabulary(
    toy: Path, google: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for model in (toy, google, google / "bert_model.ckpt"):
        answers = filled(capfd, model, "--top", "3", *TEXTS)
        assert [answer["text"] for answer in answers] == TEXTS
        for answer in answers:
            expected = by_hand(model, answer["text"])
            assert len(answer["masks"]) == len(expected) == answer["text"].count("[MASK]")
            for found, probabilities in zip(answer["masks"], expected, strict=True):
                order = np.argsort(-probabilities)[:3]
                assert [one["token"] for one in found] == [VOCABULARY[token] for token in order]
                np.testing.assert_allclose(
                    [one["probability"] for one in found], probabilities[order], rtol=0, atol=1e-5
                )


def test_all_tokens_add_up_to_one(toy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ((mask,),) = [answer["masks"] for answer in filled(capfd, toy, "--top", "1000", "a [MASK]")]
    assert sorted(one["token"] for one in mask) == sorted(VOCABULARY)
    assert sum(one["probability"] for one in mask) == pytest.approx(1, abs=1e-5)


def test_only_a_mask_is_a_control_token_in_a_text(toy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (typed,), (spelled,) = (one["masks"] for one in filled(capfd, toy, "a [MASK] [SEP] b", "a [MASK] [ sep ] b"))
    assert [one["token"] for one in typed] == [one["token"] for one in spelled]
    assert [one["probability"] for one in typed] == pytest.approx([one["probability"] for one in spelled], abs=1e-6)


def test_a_file_is_answered_as_its_rows_one_by_one(
    toy: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.serving import mask_filler

    # So that masks of a batch are told in several parts.
    monkeypatch.setattr(mask_filler, "_MASKS_AT_A_TIME", 3)
    rows = [f"{text} {'a ' * (number % 9)}".strip() for number, text in enumerate(TEXTS * 5)]
    (tmp_path / "rows.tsv").write_text("".join(f"{line}\n" for line in ("id\ttext", *(f"1\t{row}" for row in rows))))
    output = tmp_path / "out.jsonl"
    command = ["--input", str(tmp_path / "rows.tsv"), "--output", str(output)]
    assert filled(capfd, toy, *command) == []
    together = [json.loads(line) for line in output.read_text().splitlines()]
    assert [answer["text"] for answer in together] == rows
    for one, (other,) in zip(together, ([answer] for answer in filled(capfd, toy, *rows)), strict=True):
        for mask, same in zip(one["masks"], other["masks"], strict=True):
            assert [token["token"] for token in mask] == [token["token"] for token in same]
            assert [token["probability"] for token in mask] == pytest.approx(
                [token["probability"] for token in same], abs=1e-6
            )


def test_lines_of_stdin_give_a_table(
    toy: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the [MASK] is [MASK]\n")))
    capfd.readouterr()
    assert pipeline_runner.main(["fill", "--model", str(toy), "--top", "2"]) == 0
    lines = [line.split("\t") for line in capfd.readouterr().out.splitlines()]
    assert lines[0] == ["text", "mask", "rank", "token", "probability"]
    assert [line[:3] for line in lines[1:]] == [["the [MASK] is [MASK]", mask, rank] for mask in "12" for rank in "12"]
    assert all(0 < float(line[4]) < 1 and line[3] in VOCABULARY for line in lines[1:])


def test_on_a_terminal_the_tokens_stand_below_the_text(toy: Path) -> None:
    from pipeline.commands.fill import _Answers

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    _Answers(out, as_json=False).write("a [MASK]", [[("film", 0.25), ("##ing", 0.125)]])
    _Answers(out, as_json=False, is_seen=True).write("[MASK] [MASK]", [[("a", 0.5)], [("b", 0.25)]])
    assert out.getvalue() == "a [MASK]\n  film 0.250, ##ing 0.125\n  1: a 0.500\n  2: b 0.250\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a " * 30 + "[MASK] [MASK]",
            "TEXT: 2 of 2 [MASK] stand behind the 32 tokens that it takes. Shorten the text.",
        ),
        ("a [mask]", "TEXT: no [MASK] in it, got 'a [mask]'. Put [MASK] where a token is to be found, in quotes on a "),
    ],
)
def test_a_text_that_cannot_be_answered_is_refused(
    toy: Path, text: str, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert pipeline_runner.main(["fill", "--model", str(toy), text]) == 2
    shown = capfd.readouterr()
    assert message in shown.err
    assert shown.out == ""


def test_a_row_without_a_mask_is_named_by_its_line_and_nothing_is_left(
    toy: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, output = tmp_path / "rows.tsv", tmp_path / "out.tsv"
    path.write_text("text\na [MASK]\nthe film\n")
    command = ["fill", "--model", str(toy), "--input", str(path), "--output", str(output)]
    assert pipeline_runner.main(command) == 2
    assert f"{path}:3: no [MASK] in it, got 'the film'." in capfd.readouterr().err
    assert not output.exists()
