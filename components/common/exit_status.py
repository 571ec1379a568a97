"""What the command line's exit status says; the one place that numbers them."""

from __future__ import annotations

DONE, FAILED, WRONG_INPUT, REFUSED = 0, 1, 2, 3
