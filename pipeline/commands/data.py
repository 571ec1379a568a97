"""`data`: fetches sample data or the sample weights."""

from __future__ import annotations

import argparse
import sys

from components.common.checkout import ROOT
from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from data import fetch

    fetch.fetch(options.name, ROOT, lambda line: print(line, file=sys.stderr))
    return DONE
