"""Speed of `docphim score` on 10,000 pairs of 46 words, beside rouge-score and sacrebleu on the same tokens.

Run: OMP_NUM_THREADS=1 python benchmarks/score.py [PAIRS]
Prints seconds from process start, the ratios, and how far the values lie apart.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
        said = list(start)
        while len(said) < length:
            said += rng.choice(phrases)
        text = " ".join(said[:length])
        return text[0].upper() + text[1:] + "."

    with path.open("w", encoding="utf-8") as handle:
        for i in range(n):
            reference = report([])
            prediction = report(reference.lower().rstrip(".").split()[: rng.randint(0, length)])
            handle.write(
                json.dumps({"id": str(i), "reference": reference, "prediction": prediction}, ensure_ascii=False) + "\n"
            )


def ours(path: Path) -> tuple[float, dict[str, float]]:
    """Seconds of a whole process that scores the file with intervals, best of three, and its values."""
    code = (
        "import json, sys; from pathlib import Path; from docphim.evaluate.score import score_pairs;"
        "print(json.dumps(score_pairs(Path(sys.argv[1]), 'vi')))"
    )
    best, out = float("inf"), ""
    for _ in range(3):
        start = time.perf_counter()
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        out = subprocess.run(
            [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True, env=env
        ).stdout
        best = min(best, time.perf_counter() - start)
    return best, {key: row["value"] for key, row in json.loads(out)["scores"].items()}


class GivenTokens:
    """rouge-score's tokenizer slot, holding the tokens that Docphim scores."""

    def tokenize(self, text: str) -> list[str]:
        return text.split(" ") if text else []


def rouge_score(references: list[str], predictions: list[str]) -> tuple[float, dict[str, float]]:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=GivenTokens())
    start = time.perf_counter()
    sums = dict.fromkeys(("rouge1", "rouge2", "rougeL"), 0.0)
    for reference, prediction in zip(references, predictions, strict=True):
        for key, score in scorer.score(reference, prediction).items():
            sums[key] += score.fmeasure
    return time.perf_counter() - start, {key: 100 * value / len(references) for key, value in sums.items()}


def sacrebleu(references: list[str], predictions: list[str]) -> tuple[float, dict[str, float]]:
    from sacrebleu.metrics import BLEU

    start, values = time.perf_counter(), {}
    for order in range(1, 5):
        metric = BLEU(tokenize="none", smooth_method="none", max_ngram_order=order, effective_order=False, force=True)
        values[f"bleu{order}"] = metric.corpus_score(predictions, [references]).score
    return time.perf_counter() - start, values


def main() -> None:
    from docphim.language.tokens import tokens

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        if len(sys.argv) > 1:
            path = Path(sys.argv[1])
        else:
            make_pairs(path, 10_000)
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        seconds, values = ours(path)
    references = [" ".join(tokens(row["reference"], "vi")) for row in rows]
    predictions = [" ".join(tokens(row["prediction"], "vi")) for row in rows]
    print(f"docphim score: {len(rows)} pairs in {seconds:.2f} s from process start, intervals of 1,000 resamples included")
    for peer in (rouge_score, sacrebleu):
        theirs, reference_values = peer(references, predictions)
        apart = max(abs(values[key] - value) for key, value in reference_values.items())
        against = f"{peer.__name__} on the same tokens, without intervals"
        print(f"{against}: {theirs:.2f} s = {theirs / seconds:.1f}x; values apart by {apart:.1e}")


if __name__ == "__main__":
    main()
