"""Pages in a real browser: nothing asked for, no error, no wider than the screen, to be used without a mouse."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.reports.html.render import render
from pipeline.reports.html.run_page import run_page
from tests.checkout import ROOT
from tests.pipeline.reports.made_up import HOSTILE, answers, record, summary

PYTHON = ROOT / ".venv-browser" / "bin" / "python"

BROWSER = shutil.which("chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists(), reason="needs `make browser`: Playwright and axe"),
    pytest.mark.skipif(BROWSER is None, reason="needs `chromium` on the path, as Debian's package has it"),
]


def test_a_page_is_whole_in_a_browser_at_both_widths_in_light_and_dark(tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(25)]
    matrix = [[8 * (one == other) + (one + 1 == other) for one in range(25)] for other in range(25)]
    plain = record(tmp_path, evaluations={"dev": summary(names, matrix)})
    hostile = record(tmp_path, evaluations={"dev": summary(HOSTILE, [[1] * len(HOSTILE) for _ in HOSTILE])})
    for name, found, texts in (("plain", plain, ["a text"] * 5), ("hostile", hostile, HOSTILE)):
        (tmp_path / f"{name}.html").write_text(render(run_page(found, answers(texts))), encoding="utf-8")
    command = [
        str(PYTHON),
        str(Path(__file__).with_name("browse.py")),
        str(BROWSER),
        str(tmp_path),
        *map(str, sorted(tmp_path.glob("*.html"))),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found_of = json.loads(done.stdout)
    assert len(found_of) == 8
    for seen in found_of:
        assert seen["errors"] == seen["requests"] == [], seen
        assert seen["too_wide"] <= 0, seen
        assert seen["at_end"], seen
        assert [one for one in seen["violations"] if one["impact"] in ("serious", "critical")] == [], seen
    assert len(list(tmp_path.glob("*.png"))) == 8
