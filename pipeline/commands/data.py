"""`data`: fetches sample data or the sample weights."""

from __future__ import annotations

import argparse
import sys

from components.common.checkout import ROOT
from components.common.errors import InputError
from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    try:
        from data import fetch
    except ModuleNotFoundError:
        remedy = "Run the command in a checkout of the project"
        raise InputError("data", "the samples belong to a checkout, and this is an installed package", remedy) from None

    fetch.fetch(options.name, ROOT, lambda line: print(line, file=sys.stderr))
    return DONE
