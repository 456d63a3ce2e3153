"""Makes the font of printed pages from Noto Sans CJK (docs/decisions/0027-reports.md).

    apt-get install fonts-noto-cjk unicode-data; pip install fonttools
    python docs/fonts/make.py /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc

Run by hand, when the font changes: its output stands in src/quanke_desk/foundation/fonts/.
"""

from __future__ import annotations

import bz2
import sys
from pathlib import Path

from fontTools import subset
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable

TARGET = Path(__file__).parents[2] / "src/quanke_desk/foundation/fonts/NotoSansCJKsc-Regular.ttf"
UNIHAN = Path("/usr/share/unicode")
LISTS = ("kTGH", "kGB0")
"""Table of general standard Chinese characters (2013), GB 2312."""
RANGES = ((0x20, 0x7F), (0xA0, 0x180), (0x391, 0x3CA), (0x2010, 0x2040), (0x2460, 0x2474), (0x3000, 0x3020),
          (0xFF01, 0xFF5F), (0x2190, 0x2194))  # fmt: skip
MORE = "€℃№−≈≠≤≥□●✓✕￥"
TOLERANCE = 3.0
"""Units of a thousand to the em by which a curve may differ."""


def wanted() -> set[int]:
    """Characters the font keeps."""
    found = {ord(c) for c in MORE}
    for first, past in RANGES:
        found.update(range(first, past))
    for path in UNIHAN.glob("Unihan_*.txt.bz2"):
        with bz2.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                fields = line.rstrip("\n").split("\t")
                if len(fields) == 3 and fields[1] in LISTS:
                    found.add(int(fields[0][2:], 16))
    return found


def of_face(source: str, name: str) -> TTFont:
    """The face of a name in a collection."""
    for number in range(64):
        font = TTFont(source, fontNumber=number)
        if font["name"].getDebugName(1) == name:
            return font
    raise SystemExit(f"{source} has no face {name}")


def narrowed(font: TTFont) -> None:
    """Leaves away what is not kept."""
    options = subset.Options()
    options.layout_features, options.hinting, options.notdef_outline = [], False, True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "VORG", "vhea", "vmtx"]
    keeper = subset.Subsetter(options)
    keeper.populate(unicodes=wanted())
    keeper.subset(font)


def as_truetype(font: TTFont) -> None:
    """Outlines as quadratic curves: what ReportLab embeds."""
    order, shapes, glyphs = font.getGlyphOrder(), font.getGlyphSet(), {}
    for name in order:
        pen = TTGlyphPen(shapes)
        shapes[name].draw(Cu2QuPen(pen, TOLERANCE, reverse_direction=True))
        glyphs[name] = pen.glyph()
    table = font["glyf"] = newTable("glyf")
    table.glyphOrder, table.glyphs = order, glyphs
    font["loca"] = newTable("loca")
    del font["CFF "]
    most = font["maxp"]
    most.tableVersion = 0x10000
    for name in ("Zones", "TwilightPoints", "Storage", "FunctionDefs", "InstructionDefs", "StackElements",
                 "SizeOfInstructions", "ComponentElements"):  # fmt: skip
        setattr(most, f"max{name}", int(name == "Zones"))
    table.compile(font)
    for name in order:
        if hasattr(glyphs[name], "xMin"):
            font["hmtx"][name] = (font["hmtx"][name][0], glyphs[name].xMin)
    most.recalc(font)
    font["post"].formatType = 3.0
    font.sfntVersion = "\x00\x01\x00\x00"


if __name__ == "__main__":
    face = of_face(sys.argv[1], "Noto Sans CJK SC")
    narrowed(face)
    as_truetype(face)
    face.save(TARGET)
