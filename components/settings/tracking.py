"""`[tracking]`: where runs that have ended are logged."""

from __future__ import annotations

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from components.common.json_files import shown
from components.settings.fields import ConflictError, settings

SQLITE = "sqlite:///"
"""Before the path of a file, as SQLAlchemy writes it: so an absolute one has four slashes."""

_FORMS = 'Write it as "http://HOST:PORT", "https://HOST" or "sqlite:///FILE"; other databases have a server before them'

_NOT_PRINTED = re.compile(r"[\x00-\x20\x7f]")


@settings
class Tracking:
    """An MLflow server or store that `run`, and Airflow's last step `end-run`, log a run to once it has ended, as
    docs/tracking.md tells. It changes nothing of the run. Not carried out on Kubeflow, which has no last step of ours,
    nor by `reproduce`."""

    mlflow: str | None = None
    """The tracking URI: of a server, `http://HOST:PORT` or `https://HOST`, or of an SQLite file, `sqlite:///FILE`, with
    a path relative to the TOML file. Names and passwords do not stand in it: MLflow takes them from
    MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN. Needs `make mlflow`. Where it
    cannot be reached, the run says so and ends as it would. Default: no run is logged.
    Example: `mlflow = "http://127.0.0.1:5000"`"""
    model: bool = True
    """Whether the model's directory is logged too. Example: `model = false` with `mlflow = "sqlite:///mlflow.db"`"""
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    """Logging that takes longer is ended. Example: `seconds = 60` with `mlflow = "sqlite:///mlflow.db"`"""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        uri = self.mlflow
        if uri is None or (uri.startswith(SQLITE) and uri.rpartition("/")[2] not in ("", "..", ":memory:")):
            return self
        if "@" in uri:
            # Without it: not even a part of a password is shown.
            problem = "`tracking.mlflow` has a name or password in it (an @), which would be kept with each run"
            remedy = "Take it out, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD where the run starts"
            raise ConflictError("mlflow", problem, remedy)
        if any(mark in uri for mark in "?#%"):
            # Nor are these shown.
            problem = "`tracking.mlflow` has a query, a fragment or an escape (?, # or %), which may be a password"
            raise ConflictError("mlflow", problem, f"Leave it out. {_FORMS}")
        if wrong := _wrong(uri):
            raise ConflictError("mlflow", f"`tracking.mlflow` is {shown(uri)}, {wrong}", _FORMS)
        return self


def _wrong(uri: str) -> str | None:
    """What is wrong with the URI of a server; None: nothing that can be seen."""
    try:
        parts = urlsplit(uri)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError as error:
        return f"which is no URI ({error})"
    if scheme not in ("http", "https"):
        return "which names neither a server nor an SQLite file"
    if not host or port == 0:
        return "which names no host"
    if _NOT_PRINTED.search(uri) or parts.query or parts.fragment:
        return "which has more in it than an address"
    return None
