"""The plain picture that takes the place of a masked one: grey, with one line of text, legible at any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.video.reformatter import ColorRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]

MASK_TEXT = "Masked: not to be recorded"
GROUND, INK = 48, 208
"""Brightness of the picture and of its text, 0 to 255."""
_SHARE = 0.6
"""The text is at most this wide, as a share of the picture, if its dots are wider than one pixel."""
_WIDTH, _HEIGHT = 5, 7
"""Dots of a letter."""
_SHEETS = (
    (
        "ABCDEFGHIJKLM",
        """
.###. ####. .#### ####. ##### ##### .#### #...# .###. ..### #...# #.... #...#
#...# #...# #.... #...# #.... #.... #.... #...# ..#.. ...#. #..#. #.... ##.##
#...# #...# #.... #...# #.... #.... #.... #...# ..#.. ...#. #.#.. #.... #.#.#
##### ####. #.... #...# ####. ####. #..## ##### ..#.. ...#. ##... #.... #.#.#
#...# #...# #.... #...# #.... #.... #...# #...# ..#.. ...#. #.#.. #.... #...#
#...# #...# #.... #...# #.... #.... #...# #...# ..#.. #..#. #..#. #.... #...#
#...# ####. .#### ####. ##### #.... .#### #...# .###. .##.. #...# ##### #...#
""",
    ),
    (
        "NOPQRSTUVWXYZ",
        """
#...# .###. ####. .###. ####. .#### ##### #...# #...# #...# #...# #...# #####
##..# #...# #...# #...# #...# #.... ..#.. #...# #...# #...# #...# #...# ....#
#.#.# #...# #...# #...# #...# #.... ..#.. #...# #...# #...# .#.#. .#.#. ...#.
#..## #...# ####. #...# ####. .###. ..#.. #...# #...# #.#.# ..#.. ..#.. ..#..
#...# #...# #.... #.#.# #.#.. ....# ..#.. #...# #...# #.#.# .#.#. ..#.. .#...
#...# #...# #.... #..#. #..#. ....# ..#.. #...# .#.#. ##.## #...# ..#.. #....
#...# .###. #.... .##.# #...# ####. ..#.. .###. ..#.. #...# #...# ..#.. #####
""",
    ),
    (
        "0123456789:.,-'",
        """
.###. ..#.. .###. ####. ...#. ##### .###. ##### .###. .###. ..... ..... ..... ..... ..#..
#...# .##.. #...# ....# ..##. #.... #.... ....# #...# #...# ..#.. ..... ..... ..... ..#..
#..## ..#.. ....# ....# .#.#. ####. #.... ...#. #...# #...# ..#.. ..... ..... ..... .....
#.#.# ..#.. ...#. .###. #..#. ....# ####. ..#.. .###. .#### ..... ..... ..... .###. .....
##..# ..#.. ..#.. ....# ##### ....# #...# .#... #...# ....# ..#.. ..... ..#.. ..... .....
#...# ..#.. .#... ....# ...#. #...# #...# .#... #...# ....# ..#.. ..#.. ..#.. ..... .....
.###. .###. ##### ####. ...#. .###. .###. .#... .###. .###. ..... ..#.. .#... ..... .....
""",
    ),
)


def _letters() -> dict[str, Grey]:
    found = {" ": np.zeros((_HEIGHT, _WIDTH), np.uint8)}
    for names, sheet in _SHEETS:
        rows = [row.split() for row in sheet.split("\n") if row]
        for number, name in enumerate(names):
            found[name] = np.array([[dot == "#" for dot in row[number]] for row in rows], np.uint8)
    return found


_LETTERS = _letters()


def plain_grey(width: int, height: int, text: str = MASK_TEXT) -> Grey:
    """Return the plain picture, shape ``(height, width)``, 0 to 255.

    The text is in capitals. A picture too small for it has only its first word, and a smaller one no text at all.
    Letters beyond A to Z, digits and common marks are left blank.
    """
    picture = np.full((height, width), GROUND, np.uint8)
    for line in (text, text.partition(" ")[0].rstrip(":")):
        dots = _dots(line)
        scale = _scale(dots.shape[1], width, height)
        if scale:
            inked = np.kron(dots, np.ones((scale, scale), np.uint8))
            top, left = (height - inked.shape[0]) // 2, (width - inked.shape[1]) // 2
            part = picture[top : top + inked.shape[0], left : left + inked.shape[1]]
            part[inked > 0] = INK
            break
    return picture


def plain_picture(width: int, height: int, text: str = MASK_TEXT) -> NDArray[np.uint8]:
    """Return the plain picture in colour, shape ``(height, width, 3)``, 0 to 255."""
    return np.repeat(plain_grey(width, height, text)[:, :, None], 3, axis=2)


def plain_frame(
    width: int,
    height: int,
    text: str = MASK_TEXT,
    pixel_format: str = "yuv420p",
    rotation: int = 0,
    *,
    is_full_range: bool = False,
) -> Any:
    """Return the plain picture as a frame of PyAV.

    Args:
        width: as coded, before any rotation.
        height: as coded.
        text: one line.
        pixel_format: FFmpeg's name.
        rotation: by which players turn the frame, in degrees anticlockwise, as PyAV has it.
        is_full_range: whether black is 0 and white is 255 in the frame, and not 16 and 235.
    """
    turns = round(rotation / 90) % 4
    upright = plain_grey(*((width, height) if turns % 2 == 0 else (height, width)), text)
    grey = np.ascontiguousarray(np.rot90(upright, k=-turns))
    colour_range = ColorRange.JPEG if is_full_range else None
    return av.VideoFrame.from_ndarray(grey, format="gray").reformat(format=pixel_format, dst_color_range=colour_range)


def _dots(line: str) -> Grey:
    """The line in dots, shape ``(7, n)``, with one column between letters."""
    blank = np.zeros((_HEIGHT, 1), np.uint8)
    parts = [part for letter in line.upper() for part in (_LETTERS.get(letter, _LETTERS[" "]), blank)]
    return np.concatenate(parts[:-1] or [blank], axis=1)


def _scale(dots: int, width: int, height: int) -> int:
    """Pixels a dot: the most that leaves a margin; 0 if the line doesn't fit."""
    wide = min(int(_SHARE * width) // dots, height // (3 * _HEIGHT))
    return wide or int(dots + 2 <= width and height >= _HEIGHT + 2)
