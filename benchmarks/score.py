"""Speed of `docphim score` on 10,000 pairs of 46 words, beside rouge-score, sacrebleu and pycocoevalcap.

Run: OMP_NUM_THREADS=1 python benchmarks/score.py [PAIRS]
Prints seconds from process start (ours, with intervals) and of the scoring alone (theirs, without), the ratios, and how far
the values lie apart: first Docphim's own lexical scores on the same tokens, then each convention on the same text.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

Values = dict[str, float]
#: Percent: as far as two ways of adding up the same counts may lie apart.
APART = 1e-6
#: What is promised: the peers' seconds over ours.
LEAST = 1.0
#: The lexical families with intervals; a convention with intervals.  Both read the file and print their values.
LEXICAL = (
    "from docphim.metrics import LEXICAL; from docphim.metrics.measure import measure, table;"
    "from docphim.metrics.pairs import Pairs; from docphim.evaluate.pairs_file import read_pairs;"
    "r = read_pairs(Path(sys.argv[1]));"
    "made = table(measure(Pairs(r.references, r.predictions, 'vi'), r.patients, resamples=1000, seed=1, names=LEXICAL));"
    "made = {key: {'value': score.value} for key, score in made.items()}"
)
CONVENTION = (
    "from docphim.evaluate.score import score_pairs; made = score_pairs(Path(sys.argv[1]), 'vi', convention={!r})['scores']"
)

TEXT = (
    "phổi phải trái hai bên trường sáng đều không thấy hình ảnh đông đặc thâm nhiễm tràn dịch khí màng góc sườn hoành nhọn "
    "tù bóng tim to chỉ số lồng ngực trung thất cân đối rốn đậm nhẹ quai động mạch chủ vồng vôi hóa thành xương nốt mờ khối "
    "vùng đáy đỉnh thùy trên dưới giữa kích thước mm tổn thương kẽ rải rác dày tổ chức dải xơ gãy cung vòm bờ rõ giới"
)


def make_pairs(path: Path, n: int, length: int = 46) -> None:
    """Reports of a small vocabulary whose prediction keeps about half of the reference's phrases."""
    rng, words = random.Random(7), TEXT.split()
    phrases = [[rng.choice(words) for _ in range(rng.randint(3, 7))] for _ in range(400)]

    def report(start: list[str]) -> str:
        words = list(start)
        while len(words) < length:
            words += rng.choice(phrases)
        text = " ".join(words[:length])
        return text[0].upper() + text[1:] + "."

    with path.open("w", encoding="utf-8") as handle:
        for i in range(n):
            reference = report([])
            prediction = report(reference.lower().rstrip(".").split()[: rng.randint(0, length)])
            handle.write(
                json.dumps({"id": str(i), "reference": reference, "prediction": prediction}, ensure_ascii=False) + "\n"
            )


def ours(path: Path, code: str) -> tuple[float, Values]:
    """Seconds of a whole process that runs `code` on the file, best of three, and the values it makes."""
    code = (
        f"import json, sys; from pathlib import Path; {code}; print(json.dumps({{k: row['value'] for k, row in made.items()}}))"
    )
    best, out = float("inf"), ""
    for _ in range(3):
        start = time.perf_counter()
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        out = subprocess.run(
            [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True, env=env
        ).stdout
        best = min(best, time.perf_counter() - start)
    return best, json.loads(out)


class GivenTokens:
    """rouge-score's tokenizer slot, holding the tokens that Docphim scores."""

    def tokenize(self, text: str) -> list[str]:
        return text.split(" ") if text else []


def rouge_score(references: list[str], predictions: list[str], tokenizer: GivenTokens | None = None) -> Values:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=tokenizer)
    sums = dict.fromkeys(("rouge1", "rouge2", "rougeL"), 0.0)
    for reference, prediction in zip(references, predictions, strict=True):
        for key, score in scorer.score(reference, prediction).items():
            sums[key] += score.fmeasure
    return {key: 100 * value / len(references) for key, value in sums.items()}


