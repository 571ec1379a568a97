"""Sections on what a run stood on, what its nodes did, and how to make it again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from pipeline.reports.html.blocks import Block, Cell, Cells, Command, Facts, Section, Table
from pipeline.reports.run_report import try_line
from pipeline.reports.tables import short_path, started
from pipeline.runs.manifest import Manifest
from pipeline.runs.record import RunRecord

_STATES = {"failed": "bad", "running": "warn"}


def nodes(record: RunRecord) -> Section:
    """A line a node."""
    rows: list[Cells] = [
        [
            node.id,
            Cell(node.state, _STATES.get(node.state, "")),
            "-" if node.state == "cached" else f"{node.seconds:.1f}",
            node.note,
            node.reason,
        ]
        for node in record.nodes
    ]
    return Section(
        "nodes", "Nodes", [Table("What each node did", ["node", "", "seconds", "", "why it ran"], rows, (0, 1, 3, 4))]
    )


def lineage(record: RunRecord, manifest: Manifest | None) -> Section:
    """Inputs, code, settings and libraries with their hashes, and the commands that ask the model and make it again."""
    directory = Path(record.directory)
    blocks: list[Block] = []
    if record.state in ("pushed", "refused"):
        command = [*started(), "reproduce", record.id, "--root", short_path(str(directory.parents[2]))]
        blocks.append(Command(shlex.join(command), "Make it again, bit by bit:"))
    if record.pushed and not record.is_of_documents:
        task = record.evaluations.get("dev", {}).get("task", "")
        blocks.append(Command(str(try_line(record.pushed, task)), "Ask the model:"))
    facts = [
        ("run", record.id),
        ("started", record.started),
        ("took", f"{record.seconds:.1f} s"),
        ("config", record.config),
    ]
    if manifest is not None:
        facts += [(name, str(value)) for name, value in manifest.code.items()]
        facts += [(name, str(manifest.result[name])) for name in _HASHES if manifest.result.get(name)]
        facts += [(name, str(manifest.machine.get(name, "-"))) for name in ("cpu", "system", "python")]
    blocks.append(Facts(facts))
    if manifest is not None:
        rows = [
            [
                file.path,
                file.split or "dealt by a hash",
                f"{file.rows:,}" if file.rows is not None else "-",
                f"{file.bytes:,}",
                file.sha256,
            ]
            for file in manifest.data
        ]
        blocks.append(Table("Files of rows", ["file", "split", "rows", "bytes", "sha256"], rows, texts=(0, 1, 4)))
        if manifest.base_model:
            rows = [[name, sha256] for name, sha256 in manifest.base_model.items()]
            blocks.append(Table("Base model", ["file", "sha256"], rows, texts=(0, 1)))
        blocks.append(_settings(manifest))
        rows = [[name, version] for name, version in manifest.libraries.items()]
        blocks.append(Table("Libraries", ["library", "version"], rows, texts=(0, 1), folded=True))
    return Section("lineage", "Lineage", blocks)


_HASHES = ("identity", "weights_sha256", "initial_identity", "vocabulary_sha256")


def _settings(manifest: Manifest) -> Table:
    rows = []
    for section, values in manifest.config.items():
        for key, value in values.items() if isinstance(values, dict) else [("", values)]:
            rows.append([f"{section}.{key}" if key else section, json.dumps(value, ensure_ascii=False)])
    return Table("Settings, defaults among them", ["key", "value"], rows, texts=(0, 1), folded=True)
