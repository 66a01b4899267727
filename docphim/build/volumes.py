"""What the volumes of a dataset are like, by what prepare has seen of each, and how much of their reports is habit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from docphim.language.sections import sentences
from docphim.study import Row

#: A sentence that occurs so often is one that readers write by habit.
OFTEN = 5


def volumes(rows: Iterable[Row], texts: Sequence[str], count: Callable[[str], int]) -> Row | None:
    """The table of volumes of stats.json; None where a dataset has films alone.

    Parameters
    ----------
    rows : iterable of dict
        Of prepared/index.jsonl, of the studies that count.
    texts : sequence of str
        The reports' sections.
    count : function
        How long a text is.

    Returns
    -------
    dict
        `each`: a row a volume (`study`, `shape` and `spacing` of the file, `kernel`, `thickness_mm`, `contrast`, `quality`);
        `kernels`: how many of each; `lungs_cut`: how many at each face; `lungs_litres`, `slices`, `step_mm`: least, mean and
        most; `often`: the share of the text that stands in sentences which occur five times or more.
    """
    each = [_volume(row) for row in rows if "quality" in row.get("how", {})]
    if not each:
        return None
    return {
        "each": each,
        "kernels": dict(Counter(row["kernel"] or "unknown" for row in each).most_common()),
        "lungs_cut": dict(Counter(face for row in each for face in row["quality"]["lungs_cut"]).most_common()),
        "lungs_litres": _ends(row["quality"]["lungs_litres"] for row in each),
        "slices": _ends(row["shape"][0] for row in each),
        "step_mm": _ends(row["spacing"][0] for row in each),
        "often": often(texts, count),
    }


def _volume(row: Row) -> Row:
    how = row["how"]
    known = {key: how.get(key) for key in ("shape", "spacing", "kernel", "thickness_mm", "contrast", "padding", "series")}
    return {"study": row["study"], **known, "quality": how["quality"]}


def _ends(numbers: Iterable[float]) -> Row:
    of = list(numbers)
    return {"min": min(of), "mean": round(sum(of) / len(of), 2), "max": max(of)}


def often(texts: Sequence[str], count: Callable[[str], int]) -> float | None:
    """The share of the text that stands in sentences which occur `OFTEN` times or more; None where there is no text."""
    spoken = Counter(sentence for text in texts for sentence in sentences(text))
    mass = {sentence: n * count(sentence) for sentence, n in spoken.items()}
    total = sum(mass.values())
    return round(sum(mass[sentence] for sentence, n in spoken.items() if n >= OFTEN) / total, 3) if total else None
