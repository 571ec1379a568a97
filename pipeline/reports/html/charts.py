"""Charts as static SVG, drawn by Vega-Lite: a chart here is a specification, and its colours are the page's."""

from __future__ import annotations

import html
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from components.common.streams import printable
from pipeline.reports.html.blocks import Chart

_WIDTH, _HEIGHT = 330, 200
"""Of a chart's inside in pixels: with its axes it fits a phone."""

_LEVEL = 3
"""Names below bars that have room beside each other; more are slanted."""

_SERIES = [f"var(--series-{number})" for number in range(1, 7)]

_CONFIG: dict[str, Any] = {
    "axis": {
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "titleFontWeight": "normal",
        "labelLimit": 120,
    },
    "legend": {"labelColor": "var(--ink)", "titleColor": "var(--soft)", "orient": "bottom", "labelLimit": 300},
    "view": {"stroke": None},
    "range": {"category": _SERIES},
    "mark": {"color": _SERIES[0]},
    # Else black, which nobody sees on a dark page.
    "rule": {"color": _SERIES[0]},
    "font": "sans-serif",
}

_ids = itertools.count(1)


def lines(
    title: str, description: str, rows: Sequence[Mapping[str, Any]], x: str, y: str, of: str | None = None
) -> Chart:
    """Curves through points.

    Args:
        title: of the chart.
        description: for who cannot see it.
        rows: `x`, `y` and, with several curves, `of`.
        x: what is to the right.
        y: what is upwards.
        of: what tells the curves apart.
    """
    encoding = {
        "x": {"field": "x", "type": "quantitative", "title": x},
        "y": {"field": "y", "type": "quantitative", "title": y, "scale": {"zero": False}},
        **({"color": {"field": "of", "type": "nominal", "title": of}} if of else {}),
    }
    return _chart(title, description, {"data": _data(rows), "mark": {"type": "line", "point": True}}, encoding)


def reliability(title: str, description: str, rows: Sequence[Mapping[str, Any]]) -> Chart:
    """Points from 0 to 1, and the line on which both are equal."""
    return scatter(
        title, description, rows, "mean confidence", "share right", {"type": "point", "filled": True}, (0, 1)
    )


def scatter(
    title: str,
    description: str,
    rows: Sequence[Mapping[str, Any]],
    x: str,
    y: str,
    mark: Mapping[str, Any] | None = None,
    ends: tuple[float, float] | None = None,
) -> Chart:
    """Points, and the line from one end to the other on which both are equal; the ends are those of the points."""
    values = [row[axis] for row in rows for axis in "xy"]
    ends = ends or (min(values), max(values))
    diagonal = {
        "data": _data([{"x": end, "y": end} for end in ends]),
        "mark": {"type": "line", "color": "var(--soft)", "strokeDash": [4, 4]},
    }
    points = {"data": _data(rows), "mark": mark or {"type": "circle", "opacity": 0.4, "size": 16}}
    encoding = {axis: {"field": axis, "type": "quantitative", "title": name} for axis, name in (("x", x), ("y", y))}
    return _chart(title, description, {"layer": [diagonal, points]}, encoding)


def intervals(title: str, description: str, rows: Sequence[Mapping[str, Any]], x: str) -> Chart:
    """A line for each name from `low` to `high`, with a point at `value`."""
    names: dict[str, Any] = {"field": "name", "type": "nominal", "sort": None, "title": None}
    low = {"field": "low", "type": "quantitative", "title": x, "scale": {"zero": False}, "axis": {"tickCount": 5}}
    span = {"x": low, "x2": {"field": "high"}, "y": names}
    point = {"x": {"field": "value", "type": "quantitative"}, "y": names}
    layers = [
        {"mark": {"type": "rule", "strokeWidth": 2}, "encoding": span},
        {"mark": {"type": "point", "filled": True, "size": 50}, "encoding": point},
    ]
    return _chart(title, description, {"data": _data(rows), "layer": layers, "height": {"step": 18}}, {})


def bars(title: str, description: str, rows: Sequence[Mapping[str, Any]], y: str) -> Chart:
    """Bars side by side: `x` is a name, `y` a share, which `y` names, `of` tells them apart."""
    few = len({row["x"] for row in rows}) <= _LEVEL
    encoding = {
        "x": {"field": "x", "type": "nominal", "sort": None, "title": None, "axis": {"labelAngle": 0 if few else -45}},
        "xOffset": {"field": "of", "sort": None},
        "y": {"field": "y", "type": "quantitative", "title": y, "axis": {"format": "%"}},
        "color": {"field": "of", "type": "nominal", "title": None, "sort": None},
    }
    return _chart(title, description, {"data": _data(rows), "mark": "bar"}, encoding)


def matrix(title: str, description: str, names: Sequence[str], counts: Sequence[Sequence[int]]) -> Chart:
    """A square for each pair that has rows, the darker the greater its share in its line."""
    rows = [
        {"x": predicted, "y": actual, "share": count / sum(line), "right": actual == predicted}
        for actual, line in enumerate(counts)
        for predicted, count in enumerate(line)
        if count
    ]
    size = max(4, min(18, 600 // max(1, len(names))))
    shown = {"labels": False, "ticks": False, "domain": True, "grid": False}
    encoding = {
        **{
            axis: {
                "field": axis,
                "type": "ordinal",
                "scale": {"domain": list(range(len(names))), "padding": 0},
                "axis": {**shown, "title": title_of},
            }
            for axis, title_of in (("x", "predicted"), ("y", "actual"))
        },
        "opacity": {"field": "share", "type": "quantitative", "scale": {"domain": [0, 1], "range": [0.15, 1]},
                    "legend": None},
        "color": {"field": "right", "type": "nominal", "legend": None,
                  "scale": {"domain": [True, False], "range": ["var(--series-1)", "var(--bad)"]}},
    }  # fmt: skip
    mark = {"type": "rect", "aria": False}
    side = {"step": size}
    return _chart(title, description, {"data": _data(rows), "mark": mark, "width": side, "height": side}, encoding)


def _data(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Values, of which texts are printable."""
    shown = [{key: printable(value) if isinstance(value, str) else value for key, value in row.items()} for row in rows]
    return {"values": shown}


def _chart(title: str, description: str, spec: Mapping[str, Any], encoding: Mapping[str, Any]) -> Chart:
    # Its import takes 0.1 s, and few commands draw.
    import vl_convert

    whole: dict[str, Any] = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": _WIDTH,
        "height": _HEIGHT,
        "background": None,
        "config": _CONFIG,
        **spec,
        **({"encoding": encoding} if encoding else {}),
    }
    # Where JSON is given, nothing of it is a program: Vega's expressions stand in the specification alone.
    svg: str = vl_convert.vegalite_to_svg(json.dumps(whole))
    return Chart(title, description, Markup(_named(svg, title, description)))  # noqa: S704


def _named(svg: str, title: str, description: str) -> str:
    """With a name and a description, and one picture to who listens to a page."""
    number = next(_ids)
    head, _, rest = svg.partition(">")
    said = "".join(
        f'<{tag} id="{tag}-{number}">{html.escape(printable(text))}</{tag}>'
        for tag, text in (("title", title), ("desc", description))
    )
    return f'{head} role="img" aria-labelledby="title-{number} desc-{number}">{said}{rest}'
