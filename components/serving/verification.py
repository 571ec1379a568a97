"""A pushed model before it is loaded: are its files those that were pushed?"""

from __future__ import annotations

from pathlib import Path

from components.common import streams
from components.common.errors import InputError
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
    version = versions.resolve(model)
    if key is not None:
        signing.verify(version, key)
    if weights:
        with streams.hidden_stderr():
            from components.export import saved_weights

            saved_weights.check(version)
    return version
