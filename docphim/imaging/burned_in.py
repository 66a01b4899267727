"""Text burned into a film: found by an OCR library (`pip install 'docphim[ocr]'`), then masked, or the film refused.

The words that may stay name nobody (side, view, position: burned_in.yaml); whatever else can be read may be a name.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from docphim.errors import Refused, UsageError
from docphim.imaging.header_words import plain
from docphim.package_data import packaged
from docphim.study import Row

#: What a recipe says is done about text: `off` looks for none.
Rule = Literal["off", "keep", "mask", "refuse"]
#: (left, top, right, bottom) in pixels, right and bottom beyond the last.
Box = tuple[int, int, int, int]
PACKAGES = ("rapidocr", "onnxruntime")
INSTALL = "pip install 'docphim[ocr]'"

#: Letters are sharp and anatomy is soft: what is finer than so many pixels is made so much stronger before the reader looks.
#: Without that it takes a whole film for one text now and then, and then sees none of those on it.
_FINE, _STRONGER = 12.0, 3.0
#: The reader's surety that a box holds text: above the first it does; above the second where two letters can be read in it, for
#: a crossing of ribs may look like one.
_TEXT, _PERHAPS, _READABLE, _LETTERS = 0.7, 0.5, 0.5, 2
#: A box that takes more of the film than this is the film itself.
_LARGEST = 0.12
#: Wires that close a breastbone are read as rings, one below the other in the film's middle third.
_RINGS, _MIDDLE, _TALL, _STACK = set("08ODQ"), (0.36, 0.64), 1.8, 3
#: A marker counts as one only when it is read this surely; otherwise it is masked as any other text.
_SURE = 0.8
#: A mask reaches beyond its box by this share of the text's height: accents and tails of letters stand outside.
_MARGIN = 0.35
#: Films are looked at again after masking; one on which text still stands after so many looks is refused.
_LOOKS = 3
#: So much of a film may be masked at most: what is below would be missing from the anatomy.
_MOST = 0.2


@dataclass(frozen=True)
class Text:
    """A piece of text on a film: what it says (never written anywhere), where, and how surely it was read, 0 to 1.

    `is_wire`: it is taken for a wire of a breastbone, and stays (see `with_wires`).
    """

    text: str
    box: Box
    score: float
    is_wire: bool = False

    @property
    def is_marker(self) -> bool:
        """Whether it names nobody: words of burned_in.yaml alone, and of single letters at most one.

        "R PA ERECT" and "P" do; "T P", a patient's initials, and "R 12", which holds a number, do not.
        """
        table = packaged(Path(__file__).with_suffix(".yaml"))
        words = plain(self.text).split()
        if not words or self.score < _SURE or any(c.isalnum() and not plain(c) for c in self.text):  # "R 王": no marker
            return False
        sides = sum(word in table["sides"] for word in words)
        return sides <= 1 and sides + sum(word in table["words"] for word in words) == len(words)


def check_installed() -> None:
    """Raise UsageError, with the command that helps, where the OCR library is not there; it is not imported to find out."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"prepare.xray.burned_in needs {', '.join(missing)}, not installed here: {INSTALL}")


def treated(film: np.ndarray, rule: Rule) -> tuple[np.ndarray, Row]:
    """A film after the recipe's rule, and what index.jsonl says of it: boxes alone, for a text may be a name.

    Parameters
    ----------
    film : ndarray
        uint16 (h, w), 65535 white; it is not changed.
    rule : {"keep", "mask", "refuse"}
        Look and leave as it is; fill with the grey around; refuse.  Markers of side, view and position stay under each.

    Returns
    -------
    tuple of ndarray and dict
        `rule`, `by` (library and version), `texts`, `markers` and `wires` (what was taken for wires of a breastbone and left):
        boxes (left, top, right, bottom) in pixels of the film.  Of a masked film `texts` are the boxes that were filled, their
        margins with them.

    Raises
    ------
    Refused
        `burned_in_text`: by the rule; or the masks would cover too much of the film, or text is still read after masking.
    """
    seen = texts(film)
    markers = [text.box for text in seen if text.is_marker and not text.is_wire]
    wires = [text.box for text in seen if text.is_wire]
    boxes = _to_hide(seen)
    if boxes and rule == "refuse":
        raise Refused("burned_in_text", "", f"{len(boxes)} pieces of text are no marker of side, view or position")
    if boxes and rule == "mask":
        film, boxes, wires = _masked(film, boxes)
    places = {"texts": boxes, "markers": markers, "wires": wires}
    return film, {"rule": rule, "by": _version(), **{name: [list(box) for box in boxes] for name, boxes in places.items()}}


def _to_hide(seen: list[Text]) -> list[Box]:
    return [text.box for text in seen if not text.is_wire and not text.is_marker]


def _masked(film: np.ndarray, boxes: list[Box]) -> tuple[np.ndarray, list[Box], list[Box]]:
    """Fill boxes and look again until nothing is left that could be read; one mask may uncover what its glare had hidden.

    Returns the film, the boxes that were filled, and those that the last look took for wires.
    """
    done: list[Box] = []
    for _ in range(_LOOKS):
        done += [grown(box, film.shape) for box in boxes]
        film = filled(film, done)
        covered = np.zeros(film.shape, bool)
        for left, top, right, bottom in done:
            covered[top:bottom, left:right] = True
        if covered.mean() > _MOST:
            raise Refused("burned_in_text", "", f"text covers {covered.mean():.0%} of the film, more than can be masked")
        seen = texts(film)
        boxes = _to_hide(seen)
        if not boxes:
            return film, done, [text.box for text in seen if text.is_wire]
    raise Refused("burned_in_text", "", f"text is still read after it was masked {_LOOKS} times")


