"""The task of docs/tasks.md's example as an installed package: a module and a dist-info, without an installer."""

from __future__ import annotations

import re
from pathlib import Path

from tests.checkout import ROOT


def install(folder: Path, *, version: str = "1.0", package: str = "grade-task", name: str = "grade") -> Path:
    """A directory for `sys.path` with the package in it.

    Args:
        folder: where to make it.
        version: of the package.
        package: its name.
        name: which task it declares.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/tasks.md").read_text(encoding="utf-8"), re.DOTALL)
    (folder / "grade_task.py").write_text(example, encoding="utf-8")
    described = folder / f"{package.replace('-', '_')}-{version}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (described / "entry_points.txt").write_text(f"[bert_pipeline.tasks]\n{name} = grade_task:Grade\n")
    return folder
