"""A page as HTML: Jinja2 escapes whatever is text, and nothing on the page leads out of it."""

from __future__ import annotations

from functools import cache

import jinja2

from components.common.streams import printable
from pipeline.reports.html.blocks import Page


def render(page: Page) -> str:
    """The page as one HTML file: no script, nothing that a browser would fetch.

    Raises:
        TypeError: something on the page is no text, as where a record was changed by hand.
    """
    try:
        return _environment().get_template("page.html.jinja").render(page=page)
    except jinja2.TemplateError as error:
        raise TypeError(f"no page can be made of it: {error}") from error


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.reports.html"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["shown"] = printable
    return environment
