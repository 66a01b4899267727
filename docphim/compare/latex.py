"""A comparison of runs as a LaTeX table laid out as in the papers: stage × model rows, metrics across, dev and test blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from docphim.compare.row import MARKS, RELIANCE, interval, mark, number, row_key, row_name, shown, signatures
from docphim.metrics.catalogue import title_of
from docphim.study import Row

#: How papers write the splits.
SPLIT_NAMES = {"train": "Train", "val": "Dev", "test": "Test"}
_SIGNS = {"†": r"\dagger", "‡": r"\ddagger"}
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    '"': "''", "[": "{[}", "−": "$-$", "…": r"\ldots{}", "–": "--",
}  # fmt: skip


def escape(text: str) -> str:
    """Text that LaTeX sets as it is written (names, keys); control characters become blanks."""
    return "".join(_ESCAPES.get(c, c if c.isprintable() else " ") for c in text)


def stages(result: Row) -> list[tuple[str, dict[str, Row]]]:
    """The tables by stage (the task, and its context where it has one), and within a stage by split."""
    by_stage: dict[str, dict[str, Row]] = {}
    for table in result["tables"]:
        stage = table["task"] if table["context"] == "none" else f"{table['task']}, {table['context']} context"
        by_stage.setdefault(stage, {})[table["split"]] = table
    return list(by_stage.items())


def splits(result: Row) -> list[str]:
    """The splits that any stage has, in order."""
    having = {table["split"] for table in result["tables"]}
    return [split for split in SPLIT_NAMES if split in having]


def latex(result: Row) -> str:
    """The comparison as a floating table; needs `\\usepackage{booktabs}` and a Unicode engine or UTF-8 input for names."""
    blocks, metrics = splits(result), result["metrics"]
    columns = len(blocks) * len(metrics)
    lines = [
        r"% made by docphim compare; needs \usepackage{booktabs}",
        *(f"% {signature}" for signature in signatures(result)),
        r"\begin{table*}[t]",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\begin{{tabular}}{{l{'r' * columns}}}",
        r"\toprule",
        *_head(blocks, metrics),
    ]
    for stage, tables in stages(result):
        sizes = ", ".join(f"{tables[split]['n']} {SPLIT_NAMES[split].lower()}" for split in blocks if split in tables)
        lines += [r"\midrule", rf"\multicolumn{{{1 + columns}}}{{l}}{{\textit{{{escape(stage)}}} ({sizes})}} \\"]
        lines += _stage(tables, blocks, metrics)
    lines += [r"\bottomrule", r"\end{tabular}", rf"\caption{{{_caption(result)}}}", r"\end{table*}"]
    return "\n".join(lines) + "\n"


def _head(blocks: Sequence[str], metrics: Sequence[str]) -> Iterator[str]:
    wide = len(metrics)
    yield " & ".join(["", *(rf"\multicolumn{{{wide}}}{{c}}{{{SPLIT_NAMES[split]}}}" for split in blocks)]) + r" \\"
    yield " ".join(rf"\cmidrule(lr){{{2 + i * wide}-{1 + (i + 1) * wide}}}" for i in range(len(blocks)))
    yield " & ".join(["Run", *(escape(title_of(key).paper or key) for _ in blocks for key in metrics)]) + r" \\"


def _stage(tables: dict[str, Row], blocks: Sequence[str], metrics: Sequence[str]) -> Iterator[str]:
    """Up to three lines a system: values with marks; in small the model and intervals, then drops."""
    rows = {split: {row_key(row): row for row in shown(table)} for split, table in tables.items()}
    floors = False
    for key in dict.fromkeys(key for by_key in rows.values() for key in by_key):
        having = [rows[split][key] for split in blocks if key in rows.get(split, {})]
        if having[0]["system"] != "own" and not floors:
            floors = True
            yield r"\addlinespace"
        cells = [(rows.get(split, {}).get(key) or {"scores": {}})["scores"].get(m) for split in blocks for m in metrics]
        yield " & ".join([escape(row_name(having[0])), *map(_value, cells)]) + r" \\"
        for small in ([escape(having[0]["model"]), *map(_interval, cells)], ["", *map(_drop, cells)]):
            if any(small):
                yield " & ".join(rf"{{\scriptsize {text}}}" if text else "" for text in small) + r" \\"


def _value(score: Row | None) -> str:
    if not score or score["value"] is None:
        return "--"
    value = number(score["value"]).replace("−", "$-$")
    value = rf"\textbf{{{value}}}" if score.get("best") else value
    sign = mark(score)
    return value + (f"$^{{{_SIGNS[sign]}}}$" if sign else "")


def _interval(score: Row | None) -> str:
    return interval(score).replace("−", "$-$") if score else ""


def _drop(score: Row | None) -> str:
    drop = ((score or {}).get("drop") or {}).get(RELIANCE)
    return f"$\\downarrow${number(drop['value'])}".replace("−", "$-$") if drop and drop["value"] is not None else ""


def _caption(result: Row) -> str:
    sentences = [r"Scores with 95\,\% bootstrap intervals over patients."]
    if any(
        (score.get("drop") or {}).get(RELIANCE) for t in result["tables"] for r in t["rows"] for score in r["scores"].values()
    ):
        sentences.append(r"$\downarrow$: what the score loses when the model is shown another patient's film.")
    rows = [row for table in result["tables"] for row in table["rows"] if row["declined"] is not None]
    declined = {f"{row['run']} {number(row['declined'])}" for row in rows}
    if declined:
        sentences.append(rf"Drafts that decline to answer, in percent: {escape(', '.join(sorted(declined)))}.")
    if result["tests"]:
        levels = ", ".join(rf"${_SIGNS[sign]}$ $p<{level}$" for sign, level in reversed(MARKS.items()))
        permutations = f"{result['permutations']:,}".replace(",", r"\,")
        sentences.append(
            f"{levels}: differs from {escape(result['baseline'])} by paired randomisation over patients "
            f"({permutations} permutations, Holm's correction over {result['tests']} tests). "
            "Bold: the best run, where it differs from that one (or all others from it)."
        )
    return " ".join(sentences)
