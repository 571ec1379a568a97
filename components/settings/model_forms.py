"""The forms that a pushed model can go out in, by name."""

from __future__ import annotations

from typing import Literal, NamedTuple

Format = Literal["hf", "onnx", "sentence-transformers"]

Stored = Literal["float32", "float16", "bfloat16"]
"""What the larger weights of a pushed model may be stored as."""

Precision = Literal["float32", "int8", "int8-static"]

FormName = Literal["hf", "onnx", "onnx-int8", "onnx-int8-static", "sentence-transformers"]
"""`Form.name` of each."""


class Form(NamedTuple):
    """What an export is."""

    format: Format
    precision: Precision = "float32"

    @property
    def name(self) -> str:
        """What `push.formats` calls it, and the end of its directory's name there."""
        return self.format if self.precision == "float32" else f"{self.format}-{self.precision}"


FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Form("hf"),
        Form("onnx"),
        Form("onnx", "int8"),
        Form("onnx", "int8-static"),
        Form("sentence-transformers"),
    )
}
"""By name."""
