"""Time and memory of the whole suite, `docphim score` on 10,000 different pairs of 49 words, beside rouge-score alone.

Run: OMP_NUM_THREADS=1 python benchmarks/score_suite.py [PAIRS]
Lexical scores, facts, three label sets, error kinds and intervals of 1,000 resamples, from process start to end; no two reports
are alike.  Time is the processor's, of both sides in the same run.  Also the facts of one report of 500 words that says nothing
twice, by a process that has read no other.  Fails where the suite takes longer than rouge-score, or anything its limit.
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

#: The suite's processor seconds over rouge-score's; megabytes; milliseconds of a cold report.
RATIO, MEGABYTES, COLD_MS = 1.0, 300.0, 15.0
#: A report ends with the clause that reaches this: 49 words on average.
WORDS = 46
COLD_WORDS = 500

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


def report(clauses: list[str], rng: random.Random, length: int = WORDS) -> str:
    """Clauses until `length` words are reached, in sentences of one to three."""
    words, text = 0, ""
    for part in clauses:
        words += len(part.split())
        text += part + (", " if rng.random() < 0.5 else ". ")
        if words >= length:
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


def full_suite(path: Path, times: int = 3) -> tuple[float, float, dict[str, float]]:
    """Processor seconds of the whole process, best of three, peak megabytes, and the scores."""
    busy, peak, scores = float("inf"), 0.0, {}
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for _ in range(times):
        with tempfile.TemporaryFile() as out:
            code = "from docphim.cli import main; main()"
            child = subprocess.Popen([sys.executable, "-c", code, "score", str(path), "--json"], stdout=out, env=env)
            _, status, usage = os.wait4(child.pid, 0)
            busy, peak = min(busy, usage.ru_utime + usage.ru_stime), max(peak, usage.ru_maxrss / 1024)
            if status:
                raise SystemExit(f"docphim score ended with status {status}")
            out.seek(0)
            scores = {key: row["value"] for key, row in json.load(out)["scores"].items()}
    return busy, peak, scores


def cold_report(times: int = 5) -> tuple[float, int]:
    """Milliseconds of the processor for the facts of one long report, best of five processes that have words and rules
    loaded and have read two words; and how many facts it has."""
    rng, clauses = random.Random(5), dict[str, None]()
    while sum(len(part.split()) for part in clauses) < COLD_WORDS:
        clauses[clause(rng)] = None
    text = report(list(clauses), rng, COLD_WORDS)
    code = (
        "import sys, time; from docphim.language.facts import facts; facts('Tim to.', 'vi'); start = time.process_time();"
        "n = len(facts(sys.argv[1], 'vi')); print(1000 * (time.process_time() - start), n)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code, text], check=True, capture_output=True, text=True) for _ in range(times)
    ]
    rows = [run.stdout.split() for run in runs]
    return min(float(ms) for ms, _ in rows), int(rows[0][1])


def rouge_score(pairs: list[tuple[str, str]], times: int = 2) -> tuple[float, float]:
    """Processor seconds, the better of two, of rouge-score for ROUGE-1, -2 and -L alone, without intervals; and its ROUGE-L.

    It cuts as Docphim does, at syllables.
    """
    from rouge_score.rouge_scorer import RougeScorer

    from docphim.language.tokens import tokens

    class Syllables:
        def tokenize(self, text: str) -> list[str]:
            return text.split()

    cut = [[" ".join(tokens(text, "vi")) for text in pair] for pair in pairs]
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=Syllables())
    busy, total = float("inf"), 0.0
    for _ in range(times):
        start = time.process_time()
        total = sum(scorer.score(reference, prediction)["rougeL"].fmeasure for reference, prediction in cut)
        busy = min(busy, time.process_time() - start)
    return busy, 100 * total / len(pairs)


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        pairs = write_pairs(path, n)
        busy, peak, scores = full_suite(path)
    words = sum(len(text.split()) for pair in pairs for text in pair) / (2 * n)
    different = len({text for pair in pairs for text in pair})
    theirs, rouge_l = rouge_score(pairs)
    assert abs(rouge_l - scores["rougeL"]) < 1e-6 and scores["fact_f1"] > 0, "the two did not score the same pairs"
    print(f"docphim score, whole suite: {n} pairs, {different} different reports of {words:.0f} words")
    print(f"from process start, on the processor: {busy:.2f} s, {peak:.0f} MB (claim: under {MEGABYTES:.0f})")
    ratio = busy / theirs
    print(f"rouge-score, ROUGE-1/2/L alone, without intervals: {theirs:.2f} s; the suite takes {ratio:.2f}x (claim: {RATIO}x)")
    print(", ".join(f"{key} {scores[key]:.2f}" for key in ("fact_f1", "rougeL", "vindr/micro_f1")))
    cold, facts = cold_report()
    print(f"{facts} facts of a cold report of {COLD_WORDS} words: {cold:.1f} ms (claim: under {COLD_MS:.0f})")
    over = (n == 10_000 and ratio > RATIO) or peak > MEGABYTES or cold > COLD_MS or facts < COLD_WORDS // 20
    sys.exit(over)


if __name__ == "__main__":
    main()
