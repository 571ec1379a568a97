"""The forms that a pushed model can go out in, by name."""

from __future__ import annotations

from typing import Literal, NamedTuple

Format = Literal["hf", "onnx", "sentence-transformers"]

Precision = Literal["float32", "int8"]

FormName = Literal["hf", "onnx", "onnx-int8", "sentence-transformers"]
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
    form.name: form for form in (Form("hf"), Form("onnx"), Form("onnx", "int8"), Form("sentence-transformers"))
}
"""By name."""
