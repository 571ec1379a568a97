"""README.md of an export: what it is, how it is used, and how it compares with the model that it was made from."""

from __future__ import annotations

import json
import re

from components.common.streams import printable
from components.export.card import CALIBRATION
from components.export.formats import huggingface
from components.export.formats.parity import Parity
from components.export.formats.pushed import Pushed
from components.settings.model_forms import Form

_HF = """\
from transformers import pipeline

model = pipeline("{pipeline}", model="DIRECTORY"{more})
print(model({example}, truncation=True))"""

_HF_TOKENS = """\
from transformers import pipeline

model = pipeline("token-classification", model="DIRECTORY", aggregation_strategy="first")
print(model("some running text"))"""

_HF_VECTORS = """\
import torch
from transformers import AutoModel, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained("DIRECTORY"), AutoModel.from_pretrained("DIRECTORY")
encoded = tokenizer(["some text"], padding=True, truncation=True, return_tensors="pt")
with torch.inference_mode():
    states, seen = model(**encoded).last_hidden_state, encoded["attention_mask"].unsqueeze(-1)
print(torch.nn.functional.normalize({pooled}))"""

_HF_ANSWERS = """\
import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

cut = AutoTokenizer.from_pretrained("DIRECTORY")
model = AutoModelForQuestionAnswering.from_pretrained("DIRECTORY")
question, context = "a question", "the text that has the answer"
given = cut(question, context, truncation=True, return_offsets_mapping=True, return_tensors="pt")
offsets = given.pop("offset_mapping")[0].tolist()
with torch.no_grad():
    found = model(**given)
in_context = torch.tensor([number == 1 for number in given.sequence_ids(0)])
first, last = (logits[0].masked_fill(~in_context, -1e6) for logits in (found.start_logits, found.end_logits))
spans = first[:, None] + last[None, :]
spans = spans.masked_fill(torch.ones_like(spans).tril(-1).bool(), -1e9)  # none ends before it begins
begin, end = divmod(int(spans.argmax()), len(last))
none = found.start_logits[0, 0] + found.end_logits[0, 0]
print("" if none > spans.max() else context[offsets[begin][0] : offsets[end][1]])"""

_SENTENCE_TRANSFORMERS = """\
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("DIRECTORY")
print(model.encode(["some text"]))"""

_ONNX = """\
import numpy as np
import onnxruntime
import tokenizers

cut = tokenizers.Tokenizer.from_file("DIRECTORY/tokenizer.json")
cut.encode_special_tokens = {special}  # whether [SEP], typed in a text, stays text
session = onnxruntime.InferenceSession("DIRECTORY/model.onnx")
only = onnxruntime.RunOptions()
only.only_execute_path_to_fetches = True  # an output that is not asked for is not computed

texts = [{example}]
ids = np.array([found.ids for found in cut.encode_batch(texts)], np.int32)
(found,) = session.run(["{output}"], {{"token_ids": ids}}, only)
{answer}"""


def text(model: Pushed, form: Form, found: Parity, real: int) -> str:
    """The file's content.

    Args:
        model: the version that was exported.
        form: what the export is.
        found: how it compares with the version.
        real: how many of the rows it was compared on are texts of dev.
    """
    task = model.task
    lines = [
        *_front_matter(model, form),
        f"# {_code(model.name)}",
        f"Version {model.path.name} of a BERT for the task `{task.name}`, as {form.format}, {form.precision}.",
        "",
        "```python",
        _example(model, form),
        "```",
        "",
        *_notes(model, form),
        "## Compared with the pushed model",
        f"On {found.rows} texts, {real} of them of dev and the others made of the vocabulary: the same token ids on "
        f"{found.same_ids}, the same answer on {found.same_answers}, and predictions that differ by "
        f"{found.difference:.1e} at most. Beyond 1e-4 a float32 export is not written.",
        "",
    ]
    return "\n".join(lines)


def _code(text: str) -> str:
    """Text of others as a code span, which it cannot end."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    # Without any in it there need be no space around it, which is not shown either way.
    around = "`" * (longest + 1) + " " * bool(longest)
    return f"{around}{printable(text)}{around[::-1]}"


def _front_matter(model: Pushed, form: Form) -> list[str]:
    library = {"hf": "transformers", "onnx": "onnx", "sentence-transformers": "sentence-transformers"}[form.format]
    kind = "token-classification" if model.task.per_token else "text-classification"
    kind = "sentence-similarity" if model.task.bi_encoder else kind
    kind = "question-answering" if model.task.finds_span else kind
    return ["---", f"library_name: {library}", f"pipeline_tag: {kind}", "---"]


def _example(model: Pushed, form: Form) -> str:
    task = model.task
    pairs = len(task.texts) > 1 and not task.bi_encoder
    if form.format == "sentence-transformers":
        return _SENTENCE_TRANSFORMERS
    if form.format == "hf" and task.bi_encoder:
        return _HF_VECTORS.format(pooled="(states * seen).sum(1) / seen.sum(1)" if model.takes_mean else "states[:, 0]")
    if form.format == "hf" and task.per_token:
        return _HF_TOKENS
    if form.format == "hf" and task.finds_span:
        return _HF_ANSWERS
    if form.format == "hf":
        several = not task.single_label and not task.numeric
        more = ", top_k=None" if several else ', function_to_apply="none"' if task.numeric else ""
        example = '{"text": "one text", "text_pair": "another"}' if pairs else '["some text"]'
        return _HF.format(pipeline="text-classification", more=more, example=example)
    labels = list(getattr(task, "tags", task.labels))
    named = printable(json.dumps(labels, ensure_ascii=False))
    answer = f"labels = {named}\nprint([labels[i] for i in found.argmax(-1)], found)"
    return _ONNX.format(
        special=not model.settings.parses_control_tokens,
        example='("one text", "another")' if pairs else '"some text"',
        output=task.prediction_key,
        answer=answer if task.single_label else "print(found)",
    )


def _notes(model: Pushed, form: Form) -> list[str]:
    """What the other library does otherwise, or does not do."""
    task, settings, said = model.task, model.settings, []
    said.append(f"A text is cut to {settings.most_tokens} tokens, [CLS] and [SEP] included.")
    of_labels = huggingface.of_labels(model)
    if task.has_label_names:
        said.append(
            f"Labels, in the order of their ids: {_code(json.dumps(list(of_labels['label2id']), ensure_ascii=False))}."
        )
    if "thresholds" in of_labels:
        said.append(f"A label is given from these scores on: `{of_labels['thresholds']}`.")
    if "answered_from" in of_labels:
        said.append(f"Below a probability of {of_labels['answered_from']:g} the pushed model abstains.")
    if (temperature := model.card.get(CALIBRATION, {}).get("temperature")) is not None:
        said.append(f"Probabilities are calibrated: the last layer is divided by a temperature of {temperature:g}.")
    if task.per_token:
        said.append(
            "A word's tag is that of its first token. How running text is cut into words is this export's library's "
            "own way, where the pushed model has learned it."
        )
    if task.finds_span:
        said.append(
            "The pushed model answers with whole words, one of them at least, and none of more than "
            f"{settings.longest_answer} tokens; with nothing where the logarithm of the probability that there is no "
            f"answer is more than that of the best one by more than {settings.null_threshold:g}."
        )
        if form.format == "onnx":
            said.append(
                "`spans` has six lines a row: no answer, then the five best ones, each its first token, its last one "
                "and the product of their probabilities."
            )
    if form.format == "sentence-transformers" and not task.bi_encoder:
        said.append("`encode` gives what comes out of the last layer: logits of the labels, or the number.")
    return [*said, ""]
