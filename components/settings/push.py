"""`[push]`: where a blessed model goes."""

from __future__ import annotations

from components.settings.fields import Name, PathText, settings


@settings
class Push:
    """Where a model that passed the gate goes: DESTINATION/NAME/VERSION, the layout of TensorFlow Serving."""

    name: Name | None = None
    """The model's name for its server; default: the run's name. Example: `name = "sentiment"`"""
    destination: PathText | None = None
    """A directory; default: ROOT/NAME/serving. Example: `destination = "/srv/models"`"""
    sign_key: PathText | None = None
    """A private key by which versions are signed, with model-signing (`make signing`): EC, PEM, not encrypted. Default:
    no signature. Example: `sign_key = "~/keys/models.pem"`"""
