"""`[validation]`: what the data must look like."""

from __future__ import annotations

from components.settings.fields import PathText, Share, Strings, settings


@settings
class Validation:
    """What the data must look like, beyond the rules for a row."""

    schema_file: PathText | None = None
    """A reviewed schema in protobuf's text form; default: one that is inferred from train, which is a start but
    validates little. Example: `schema_file = "schema.pbtxt"`"""
    allow_anomalies: Strings = ()
    """Anomalies that do not stop a run, as FEATURE:ANOMALY or SPLIT:FEATURE:ANOMALY, in the words of the message that
    stopped it. Example: `allow_anomalies = ["train:label:CLASS_WITHOUT_ROWS"]`"""
    max_unknown_share: Share = 1.0
    """The largest share of a split's words that the base model's vocabulary has no pieces for: that become [UNK], or
    are cut into single characters. More of them stop the run before it trains; above 10% a run warns, whatever the
    limit is.
    Example: `max_unknown_share = 0.05`"""
    max_truncated_share: Share = 1.0
    """The largest share of a split's rows with more tokens than the model sees, by `model.max_length` and
    `model.long_texts`. More of them stop the run before it trains; above 20% a run warns, whatever the limit is.
    Example: `max_truncated_share = 0.1`"""
    max_leaked_share: Share = 0.5
    """The largest share of the rows of dev, or of test, whose texts train has too: a model that has learned a text by
    heart is not measured by it. More of them stop the run before it trains; above 5% a run warns, whatever the limit
    is. Texts are equal if they differ in white space and case alone.
    Example: `max_leaked_share = 0.01`"""
    max_duplicate_share: Share = 1.0
    """The largest share of train's rows whose texts stand in train before. More of them stop the run before it trains;
    above 20% a run warns, whatever the limit is.
    Example: `max_duplicate_share = 0.1`"""
    max_contradicting_share: Share = 1.0
    """The largest share of a split's rows whose texts stand in it with another label too. More of them stop the run
    before it trains; above 1% a run warns, whatever the limit is.
    Example: `max_contradicting_share = 0.005`"""
