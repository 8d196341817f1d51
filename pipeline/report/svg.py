"""A rendering as an SVG picture of a terminal: no web font, nothing fetched; same input, same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator

from rich.console import Console as RichConsole
from rich.console import RenderableType
from rich.segment import Segment, Segments
from rich.terminal_theme import TerminalTheme

WIDTH = 100
FONTS = "ui-monospace, SFMono-Regular, Menlo, 'DejaVu Sans Mono', 'Liberation Mono', Consolas, monospace"
ASPECT = 0.602  # of most of these fonts
TEMPLATE = """\
<svg class="crabwalk" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{ font-family: FONTS; font-size: {char_height}px; line-height: {line_height}px; }}
    .{unique_id}-title {{ font-family: system-ui, sans-serif; font-size: 16px; font-weight: 600; opacity: 0.7; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
""".replace("FONTS", FONTS)
# background, foreground, the eight colours, and their bright forms
THEME = TerminalTheme(
    (13, 17, 23),
    (230, 237, 243),
    [
        (72, 79, 88),
        (255, 123, 114),
        (63, 185, 80),
        (210, 153, 34),
        (88, 130, 200),
        (188, 140, 255),
        (57, 197, 207),
        (177, 186, 196),
    ],
    [
        (72, 79, 88),
        (255, 161, 152),
        (86, 211, 100),
        (227, 179, 65),
        (121, 192, 255),
        (210, 168, 255),
        (86, 212, 221),
        (255, 255, 255),
    ],
)


def picture(content: RenderableType, title: str) -> str:
    """`content` at a width of 100 columns."""
    console = RichConsole(
        record=True,
        width=WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    console.print(Segments(_anchored(console.render(content))), end="")
    return console.export_svg(
        title=title, theme=THEME, code_format=TEMPLATE, font_aspect_ratio=ASPECT, unique_id="crabwalk"
    )


def _anchored(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Words and blanks apart, so that each run of words gets its own x: viewers differ in what they do to blanks."""
    for segment in segments:
        if segment.control:
            continue
        for run in re.findall(r"\n| +|[^ \n]+(?: [^ \n]+)*", segment.text):
            yield Segment(run, segment.style)
