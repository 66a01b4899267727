"""How well films are judged from their pixels alone, and the fit itself: `python benchmarks/appearance.py [FOLDER …]`.

The weights of `docphim/imaging/appearance.yaml` are fitted on phantoms of one seed, cropped, turned a little, hazed and
bordered at random (`--write` fits them again), by ridge regression: 1 for a chest as it should be, 0 for its other positions
and for blurred noise.  They are tried on phantoms of two other seeds and on the pictures of the folders given, each in all
eight orientations and both polarities.  Counted: good ones let in as checked, let in as unchecked, refused (claimed: none);
wrong ones refused, let in as unchecked, let in as checked.  Mirrored films count as good: left and right are not judged.
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

from docphim.errors import Refused
from docphim.imaging import appearance
from docphim.imaging.film import read_film
from docphim.phantom.film import render
from docphim.phantom.patient import sample_patient

FIT, TRIED = (1, 200), ((2, 150), (3, 60))
RIDGE, COPIES, NOISES = 10.0, 4, 600


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
    ranks = appearance._ranks(appearance._average(appearance._without_borders(film), appearance.SIDE))
    turned = (ranks, ranks[::-1], ranks.T, ranks.T[::-1])
    return [(a + a[:, ::-1])[:, : appearance.SIDE // 2].ravel() for a in turned]


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
    columns = [counts[good, end] for good in (True, False) for end in ("checked", "unchecked", "refused")]
    print(f"{name:28} {len(films):6} " + " ".join(f"{n:10}" for n in columns))
    return counts[True, "refused"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, help="of good frontal chest films")
    parser.add_argument("--write", action="store_true", help="fit again and write appearance.yaml")
    given = parser.parse_args()
    path = Path(appearance.__file__).with_suffix(".yaml")
    if given.write:
        comment = path.read_text(encoding="utf-8").split("scale:")[0] if path.exists() else ""
        path.write_text(comment + yaml.safe_dump(fit(phantoms(*FIT)), default_flow_style=None, width=124), encoding="utf-8")
        appearance._chest.cache_clear()
    print(f"{'':28} {'':6} {'good films':>32} {'wrong films':>32}")
    print(f"{'set':28} {'films':>6} " + " ".join(f"{end:>10}" for end in ("checked", "unchecked", "refused") * 2))
    wrong, rng = 0, np.random.default_rng(7)
    for seed, count in TRIED:
        films = phantoms(seed, count)
        wrong += row(f"phantoms, seed {seed}", films)
        rough = [np.clip(disturbed(film, rng), 0, 65535).astype(np.uint16) for film in films]
        wrong += row(f"phantoms, seed {seed}, disturbed", rough)
    for folder in given.folders:
        paths = [p for p in sorted(folder.rglob("*")) if p.suffix in (".png", ".jpg", ".dcm")]
        wrong += row(folder.name, [read_film(str(p), 1024).pixels for p in paths if "NOT_CHEST" not in p.name])
    print(f"good films refused: {wrong} (claim: 0)")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
