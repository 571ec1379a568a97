"""A pushed model before it is loaded: are its files those that were pushed?"""

from __future__ import annotations

from pathlib import Path

from components.common import atomic_files, streams
from components.common.errors import InputError
from components.export.card import CARD_FILE, EXPORTED, exported_as, identity, read_card
from components.pretrained import base_model
from components.serving import signing, versions


def verified(model: Path, weights: bool, key: Path | None) -> Path:
    """The path of the model, of which what was asked for holds: of a serving directory, that of the version.

    Args:
        model: a version, a serving directory or, where nothing is asked, a base model.
        weights: hold the weights against the card's `weights_sha256`.
        key: hold all files against the signature, by this public key.

    Raises:
        InputError: something does not hold.
    """
    if not weights and key is None:
        return model
    if base_model.is_base_model(model):
        option = "--verify" if weights else "--verify-key"
        raise InputError(option, f"goes with a pushed model, and {model} is a base model", "Leave it out")
    version = versions.resolve(model, other_forms=True)
    if key is not None:
        signing.verify(version, key)
    if weights and exported_as(version):
        check_files(version)
    elif weights:
        with streams.hidden_stderr():
            from components.export import saved_weights

            saved_weights.check(version)
    return version


def check_files(export: Path) -> None:
    """Holds the files of another form of a model against the sha256 of each in its card.

    Raises:
        InputError: one is another, is gone, or is there beside them.
    """
    card = read_card(export)
    stated = card[EXPORTED].get("files", {})
    if not isinstance(stated, dict) or identity(card) != card[EXPORTED].get("identity"):
        problem = "its card is another than that of the model it was made from"
        raise InputError(str(export), problem, "Export the model again with `export-model`")
    there = {str(path.relative_to(export)) for path in export.rglob("*") if path.is_file()} - {CARD_FILE}
    for name in sorted({*stated, *there}):
        if name not in there or name not in stated or atomic_files.sha256(export / name) != stated[name]:
            problem = f"{name} is another file than its card says, or gone, or not of the export"
            raise InputError(str(export), problem, "Export the model again with `export-model`")