def grown(box: Box, shape: tuple[int, ...]) -> Box:
    """A box with its margin, within a film of `shape` (h, w)."""
    left, top, right, bottom = box
    margin = 2 + round(_MARGIN * min(right - left, bottom - top))
    return max(0, left - margin), max(0, top - margin), min(shape[1], right + margin), min(shape[0], bottom + margin)


def filled(film: np.ndarray, boxes: list[Box]) -> np.ndarray:
    """A copy of a film in which each box holds the median grey of a ring around it."""
    out = film.copy()
    for box in boxes:
        left, top, right, bottom = box
        around = grown(box, film.shape)
        ring = np.ones((around[3] - around[1], around[2] - around[0]), bool)
        ring[top - around[1] : bottom - around[1], left - around[0] : right - around[0]] = False
        greys = film[around[1] : around[3], around[0] : around[2]][ring]
        out[top:bottom, left:right] = np.median(greys) if greys.size else 0
    return out


@functools.cache
def _version() -> str:
    return f"rapidocr {importlib.metadata.version('rapidocr')}"


def texts(film: np.ndarray) -> list[Text]:
    """Every piece of text on a film, from top to bottom, and what is taken for a wire.

    Parameters
    ----------
    film : ndarray
        uint16 (h, w), 65535 white.  Text may be light or dark, turned, upside down or mirrored: what cannot be read counts too.
    """
    height, width = film.shape
    sharp = sharpened(film)
    answer = _reader()(np.repeat(sharp[..., None], 3, axis=2), use_det=True, use_cls=False, use_rec=False)
    corners = [] if answer.boxes is None else answer.boxes
    seen = []
    for four, surety in zip(corners, answer.scores or (), strict=True):
        box = _within(np.asarray(four), height, width)
        if surety >= _PERHAPS and 0 < _area(box) <= _LARGEST * height * width:
            text = _read(sharp, box)
            if surety >= _TEXT or (text.score >= _READABLE and sum(map(str.isalnum, text.text)) >= _LETTERS):
                seen.append(text)
    return sorted(with_wires(seen, width), key=lambda text: (text.box[1], text.box[0]))


def with_wires(seen: list[Text], width: int) -> list[Text]:
    """Mark the wires of a breastbone on a film so wide, which are read as "888888" or "oooo"; a mask would hide the heart.

    That is a column in the middle, or three rings one below the other.  A number across the film, a word, and anything at the
    film's sides is never one of them.
    """
    rings = [text for text in seen if _is_rings(text, width)]
    wires = [text for text in rings if _is_tall(text.box) or len(rings) >= _STACK]
    return [replace(text, is_wire=text in wires) for text in seen]


def _is_rings(text: Text, width: int) -> bool:
    """Whether a text of the middle is read as rings alone, but for one sign of six; "08/08/80" and "1980" are not."""
    signs = text.text.upper().replace(" ", "")
    rings = sum(sign in _RINGS for sign in signs)
    left, _, right, _ = text.box
    middle = _MIDDLE[0] * width < (left + right) / 2 < _MIDDLE[1] * width
    return middle and right - left < 2 * (text.box[3] - text.box[1]) and rings > 0 and len(signs) - rings <= len(signs) // 6


def _is_tall(box: Box) -> bool:
    return box[3] - box[1] >= _TALL * (box[2] - box[0])


def sharpened(film: np.ndarray) -> np.ndarray:
    """A film, uint16 (h, w), without what is soft on it: uint8 about mid-grey, on which letters stand out from anatomy."""
    from scipy import ndimage  # here: where the check is off, a command starts without it

    grey = film.astype(np.float32) / np.float32(257)
    fine = grey - ndimage.gaussian_filter(grey, _FINE, truncate=3)
    return np.clip(128 + _STRONGER * fine, 0, 255).astype(np.uint8)


def _read(sharp: np.ndarray, box: Box) -> Text:
    """What stands in a box of a sharpened film; an empty text of score 0 where nothing can be read."""
    left, top, right, bottom = box
    crop = sharp[top:bottom, left:right]
    if crop.shape[0] >= 1.5 * crop.shape[1]:
        crop = np.rot90(crop)
    answer = _reader()(np.repeat(crop[..., None], 3, axis=2), use_det=False, use_cls=True, use_rec=True)
    if not answer.txts:
        return Text("", box, 0.0)
    return Text(unicodedata.normalize("NFC", answer.txts[0]), box, float(answer.scores[0]))


@functools.cache
def _reader() -> Any:
    """The reader with the models that lie in the wheel, once a process; on one thread, for prepare has a process a core."""
    from rapidocr import RapidOCR

    engine = "EngineConfig.onnxruntime"
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.text_score": 0.0,
            f"{engine}.intra_op_num_threads": 1,
            f"{engine}.inter_op_num_threads": 1,
        }
    )


def _within(corners: np.ndarray, height: int, width: int) -> Box:
    """The upright box around four corners (4, 2) of x and y, cut at the film's edges."""
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))


def _area(box: Box) -> int:
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])