def lexical(references: list[str], predictions: list[str]) -> Values:
    """Docphim's own lexical scores, by rouge-score and sacrebleu on the tokens that Docphim scores."""
    from sacrebleu.metrics import BLEU, CHRF

    values = rouge_score(references, predictions, GivenTokens())
    for order in range(1, 5):
        metric = BLEU(tokenize="none", smooth_method="none", max_ngram_order=order, effective_order=False, force=True)
        values[f"bleu{order}"] = metric.corpus_score(predictions, [references]).score
    values["chrfpp"] = CHRF(word_order=2).corpus_score(predictions, [references]).score
    return values


def sacrebleu(references: list[str], predictions: list[str]) -> Values:
    from sacrebleu.metrics import BLEU, CHRF

    sentence = BLEU(effective_order=True, force=True)
    rows = [sentence.sentence_score(p, [r]).score for r, p in zip(references, predictions, strict=True)]
    corpus = {"bleu": BLEU(force=True), "chrf2": CHRF(), "chrf2pp": CHRF(word_order=2)}
    values = {key: metric.corpus_score(predictions, [references]).score for key, metric in corpus.items()}
    return values | {"sentence_bleu": sum(rows) / len(rows)}


def coco(references: list[str], predictions: list[str]) -> Values:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    right, drafts = ({i: [text] for i, text in enumerate(side)} for side in (references, predictions))
    values = {f"bleu{i + 1}": 100 * v for i, v in enumerate(Bleu().compute_score(right, drafts, verbose=0)[0])}
    return values | {key: 100 * c.compute_score(right, drafts)[0] for key, c in (("rougeL", Rouge()), ("cider", Cider()))}


def beside(name: str, path: Path, code: str, peer: Callable[[list[str], list[str]], Values], pairs: list[list[str]]) -> float:
    """One line: our seconds, the peer's, their ratio, which is returned, and how far values that both have lie apart."""
    seconds, values = ours(path, code)
    peer(["a"], ["a"])  # imports
    start = time.perf_counter()
    theirs = peer(*pairs)
    peers = time.perf_counter() - start
    apart = max(abs(values[key] - value) for key, value in theirs.items())
    assert set(theirs) == set(values) and apart < APART, f"not the same work: values lie {apart:.1e} apart"
    print(f"{name}: docphim {seconds:.2f} s, peers {peers:.2f} s = {peers / seconds:.1f}x; values apart by {apart:.1e}")
    return peers / seconds


def compare_lexical(path: Path, rows: list[dict[str, str]]) -> list[float]:
    """Docphim's own lexical scores, then every convention, beside the tools that make the same numbers; the ratios."""
    from docphim.language.tokens import tokens

    sides = ("reference", "prediction")
    cut = [[" ".join(tokens(row[side], "vi")) for row in rows] for side in sides]
    ratio = beside("own lexical scores (rouge-score, sacrebleu on the same tokens)", path, LEXICAL, lexical, cut)
    ratios = [ratio]
    text = [[row[side] for row in rows] for side in sides]
    for name, peer in (("rouge-score-default", rouge_score), ("sacrebleu-13a", sacrebleu), ("coco", coco)):
        if peer is coco and not find_spec("pycocoevalcap"):
            print("convention coco: not measured, pycocoevalcap is not installed (pip install --group peers)")
        else:
            ratios.append(beside(f"convention {name}", path, CONVENTION.format(name), peer, text))
    return ratios


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        if len(sys.argv) > 1:
            path = Path(sys.argv[1])
        else:
            make_pairs(path, 10_000)
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        print(f"{len(rows)} pairs; ours from process start with intervals of 1,000 resamples, peers scoring alone without")
        worst = min(compare_lexical(path, rows))
    print(f"worst ratio {worst:.1f}x (claim: at least {LEAST}x)")
    sys.exit(worst < LEAST)


if __name__ == "__main__":
    main()
