"""`fill`: the most probable tokens for each [MASK] of a text, by a base model."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice, tee
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from components.common import atomic_files, progress, streams
from components.common.errors import InputError
from components.common.exit_status import DONE
from components.export.card import read_card
from components.pretrained import base_model, encoder_weights, head_weights
from components.serving import versions
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.vocabulary import Tokenizer
from pipeline.commands import given_texts, named_models
from pipeline.commands.embed import Source

if TYPE_CHECKING:
    from components.serving.mask_filler import Filled, MaskFiller

_COLUMNS = ("text", "mask", "rank", "token", "probability")


class Filler:
    """A base model whose files are in order, loaded when it is first asked.

    Args:
        model: a base model.
        top: tokens for each mask.

    Raises:
        InputError: it is a pushed model, or has no head for masked tokens, or no token to mask with.
    """

    def __init__(self, model: Path, top: int) -> None:
        self._model, self._top = _base_of(model), top
        self._tokenizer = _checked(self._model)
        self._loaded: MaskFiller | None = None

    @property
    def mask(self) -> str:
        """[MASK], or what the model has for it."""
        return self._tokenizer.settings.mask

    def filled(self, rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Filled]]:
        """Each text, and the tokens for its masks.

        Args:
            rows: place and text.

        Raises:
            InputError: as `check`, or a text with a mask behind the most tokens that the model takes.
        """
        checked: Iterator[tuple[str, str]] = map(self.check, rows)
        # A mistake in the first row comes before the model is loaded.
        first = list(islice(checked, 1))
        again, checked = tee(chain(first, checked))
        found = self._model_loaded().filled(text for _, text in checked) if first else ()
        for (place, text), masks in zip(again, found, strict=True):
            if len(masks) < (count := text.count(self.mask)):
                most = base_model.read_config(self._model).max_position_embeddings
                problem = f"{count - len(masks)} of {count} {self.mask} stand behind the {most} tokens that it takes"
                raise InputError(place, problem, "Shorten the text")
            yield text, masks

    def check(self, row: tuple[str, str]) -> tuple[str, str]:
        """The row itself, place and text.

        Raises:
            InputError: a text without a mask, or with a tab or the end of a line.
        """
        place, text = row
        if self.mask not in text:
            remedy = f"Put {self.mask} where a token is to be found, in quotes on a shell"
            raise InputError(place, f"no {self.mask} in it, got {text[:80]!r}", remedy)
        if any(character in text for character in "\t\r\n"):
            raise InputError(place, f"a tab or the end of a line in it, got {text[:80]!r}", "Put a space there")
        return row

    def _model_loaded(self) -> MaskFiller:
        if self._loaded is None:
            with streams.hidden_stderr():
                from components.serving.mask_filler import MaskFiller

                self._loaded = MaskFiller(self._model, self._tokenizer, self._top)
        return self._loaded


class _Answers:
    """On a terminal for people; else a row for each token below a header, or an object for each text."""

    def __init__(self, out: TextIO, as_json: bool, is_seen: bool = False) -> None:
        self._out, self._as_json, self._is_seen, self._begun = out, as_json, is_seen, False

    def write(self, text: str, found: Filled) -> None:
        if self._as_json:
            masks = [[{"token": token, "probability": probability} for token, probability in mask] for mask in found]
            self._print(json.dumps({"text": text, "masks": masks}, ensure_ascii=False, allow_nan=False))
        elif self._out.isatty():
            if not self._is_seen:
                self._print(text)
            for number, mask in enumerate(found, 1):
                tokens = ", ".join(f"{token} {probability:.3f}" for token, probability in mask)
                self._print(f"  {f'{number}: ' if len(found) > 1 else ''}{tokens}")
        else:
            if not self._begun:
                self._print(*_COLUMNS)
            for number, mask in enumerate(found, 1):
                for rank, (token, probability) in enumerate(mask, 1):
                    self._print(text, number, rank, token, f"{probability:.6f}")
        self._begun = True

    def _print(self, *fields: object) -> None:
        print(*fields, sep="\t", file=self._out)


def _base_of(model: Path) -> Path:
    """The base model that a path means.

    Raises:
        InputError: none.
    """
    if base_model.is_base_model(model):
        return model
    version = versions.located(model)
    if not base_model.is_base_model(version):
        base = read_card(version).get("base_model")
        problem = "a pushed model, which has its task's head in place of the one for masked tokens"
        remedy = f"Give a base model that has one{f', perhaps the one it came from: {base}' if base else ''}"
        raise InputError(str(version), problem, remedy)
    return version


def _checked(model: Path) -> Tokenizer:
    config = base_model.read_config(model)
    tokenizer = read_tokenizer(model)
    encoder_weights.check_weights(model, config)
    if not head_weights.has_masked_language_model(model):
        problem = "it has no head for masked tokens: that is left out where a model is saved for other tasks"
        remedy = "Give a model as it was pre-trained, such as bert-base-uncased (BertForMaskedLM, BertForPreTraining)"
        raise InputError(str(model), problem, remedy)
    head_weights.check_masked_language_model(model, config)
    if tokenizer.mask_id is None:
        problem = f"its vocabulary has no {tokenizer.settings.mask}"
        raise InputError(str(model), problem, "Give a model with the vocabulary that it was pre-trained with")
    return tokenizer


def fill_file(filler: Filler, source: Source, output: Path | None, as_json: bool, terminal: TextIO) -> None:
    """Writes what `filled` finds for each text of a file, `output` None to standard output.

    Raises:
        InputError: a file that cannot be read or written, or has no rows, and as `filled`.
    """
    size, placed = source.placed()
    counted, again = tee(placed)
    count = 0
    with atomic_files.written(output) as out, progress.watch(terminal, source.path.name, out):
        answers = _Answers(out, as_json)
        filled = filler.filled((place, text) for place, text, _ in counted)
        with progress.progress(size) as bar:
            for count, ((text, found), (_, _, read)) in enumerate(zip(filled, again, strict=True), 1):
                answers.write(text, found)
                bar.advance(read, f"{count:,} rows, {bar.rate(count):.0f} rows/s")
        if not count:
            raise InputError(str(source.path), "no rows in it", "Give a file with rows")


def _answer_lines(filler: Filler, stream: TextIO, out: TextIO, as_json: bool) -> None:
    """Answers each line of a terminal before the next one is read; of a mistake it tells."""
    print(f"a text with {filler.mask} a line, end with Ctrl-D", file=sys.stderr)
    answers = _Answers(out, as_json, is_seen=True)
    for place, line in given_texts.lines(stream):
        try:
            if line.strip():
                for text, found in filler.filled([(place, line)]):
                    answers.write(text, found)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
        out.flush()


def execute(options: argparse.Namespace) -> int:
    given = {"--column": options.column, "--no-header": options.no_header, "--output": options.output}
    for option, value in given.items():
        if options.input is None and value:
            raise InputError(option, "goes with --input", "Give --input rows.tsv, or leave it out")
    if options.input is not None and options.text:
        raise InputError("--input", "texts are given too", "Give either --input or texts")
    given_texts.check(options.text)
    filler = Filler(named_models.model_path(options.model, options.root), options.top)
    if options.input is not None:
        source = Source(options.input, options.column, not options.no_header)
        fill_file(filler, source, options.output, options.json, sys.stderr)
        return DONE
    if not options.text and sys.stdin.isatty():
        _answer_lines(filler, sys.stdin, sys.stdout, options.json)
        return DONE
    of_arguments = [filler.check(("TEXT", text)) for text in options.text]
    answers = _Answers(sys.stdout, options.json)
    for text, found in filler.filled(of_arguments or given_texts.full_lines(sys.stdin)):
        answers.write(text, found)
    return DONE
