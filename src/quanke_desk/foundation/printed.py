"""A page for print as PDF: A4, with a font of its own, so that Chinese is seen on whatever machine reads it;
the mark of the export on its foot, and a watermark across it.

The font is Noto Sans SC (SIL Open Font License 1.1, beside it) with 30,890 characters, as npm has it: the
build brings it (docs/decisions/0022-assets.md). Only those a page uses are put into its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

FONT = "quanke-sc"
WIDTH, HEIGHT = float(A4[0]), float(A4[1])
MARGIN = 48.0
FOOT = 3
"""Lines of the mark for which there is room below the margin."""
INK, SOFT, EDGE, FILL, FAINT = "#1f2328", "#5b6470", "#c9ced6", "#1668dc", "#a9b4c4"
_UNKNOWN = "□"


@cache
def _font() -> frozenset[int]:
    """Registers the font, once a process; answers the characters it has."""
    font = TTFont(FONT, str(Path(__file__).with_name("fonts") / "NotoSansSC-Regular.ttf"))
    pdfmetrics.registerFont(font)
    return frozenset(font.face.charToGlyph)


def printable(text: str) -> str:
    """A text with what the font does not have as a square, and no signs that control."""
    has = _font()
    return "".join(c if ord(c) in has else _UNKNOWN for c in text if c >= " ")


def width_of(text: str, size: float) -> float:
    """How wide a line is, in points."""
    _font()
    return float(pdfmetrics.stringWidth(text, FONT, size))


def lines_of(text: str, size: float, width: float) -> list[str]:
    """A text in lines no wider than `width` points: broken between Chinese characters and at spaces."""
    lines, line = [], ""
    for word in _words(printable(text)):
        if line and width_of((line + word).rstrip(), size) > width:
            lines.append(line.rstrip())
            line = word.lstrip()
        else:
            line += word
        while width_of(line, size) > width and len(line) > 1:  # one word that is wider than the line
            cut = next(n for n in range(len(line), 0, -1) if n == 1 or width_of(line[:n], size) <= width)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.rstrip()] if line.strip() else lines


_NOT_FIRST = "，。、；：！？）》」』】”’％%,.;:!?)"


def _words(text: str) -> list[str]:
    """Pieces between which a line may break; no mark that ends something begins one."""
    found: list[str] = []
    for c in text:
        joins = found and (c in _NOT_FIRST or (ord(c) < 0x2E80 and ord(found[-1][-1]) < 0x2E80))
        if joins and not (found[-1].endswith(" ") and c != " "):
            found[-1] += c
        else:
            found.append(c)
    return found


class PrintedPage:
    """One A4 page, written from the top down: `at` is where the next thing stands, in points from below."""

    def __init__(self, path: Path, title: str, mark: str, watermark: str) -> None:
        _font()
        self.canvas = Canvas(str(path), pagesize=A4)
        self.canvas.setTitle(printable(title))
        self.canvas.setSubject(printable(mark))
        self.canvas.setCreator("Quanke")
        self.at = HEIGHT - MARGIN
        self._watermark(printable(watermark))
        self._foot(mark)

    @property
    def inner(self) -> float:
        """Width between the margins."""
        return WIDTH - 2 * MARGIN

    def text(
        self,
        text: str,
        size: float = 9.5,
        *,
        color: str = INK,
        x: float = MARGIN,
        width: float | None = None,
        most: int = 0,
    ) -> int:
        """Writes a text from `x` on, in as many lines as it takes (`most`: no more than so many; what is left
        away is told by dots); answers how many."""
        lines = lines_of(text, size, self.inner - (x - MARGIN) if width is None else width)
        if most and len(lines) > most:
            lines = [*lines[: most - 1], lines[most - 1][:-1] + "…"]
        for line in lines:
            self.at -= size * 1.45
            self.line(line, x, self.at, size, color)
        return len(lines)

    def line(self, text: str, x: float, y: float, size: float, color: str = INK, right: bool = False) -> None:
        """One line at a place; with `right`, `x` is where it ends."""
        self.canvas.setFillColor(HexColor(color))
        self.canvas.setFont(FONT, size)
        (self.canvas.drawRightString if right else self.canvas.drawString)(x, y, printable(text))

    def heading(self, text: str) -> None:
        """A heading with a rule under it."""
        self.at -= 9
        self.text(text, 11, most=1)
        self.at -= 4
        self.rule()
        self.at -= 2

    def rule(self) -> None:
        """A thin line across."""
        self.canvas.setStrokeColor(HexColor(EDGE))
        self.canvas.setLineWidth(0.5)
        self.canvas.line(MARGIN, self.at, WIDTH - MARGIN, self.at)

    def columns(self, cells: Sequence[tuple[str, str, str]], size: float = 9.0) -> None:
        """A name, a value and what goes with it (its interval) beside each other, the name small above."""
        width = self.inner / max(1, len(cells))
        self.at -= size * 1.4
        for place, (name, value, more) in enumerate(cells):
            x = MARGIN + place * width
            self.line(short(name, size - 1.5, width - 4), x, self.at, size - 1.5, SOFT)
            self.line(short(value, size + 1, width - 4), x, self.at - size * 1.5, size + 1)
            self.line(short(more, size - 2, width - 4), x, self.at - size * 2.7, size - 2, SOFT)
        self.at -= size * (3.0 if any(more for _name, _value, more in cells) else 1.9)

    def box(self, x: float, y: float, width: float, height: float, color: str) -> None:
        """A filled box, from its lower left corner."""
        self.canvas.setFillColor(HexColor(color))
        self.canvas.rect(x, y, width, height, stroke=0, fill=1)

    def save(self) -> None:
        """Writes the file."""
        self.canvas.showPage()
        self.canvas.save()

    def _watermark(self, text: str) -> None:
        self.canvas.saveState()
        self.canvas.setFillColor(Color(0.35, 0.4, 0.48, alpha=0.10))
        self.canvas.setFont(FONT, 15)
        self.canvas.rotate(30)
        step = width_of(text, 15) + 60
        for row in range(-4, 12):
            for column in range(4):
                self.canvas.drawString(column * step + (row % 2) * step / 2 - 60, row * 95, text)
        self.canvas.restoreState()

    def _foot(self, mark: str) -> None:
        lines = lines_of(mark, 6.5, self.inner)[:FOOT]
        for place, line in enumerate(lines):
            self.line(line, MARGIN, MARGIN - 16 - place * 9, 6.5, SOFT)


def short(text: str, size: float, width: float) -> str:
    """A text cut to a width, dots at its end."""
    shown = printable(text)
    if width_of(shown, size) <= width:
        return shown
    while shown and width_of(shown + "…", size) > width:
        shown = shown[:-1]
    return shown + "…"
