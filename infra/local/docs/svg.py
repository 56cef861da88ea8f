"""A few shapes of SVG, enough for the pictures of the documentation; the same calls give the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

SANS = "DejaVu Sans, Verdana, Segoe UI, Helvetica, Arial, sans-serif"
MONO = "DejaVu Sans Mono, Menlo, Consolas, monospace"
INK = "#1f2933"
FAINT = "#66727f"

Point = tuple[float, float]


@dataclass
class Drawing:
    """Shapes in the order they are drawn; later ones lie on top."""

    width: int
    height: int
    title: str
    shapes: list[str] = field(default_factory=list)
    _colours: dict[str, None] = field(default_factory=dict)

    def box(
        self, at: Point, size: Point, *, fill: str = "#ffffff", line: str = INK, round_by: float = 6
    ) -> None:
        """A rectangle with its upper left corner at a point."""
        (x, y), (width, height) = at, size
        self.shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{round_by:g}" '
            f'fill="{fill}" stroke="{line}"/>'
        )

    def head(self, at: Point, size: Point, *, fill: str, line: str = INK, round_by: float = 6) -> None:
        """The upper part of a box: round corners above, none below."""
        (x, y), (width, height) = at, size
        corner = f"a{round_by:g},{round_by:g} 0 0 1"
        self.shapes.append(
            f'<path d="M{x:g},{y + height:g} V{y + round_by:g} {corner} {round_by:g},-{round_by:g} '
            f'H{x + width - round_by:g} {corner} {round_by:g},{round_by:g} V{y + height:g} Z" '
            f'fill="{fill}" stroke="{line}"/>'
        )

    def text(
        self,
        at: Point,
        words: str,
        *,
        size: float = 12,
        colour: str = INK,
        anchor: str = "start",
        bold: bool = False,
        mono: bool = False,
    ) -> None:
        """One line of text, its baseline at a point."""
        weight = ' font-weight="bold"' if bold else ""
        self.shapes.append(
            f'<text x="{at[0]:g}" y="{at[1]:g}" font-family={quoteattr(MONO if mono else SANS)} '
            f'font-size="{size:g}" fill="{colour}" text-anchor="{anchor}"{weight}>{escape(words)}</text>'
        )

    def arrow(
        self, points: Sequence[Point], *, colour: str = INK, dashed: bool = False, width: float = 1.4
    ) -> None:
        """A line through points with a head at its end."""
        self._colours[colour] = None
        path = "M" + " L".join(f"{x:g},{y:g}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.shapes.append(
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dash} '
            f'stroke-linejoin="round" marker-end="url(#head-{colour.removeprefix("#")})"/>'
        )

    def render(self) -> str:
        """The whole document, on white, so that it reads on a dark page too."""
        heads = [_head(colour) for colour in sorted(self._colours)]
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}" role="img">',
            f"<title>{escape(self.title)}</title>",
            *(["<defs>", *heads, "</defs>"] if heads else []),
            f'<rect width="{self.width}" height="{self.height}" fill="#ffffff"/>',
            *self.shapes,
            "</svg>",
        ]
        return "\n".join(lines) + "\n"


def _head(colour: str) -> str:
    return (
        f'<marker id="head-{colour.removeprefix("#")}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        f'markerHeight="7" orient="auto-start-reverse"><path d="M0,1 L10,5 L0,9 z" fill="{colour}"/></marker>'
    )
