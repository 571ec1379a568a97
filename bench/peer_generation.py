"""What a user would run instead: the same checkpoint twice, as Hugging Face's EncoderDecoderModel (BERT2BERT).

    python -m bench.peer_generation --model DIR --data DIR --seconds S [--seed 1]

DIR holds train.tsv and test.tsv of sources and targets. Trains for so many seconds, AdamW with a linear rate over the
steps that these allow, then writes the sources of test with 4 beams, no 4 tokens in a row twice, as ours. Prints a JSON
object in its last line: the texts, and tokens/s of writing.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def main() -> None:
    """Fine-tunes and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lr", type=float, default=2e-4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--length", type=int, default=64)
    print(json.dumps(trained(parser.parse_args())))


def trained(options: argparse.Namespace) -> dict[str, Any]:
    """Trains for the time there is, and writes test."""
    import torch
    from transformers import AutoTokenizer, EncoderDecoderModel, set_seed

    set_seed(options.seed)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = EncoderDecoderModel.from_encoder_decoder_pretrained(options.model, options.model, tie_encoder_decoder=False)
    model.config.decoder_start_token_id = tokenizer.cls_token_id
    model.config.eos_token_id, model.config.pad_token_id = tokenizer.sep_token_id, tokenizer.pad_token_id
    rows = _read(options.data / "train.tsv")
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr, weight_decay=0.01)
    model.train()
    started, step = time.monotonic(), 0
    generator = torch.Generator().manual_seed(options.seed)
    while (gone := (time.monotonic() - started) / options.seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = options.lr * min(gone / 0.1, (1 - gone) / 0.9)
        chosen = torch.randint(len(rows), (options.batch,), generator=generator).tolist()
        batch = _encoded(tokenizer, [rows[place] for place in chosen], options.length)
        loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
    model.eval()
    test, texts, tokens, begun = _read(options.data / "test.tsv"), [], 0, time.monotonic()
    for start in range(0, len(test), options.batch):
        sources = [source for source, _ in test[start : start + options.batch]]
        given = tokenizer(sources, padding=True, truncation=True, max_length=options.length, return_tensors="pt")
        with torch.no_grad():
            found = model.generate(
                input_ids=given["input_ids"],
                attention_mask=given["attention_mask"],
                num_beams=4,
                no_repeat_ngram_size=4,
                max_length=options.length,
            )
        tokens += int((found != tokenizer.pad_token_id).sum())
        texts += tokenizer.batch_decode(found, skip_special_tokens=True)
    return {"steps": step, "texts": texts, "tokens_per_second": tokens / (time.monotonic() - begun)}


def _encoded(tokenizer: Any, rows: list[tuple[str, str]], length: int) -> dict[str, Any]:
    sources, targets = zip(*rows, strict=True)
    limit = {"padding": True, "truncation": True, "max_length": length, "return_tensors": "pt"}
    given, wanted = tokenizer(list(sources), **limit), tokenizer(list(targets), **limit)
    labels = wanted["input_ids"].masked_fill(wanted["attention_mask"] == 0, -100)
    # [CLS] is put in front by the model.
    return {"input_ids": given["input_ids"], "attention_mask": given["attention_mask"], "labels": labels[:, 1:]}


def _read(path: Path) -> list[tuple[str, str]]:
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:])
    return [(row[0], row[1]) for row in rows]


if __name__ == "__main__":
    main()
