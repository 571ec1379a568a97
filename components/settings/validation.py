"""`[validation]`: what the data must look like."""

from __future__ import annotations

from components.settings.fields import Strings, settings


@settings
class Validation:
    """What the data must look like, beyond the rules for a row."""

    schema_file: str | None = None
    """A reviewed schema in protobuf's text form; default: one that is inferred from train, which is a start but
    validates little. Example: `schema_file = "schema.pbtxt"`"""
    allow_anomalies: Strings = ()
    """Anomalies that do not stop a run, as FEATURE:ANOMALY or SPLIT:FEATURE:ANOMALY, in the words of the message that
    stopped it. Example: `allow_anomalies = ["dev:country:ENUM_TYPE_UNEXPECTED_STRING_VALUES"]`"""
