"""`[validation]`: what the data must look like."""

from __future__ import annotations

from components.settings.fields import Share, Strings, settings


@settings
class Validation:
    """What the data must look like, beyond the rules for a row."""

    schema_file: str | None = None
    """A reviewed schema in protobuf's text form; default: one that is inferred from train, which is a start but
    validates little. Example: `schema_file = "schema.pbtxt"`"""
    allow_anomalies: Strings = ()
    """Anomalies that do not stop a run, as FEATURE:ANOMALY or SPLIT:FEATURE:ANOMALY, in the words of the message that
    stopped it. Example: `allow_anomalies = ["dev:country:ENUM_TYPE_UNEXPECTED_STRING_VALUES"]`"""
    max_unknown_share: Share = 1.0
    """The largest share of a split's words that the base model's vocabulary has no pieces for: that become [UNK], or
    are cut into single characters. More of them stop the run before it trains; above 10% a run warns, whatever the
    limit is.
    Example: `max_unknown_share = 0.05`"""
    max_truncated_share: Share = 1.0
    """The largest share of a split's rows with more tokens than the model sees, by `model.max_length` and
    `model.long_texts`. More of them stop the run before it trains; above 20% a run warns, whatever the limit is.
    Example: `max_truncated_share = 0.1`"""
