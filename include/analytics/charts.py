"""Charts as inline SVG: no script, no font, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 900, 240, 60, 30, 24
COLORS = ("#2563eb", "#ea580c", "#16a34a", "#9333ea", "#dc2626", "#0891b2")
Points = Sequence[tuple[datetime, float]]
_GAP = timedelta(minutes=1)


def line_chart(series: Mapping[str, Points], *, unit: str) -> str:
    """Return lines over time (UTC); minutes without a point break a line."""
    points = [point for line in series.values() for point in line]
    if not points:
        return "<p>No data.</p>"
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    span = max((last - first).total_seconds(), 60.0)
    top = max(max(value for _, value in points), 1.0)
    body = [_axes(first, last, top, unit)]
    for place, (name, line) in enumerate(series.items()):
        color = COLORS[place % len(COLORS)]
        spots = [(_x((at - first).total_seconds() / span), _y(max(value, 0) / top)) for at, value in line]
        body.append(_path([at for at, _ in line], spots, color))
        body.append(_legend(place, name, color))
    return _svg(body, HEIGHT)


def bar_chart(bars: Sequence[tuple[str, float, str]]) -> str:
    """Return horizontal bars of (name, value, text beside it)."""
    if not bars:
        return "<p>No data.</p>"
    top = max(max(value for _, value, _ in bars), 1.0)
    body = []
    for place, (name, value, note) in enumerate(bars):
        y, width = 8 + place * 26, max(0.0, value / top) * (WIDTH - 460)
        body.append(f'<text x="220" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        body.append(f'<rect x="230" y="{y}" width="{width:.1f}" height="18" fill="{COLORS[0]}"/>')
        body.append(f'<text x="{236 + width:.1f}" y="{y + 13}">{escape(note)}</text>')
    return _svg(body, 16 + 26 * len(bars))


def _path(times: Sequence[datetime], spots: Sequence[tuple[float, float]], color: str) -> str:
    """Return the line, moved instead of drawn over minutes without a point; a lone point is a dot."""
    steps, dots = [], []
    for place, (x, y) in enumerate(spots):
        joined = place > 0 and times[place] - times[place - 1] <= _GAP
        follows = place + 1 < len(spots) and times[place + 1] - times[place] <= _GAP
        steps.append(f"{'L' if joined else 'M'}{x:.1f} {y:.1f}")
        if not joined and not follows:
            dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{color}"/>')
    return f'<path d="{"".join(steps)}" fill="none" stroke="{color}" stroke-width="1.5"/>{"".join(dots)}'


def _axes(first: datetime, last: datetime, top: float, unit: str) -> str:
    grid = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{_y(part):.1f}" y2="{_y(part):.1f}" stroke="#8884"/>'
        f'<text x="{LEFT - 6}" y="{_y(part) + 4:.1f}" text-anchor="end">{top * part:,.0f}</text>'
        for part in (0, 0.5, 1)
    )
    return (
        f'{grid}<text x="{LEFT}" y="{HEIGHT - 8}">{first:%H:%M}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 8}" text-anchor="end">{last:%H:%M} UTC</text>'
        f'<text x="{LEFT}" y="12">{escape(unit)}</text>'
    )


def _legend(place: int, name: str, color: str) -> str:
    x = LEFT + 180 + place * 110
    return f'<rect x="{x}" y="4" width="10" height="10" fill="{color}"/><text x="{x + 14}" y="13">{escape(name)}</text>'


def _x(part: float) -> float:
    return LEFT + part * (WIDTH - LEFT - 4)


def _y(part: float) -> float:
    return TOP + (1 - part) * (HEIGHT - TOP - BOTTOM)


def _svg(body: Sequence[str], height: int) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" xmlns="http://www.w3.org/2000/svg">{"".join(body)}</svg>'
