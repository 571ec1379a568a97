"""Where this project's code lies: a checkout, or a directory of installed packages."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
