"""How well films are judged from their pixels alone, and the fit itself: `python benchmarks/appearance.py [FOLDER …]`.

The tables of `docphim/imaging/appearance.yaml` are fitted on phantoms of one seed by ridge regression (`--write` fits again).
`weights`: 1 for a chest as it should be, cropped, turned a little, hazed and bordered at random, 0 for its other positions and
for blurred noise.  `frontal`: 1 for such films and for spoilt ones (white lungs, effusions, devices, windows), -1 for other
pictures (laterals, knees, slices, photographs, drawn by `tests/imaging/other_pictures.py`) and for wrong positions.

Both are tried on phantoms of other seeds and on the pictures of the folders given, each in all eight orientations and both
polarities, then on spoilt films and other pictures.  Counted: good ones let in as checked, let in as unchecked, refused
(claimed: none, of films with one fault); wrong ones refused, let in as unchecked, let in as checked (claimed: at most 1 in 100
of other pictures).  Mirrored films count as good: left and right are not judged.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "imaging"))
from other_pictures import KINDS, LATER, Draw
from spoilt_films import CHANGES, spoilt

from docphim.errors import Refused
from docphim.imaging import appearance
from docphim.imaging.film import read_film
from docphim.package_data import packaged
from docphim.phantom.film import render
from docphim.phantom.patient import sample_patient

FIT, TRIED = (1, 200), ((2, 150), (3, 60))
RIDGE, COPIES, NOISES = 10.0, 4, 600
#: Of the second table: the ridge, spoilt copies of each phantom, pictures of each other kind.
FRONTAL_RIDGE, SPOILT, OTHERS = 10.0, 5, 80
MOST_CHECKED = 0.01
ENDS = ("checked", "unchecked", "refused")


def phantoms(seed: int, count: int) -> list[np.ndarray]:
    """Films of 256 pixels, 16 bits."""
    return [render(sample_patient(i, seed, "paper"), 256).pixels << np.uint16(4) for i in range(count)]


def disturbed(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The film turned by some degrees, cropped, bordered, marked and hazed; each by chance."""
    image = Image.fromarray(film.astype(np.float32))
    if rng.random() < 0.5:
        image = image.rotate(rng.normal(0, 4), Image.Resampling.BILINEAR, fillcolor=float(np.median(film[:3])))
    h, w = film.shape
    top, bottom, left, right = (int(rng.uniform(0, most) * n) for most, n in ((0.12, h), (0.18, h), (0.12, w), (0.12, w)))
    made = np.asarray(image)[top : h - bottom, left : w - right].copy()
    if rng.random() < 0.3:
        made = np.pad(made, rng.integers(0, h // 10, (2, 2)), constant_values=float(rng.choice([0, 65535])))
    for _ in range(rng.integers(0, 4)):
        y, x = (rng.integers(0, n - 20) for n in made.shape)
        made[y : y + rng.integers(4, 20), x : x + rng.integers(4, 20)] = rng.choice([0, 65535])
    if rng.random() < 0.5:
        made += blurred_noise(5, made.shape, rng) * rng.uniform(1300, 7700)
    if rng.random() < 0.3:
        made += np.linspace(-1, 1, len(made), dtype=np.float32)[:, None] * rng.uniform(-10000, 10000)
    return made


def blurred_noise(n: int, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    image = Image.fromarray(rng.normal(0, 1, (n, n)).astype(np.float32))
    return np.asarray(image.resize(shape[::-1], Image.Resampling.BICUBIC))


def features(film: np.ndarray) -> list[np.ndarray]:
    """What the weights are laid on, of the film as it is, upside down and on its sides."""
    a = ranks(film)
    return [appearance.halves(turned)[0].ravel() for turned in (a, a[::-1], a.T, a.T[::-1])]


def ranks(film: np.ndarray) -> np.ndarray:
    return appearance._ranks(appearance._average(appearance._without_borders(film), appearance.SIDE))


def others(seed: int, count: int, kinds: dict[str, Draw]) -> dict[str, list[np.ndarray]]:
    """Pictures of every kind that are no frontal chest film."""
    numbered = list(enumerate(kinds.items()))
    return {name: [draw(np.random.default_rng([seed, k, i])) for i in range(count)] for k, (name, draw) in numbered}


def fit_frontal(films: list[np.ndarray]) -> dict[str, object]:
    """The table `frontal`: each set of pictures weighs as much as another, the good ones as much as all others together."""
    rng = np.random.default_rng(1)
    rough = [np.clip(disturbed(film, rng), 0, 65535).astype(np.uint16) for film in films for _ in range(SPOILT)]
    good = [ranks(film) for film in films] + [ranks(spoilt(film, rng)) for film in rough]
    wrong = [[ranks(film) for film in made] for made in others(1, OTHERS, KINDS).values()]
    wrong.append([b for a in good[::20] for b in (a[::-1], a.T, a.T[::-1], -a, -a[::-1], -a.T)])
    sets = [good, *wrong]
    x = np.array([np.concatenate(appearance.halves(a), axis=1).ravel() for made in sets for a in made])
    y = np.repeat([1.0, *[-1.0] * len(wrong)], [len(made) for made in sets])
    each = np.repeat([1 / len(good), *(1 / len(made) / len(wrong) for made in wrong)], [len(made) for made in sets]) / 2
    middle = each @ x
    apart = x - middle
    weights = np.linalg.solve(apart.T @ (each[:, None] * apart) + FRONTAL_RIDGE / 2 * np.eye(x.shape[1]), apart.T @ (each * y))
    whole = np.rint(weights / np.abs(weights).max() * 100)
    scale = 100 / np.abs(weights).max()
    table = whole.astype(int).reshape(appearance.SIDE, -1).tolist()
    return {"scale": round(float(scale), 1), "offset": round(float(-middle @ whole / scale), 4), "weights": table}


def fit(films: list[np.ndarray]) -> dict[str, object]:
    """The table of appearance.yaml: whole numbers, and what a usual chest comes to."""
    rng = np.random.default_rng(0)
    chests = [features(disturbed(film, rng)) for film in films for _ in range(COPIES)]
    noises = [features(blurred_noise(int(rng.integers(2, 10)), (120, 120), rng)) for _ in range(NOISES)]
    x = np.concatenate([*chests, *noises])
    y = np.array([1.0, 0, 0, 0] * len(chests) + [0.0] * 4 * len(noises))
    weights = np.linalg.solve(x.T @ x + RIDGE * len(x) * np.eye(x.shape[1]), x.T @ y)
    whole = np.rint(weights / np.abs(weights).max() * 100)
    scale = float(np.median([features(film)[0] @ whole for film in films]))
    return {"scale": round(scale, 1), "weights": whole.astype(int).reshape(appearance.SIDE, -1).tolist()}


def turned(film: np.ndarray) -> Iterable[tuple[bool, np.ndarray]]:
    """The film in 8 orientations and 2 polarities, each with whether it is a good one."""
    for across, mirrored, down, negative in itertools.product((False, True), repeat=4):
        made = film.T if across else film
        made = made[:, ::-1] if mirrored else made
        made = made[::-1] if down else made
        yield not (across or down or negative), np.ascontiguousarray(65535 - made if negative else made)


def judged(film: np.ndarray) -> str:
    try:
        _, unchecked = appearance.check_appearance(film, "the file")
    except Refused:
        return "refused"
    return "unchecked" if unchecked else "checked"


def row(name: str, films: list[np.ndarray]) -> int:
    """Print a line for a set of films; the number of good ones that were refused."""
    counts = Counter((good, judged(made)) for film in films for good, made in turned(film))
    columns = [counts[good, end] for good in (True, False) for end in ENDS]
    print(f"{name:28} {len(films):6} " + " ".join(f"{n:10}" for n in columns))
    return counts[True, "refused"]


def sets(title: str, made: dict[str, list[np.ndarray]]) -> Counter[str]:
    """Print a line for each set of films as they are, and for all; how they ended."""
    total: Counter[str] = Counter()
    for name, films in made.items():
        counts = Counter(judged(film) for film in films)
        total += counts
        least = min(appearance.likeness(film).frontal for film in films)
        print(f"{title} {name}: " + ", ".join(f"{counts[end]} {end}" for end in ENDS) + f"; frontal from {least:.2f}")
    if len(made) > 1:
        print(f"{title} all: " + ", ".join(f"{total[end]} {end}" for end in ENDS))
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, help="of good frontal chest films")
    parser.add_argument("--write", action="store_true", help="fit again and write appearance.yaml")
    given = parser.parse_args()
    path = Path(appearance.__file__).with_suffix(".yaml")
    if given.write:
        comment = path.read_text(encoding="utf-8").split("scale:")[0] if path.exists() else ""
        films = phantoms(*FIT)
        table = {**fit(films), "frontal": fit_frontal(films)}
        path.write_text(comment + yaml.safe_dump(table, default_flow_style=None, width=124, sort_keys=False), encoding="utf-8")
        for read in (packaged, appearance._chest, appearance._frontal):
            read.cache_clear()
    print(f"{'':28} {'':6} {'good films':>32} {'wrong films':>32}")
    print(f"{'set':28} {'films':>6} " + " ".join(f"{end:>10}" for end in ENDS * 2))
    wrong, rng = 0, np.random.default_rng(7)
    for seed, count in TRIED:
        films = phantoms(seed, count)
        wrong += row(f"phantoms, seed {seed}", films)
        rough = [np.clip(disturbed(film, rng), 0, 65535).astype(np.uint16) for film in films]
        wrong += row(f"phantoms, seed {seed}, disturbed", rough)
    for folder in given.folders:
        paths = [p for p in sorted(folder.rglob("*")) if p.suffix in (".png", ".jpg", ".dcm")]
        films = [read_film(str(p), 1024).pixels for p in paths if "NOT_CHEST" not in p.name]
        wrong += row(folder.name, films)
        wrong += sets(f"{folder.name}: good films,", {name: [c(f) for f in films] for name, c in CHANGES.items()})["refused"]
    films = phantoms(*TRIED[1])
    wrong += sets("good phantoms,", {name: [change(film) for film in films] for name, change in CHANGES.items()})["refused"]
    sets("phantoms", {"spoilt in several ways": [spoilt(film, rng) for film in films * 5]})
    seen = sets("no frontal chest:", others(2, 40, KINDS)) + sets("no frontal chest, drawn later:", others(2, 40, LATER))
    checked = seen["checked"] / seen.total()
    print(
        f"good films refused: {wrong} (claim: 0); other pictures let in as checked: {checked:.1%} (claim: {MOST_CHECKED:.0%})"
    )
    sys.exit(wrong > 0 or checked > MOST_CHECKED)


if __name__ == "__main__":
    main()
