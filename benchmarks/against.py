"""The present tree against an older one, in one run, in turns: `python benchmarks/against.py OLD [--rounds 3] [--only demo …]`.

OLD is a folder with another commit (`git worktree add OLD COMMIT`); both run under this Python.  Measured are processor seconds
(children included), so that what else the machine does counts little: each stage of the demo, preparing films, the suite of
scores on 10,000 pairs, training steps of the demo's model.  Each side must have done the work: the same number of studies,
films, drafts and scored pairs.  Promised: no ratio (new / old) above 1.03; of the rounds the best counts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIMIT = 1.03
#: The demo's stages, in order; `train` has its loop in it.
STAGES = ("ingest", "prepare", "build", "train", "generate", "evaluate", "page")
DEMO = "name: against\nsource: {kind: phantom, profile: demo, studies: STUDIES, size: 512, seed: 5, path: phantoms}\n" + (
    "split: {fractions: [0.7, 0.1, 0.2]}\nprompts: docphim\ntasks: [findings]\nprepare: {workers: 1}\n"
    "model: {family: qwen_vl, weights: tiny, tune: full, freeze: [], image_size: 112}\n"
    "train: {max_steps: STEPS, batch_size: 8, accumulate: 1, evaluations: 2, gradient_checkpointing: false}\n"
    "generate: {max_new_tokens: 24}\nevaluate: {resamples: 1000, splits: [test]}\n"
)
Seconds = dict[str, float]
Work = dict[str, int]


def spent(tree: Path, place: Path, *arguments: str) -> float:
    """Processor seconds of one `docphim` command of a tree."""
    env = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    env |= {"DOCPHIM_KEY_FILE": str(place / "key"), "CUDA_VISIBLE_DEVICES": ""}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = "from docphim.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=place, env=env, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{tree.name}: docphim {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    (place / "printed.txt").write_text(done.stdout, encoding="utf-8")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def demo(tree: Path, place: Path, studies: int, steps: int) -> tuple[Seconds, Work]:
    """Every stage of a small demo, and what came of it."""
    text = DEMO.replace("STUDIES", str(studies)).replace("STEPS", str(steps))
    (place / "against.yaml").write_text(text, encoding="utf-8")
    seconds = {f"demo: {stage}": spent(tree, place, stage, "against.yaml") for stage in STAGES}
    lines = {name: next(place.glob(f"*/**/{name}.jsonl")) for name in ("studies", "index", "predictions", "likelihoods")}
    return seconds, {name: path.read_bytes().count(b"\n") for name, path in lines.items()}


def suite(tree: Path, place: Path, pairs: Path) -> tuple[Seconds, Work]:
    """The whole suite of scores."""
    seconds = {"score suite": spent(tree, place, "score", str(pairs), "--json")}
    scores = json.loads((place / "printed.txt").read_text(encoding="utf-8"))["scores"]
    return seconds, {"rougeL x 1e6": round(1e6 * scores["rougeL"]["value"])}


def rounds(trees: dict[str, Path], count: int, given: argparse.Namespace) -> Iterator[tuple[str, Seconds, Work]]:
    """The two trees in turns, the first one changing with the round."""
    from score_suite import write_pairs

    with tempfile.TemporaryDirectory(prefix="docphim-against-") as name:
        folder = Path(name)
        write_pairs(folder / "pairs.jsonl", given.pairs)
        for number in range(count):
            for side in sorted(trees, reverse=bool(number % 2)):
                shutil.rmtree(folder / "work", ignore_errors=True)
                (folder / "work").mkdir()
                parts = {
                    "demo": lambda side=side: demo(trees[side], folder / "work", given.studies, given.steps),
                    "score": lambda side=side: suite(trees[side], folder / "work", folder / "pairs.jsonl"),
                }
                for part in given.only:
                    yield (side, *parts[part]())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("--only", nargs="+", choices=("demo", "score"), default=["demo", "score"])
    for name, value in (("rounds", 3), ("studies", 200), ("steps", 60), ("pairs", 10_000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    trees = {"old": given.old.resolve(), "new": HERE.parent}
    best: dict[str, Seconds] = {side: {} for side in trees}
    work: dict[str, Work] = {side: {} for side in trees}
    for side, seconds, did in rounds(trees, given.rounds, given):
        work[side] |= did
        for part, value in seconds.items():
            best[side][part] = min(best[side].get(part, value), value)
    assert work["old"] == work["new"], f"not the same work: {work}"
    print(f"both did {', '.join(f'{count} {what}' for what, count in work['new'].items())}")
    slow = []
    for part, old in best["old"].items():
        ratio = best["new"][part] / old
        slow += [part] if ratio > LIMIT else []
        print(f"{part:18} old {old:7.2f} s   new {best['new'][part]:7.2f} s   ratio {ratio:.3f}")
    sys.exit(f"slower than {LIMIT:g}: {', '.join(slow)}" if slow else 0)


if __name__ == "__main__":
    main()
