"""Opens pages in a browser and says what it saw, as JSON; run by the interpreter of `make browser`'s environment.

`python browse.py BROWSER FOLDER PAGE...`: of each page, in light and dark, at the width of a desktop and of a phone,
`errors` of the console, `requests` for anything but the page, by how much it is `too_wide`, `milliseconds` until it was
there, what axe finds (`violations`) and how many `stops` the Tab key makes to its end. Screenshots go to the folder.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}

_MOST_STOPS = 400


def look(browser: Any, page_file: Path, scheme: str, size: str, folder: Path) -> dict[str, Any]:
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    errors: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    began = time.monotonic()
    page.goto(page_file.as_uri())
    milliseconds = 1e3 * (time.monotonic() - began)
    # Before axe, which puts a script of its own into the page.
    seen = list(errors), [url for url in requests if url != page_file.as_uri()]
    too_wide = page.evaluate("document.documentElement.scrollWidth") - width
    page.screenshot(path=str(folder / f"{page_file.stem}-{size}-{scheme}.png"))
    stops, at_end = 0, False
    while stops < _MOST_STOPS and not at_end:
        page.keyboard.press("Tab")
        stops += 1
        at_end = page.evaluate("document.activeElement === document.body")
    found = Axe().run(page).response["violations"]
    page.close()
    return {
        **{"page": page_file.name, "scheme": scheme, "size": size, "errors": seen[0], "requests": seen[1]},
        **{"too_wide": too_wide, "milliseconds": milliseconds, "stops": stops, "at_end": at_end},
        "violations": [{"id": one["id"], "impact": one["impact"], "nodes": len(one["nodes"])} for one in found],
    }


def main(browser: str, folder: Path, pages: list[Path]) -> None:
    """Prints a list."""
    with sync_playwright() as started:
        # Nobody's pages but ours: as root its sandbox cannot be had.
        launched = started.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        found = [
            look(launched, page, scheme, size, folder)
            for page in pages
            for scheme in ("light", "dark")
            for size in SIZES
        ]
        launched.close()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [Path(page).resolve() for page in sys.argv[3:]])
