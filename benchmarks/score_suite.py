"""Time and memory of the whole suite, `docphim score` on 10,000 different pairs of 46 words, beside rouge-score alone.

Run: OMP_NUM_THREADS=1 python benchmarks/score_suite.py [PAIRS]
Lexical scores, facts, three label sets, error kinds and intervals of 1,000 resamples, from process start to end; no two reports
are alike.  Fails over 8 s of one core or 300 MB.
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

SECONDS, MEGABYTES = 8.0, 300.0
WORDS = 46

SIDES = ("phải", "trái", "hai bên")
DEGREES = ("nhẹ", "vừa", "nhiều", "")
PLACES = ("thùy trên", "thùy giữa", "thùy dưới", "đáy", "đỉnh", "cạnh rốn")
#: Invented clauses in the language of radiologists; {s} side, {d} degree, {p} place, {n} millimetres, {r} rib.
CLAUSES = (
    """
bóng tim không to | bóng tim to {d} | chỉ số tim ngực khoảng 0,{n} | quai động mạch chủ vồng | vôi hóa quai động mạch chủ
góc sườn hoành {s} tù | góc sườn hoành {s} nhọn | tràn dịch màng phổi {s} lượng {d} | không thấy tràn dịch màng phổi {s}
không thấy tràn khí màng phổi {s} | nốt mờ {p} phổi {s} kích thước {n} mm | đám mờ {p} phổi {s} | đông đặc {p} phổi {s} {d}
dải xơ {p} phổi {s} | dày tổ chức kẽ {p} phổi {s} | rốn phổi {s} tăng đậm {d} | rốn phổi {s} không to | xẹp {p} phổi {s}
gãy cung sau xương sườn {r} bên {s} | khung xương không thấy bất thường | vòm hoành {s} đều | vòm hoành {s} nâng cao {d}
trung thất cân đối | khí quản ở giữa | phế trường {s} sáng đều | mờ kính rải rác {p} phổi {s} | giãn phế quản {p} phổi {s}
hang {p} phổi {s} kích thước {n} x {n} mm | không thấy hạch trung thất | hạch rốn phổi {s} kích thước {n} mm
nghĩ nhiều đến viêm phổi {p} {s} | theo dõi lao phổi {s} | dày màng phổi {s} {d} | khí phế thũng {p} phổi {s}
""".strip()
    .replace("\n", " | ")
    .split(" | ")
)


def clause(rng: random.Random) -> str:
    text = rng.choice(CLAUSES).format(
        s=rng.choice(SIDES), d=rng.choice(DEGREES), p=rng.choice(PLACES), n=rng.randint(3, 40), r=rng.randint(2, 11)
    )
    return " ".join(text.split())


def report(clauses: list[str], rng: random.Random) -> str:
    """Clauses up to 46 words, in sentences of one to three."""
    words, text = 0, ""
    for part in clauses:
        words += len(part.split())
        text += part + (", " if rng.random() < 0.5 else ". ")
        if words >= WORDS:
            break
    return text[:-2] + "."


def write_pairs(path: Path, n: int) -> list[tuple[str, str]]:
    """Different reports; a prediction keeps about half of its reference's clauses, in another order."""
    rng, pairs = random.Random(11), []
    with path.open("w", encoding="utf-8") as handle:
        for i in range(n):
            clauses = [clause(rng) for _ in range(14)]
            changed = [part if rng.random() < 0.5 else clause(rng) for part in clauses]
            rng.shuffle(changed)
            pairs.append((report(clauses, rng), report(changed, rng)))
            row = {"id": str(i), "reference": pairs[-1][0], "prediction": pairs[-1][1]}
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
    return pairs


def full_suite(path: Path, times: int = 3) -> tuple[float, float, float, dict[str, float]]:
    """Seconds and processor seconds of the whole process, best of three, peak megabytes, and the scores."""
    best, busy, peak, scores = float("inf"), float("inf"), 0.0, {}
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for _ in range(times):
        start = time.perf_counter()
        with tempfile.TemporaryFile() as out:
            code = "from docphim.cli import main; main()"
            child = subprocess.Popen([sys.executable, "-c", code, "score", str(path), "--json"], stdout=out, env=env)
            _, status, usage = os.wait4(child.pid, 0)
            best, peak = min(best, time.perf_counter() - start), max(peak, usage.ru_maxrss / 1024)
            busy = min(busy, usage.ru_utime + usage.ru_stime)
            if status:
                raise SystemExit(f"docphim score ended with status {status}")
            out.seek(0)
            scores = {key: row["value"] for key, row in json.load(out)["scores"].items()}
    return best, busy, peak, scores


def rouge_score(pairs: list[tuple[str, str]]) -> tuple[float, float]:
    """Seconds that rouge-score takes for ROUGE-1, -2 and -L alone, on syllables, without intervals; and its ROUGE-L."""
    from rouge_score.rouge_scorer import RougeScorer

    from docphim.language.tokens import tokens

    class Syllables:
        def tokenize(self, text: str) -> list[str]:
            return text.split()

    cut = [[" ".join(tokens(text, "vi")) for text in pair] for pair in pairs]
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=Syllables())
    start = time.perf_counter()
    total = sum(scorer.score(reference, prediction)["rougeL"].fmeasure for reference, prediction in cut)
    return time.perf_counter() - start, 100 * total / len(pairs)


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        pairs = write_pairs(path, n)
        seconds, busy, peak, scores = full_suite(path)
    words = sum(len(text.split()) for pair in pairs for text in pair) / (2 * n)
    different = len({text for pair in pairs for text in pair})
    print(f"docphim score, whole suite: {n} pairs, {different} different reports of {words:.0f} words")
    print(f"from process start: {seconds:.2f} s, of which {busy:.2f} s on the processor; {peak:.0f} MB")
    theirs, rouge_l = rouge_score(pairs)
    assert abs(rouge_l - scores["rougeL"]) < 1e-6 and scores["fact_f1"] > 0, "the two did not score the same pairs"
    print(f"rouge-score, ROUGE-1/2/L alone, without intervals: {theirs:.2f} s = {theirs / seconds:.2f}x")
    print(", ".join(f"{key} {scores[key]:.2f}" for key in ("fact_f1", "rougeL", "vindr/micro_f1")))
    if n == 10_000 and (busy > SECONDS or peak > MEGABYTES):
        raise SystemExit(f"over the limit of {SECONDS:.0f} s and {MEGABYTES:.0f} MB")


if __name__ == "__main__":
    main()
