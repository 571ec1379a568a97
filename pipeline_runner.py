#!/usr/bin/env python3
"""The command line from a checkout; installed, it is `bert-pipeline` or `python -m pipeline`."""

from __future__ import annotations

import sys

from pipeline.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
