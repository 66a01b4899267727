"""The comparison as terminal lines, CSV and LaTeX, and the command that writes them."""

import copy
import csv
import io
import json
import re
import shutil
import subprocess
import sys

import pytest
from scored_runs import ScoredRun, references, systems

from docphim.compare.latex import escape, latex
from docphim.compare.table import compare
from docphim.compare.text import COLUMNS, WIDTH, terminal, tidy

KEY = "findings/test"
METRICS = ["rougeL", "bleu4"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder, truth = tmp_path_factory.mktemp("runs") / "runs", references()
    val = {f"v{id_}": text for id_, text in references(36).items()}
    for name, every, reads in (("lora_50%", 9, True), ("full & free", 5, True), ("blind", 2, False)):
        run = ScoredRun(folder / name).task(KEY, truth, systems(truth, every, reads=reads))
        run.task("findings/val", val, systems(val, every, reads=reads)).write()
    return folder


@pytest.fixture(scope="module")
def result(folder):
    return compare([folder / name for name in ("lora_50%", "full & free", "blind")], metrics=METRICS)


def test_lines_are_aligned_and_fit_a_terminal(result):
    lines = terminal(result).splitlines()
    assert max(map(len, lines)) <= WIDTH
    start = lines.index("findings/test: 40 reports of 40 patients")
    start = lines.index("", start)
    head, *rows = lines[start + 2 : start + 7]
    assert [name for name in ("lora_50%", "full & free", "blind", "floor: constant") if name in "\n".join(rows)] == [
        "lora_50%", "full & free", "blind", "floor: constant"
    ]  # fmt: skip
    column = head.index("score")
    assert all(row[column - 1] == " " and row[column] != " " for row in rows[:4])


def test_many_metrics_go_into_blocks_that_fit(folder):
    found = compare([folder / "lora_50%", folder / "blind"], metrics=["all"])
    lines = terminal(found).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines.count("findings/test, continued") >= 2
    for metric in found["metrics"]:
        assert sum(bool(re.search(rf"\b{metric}\b", line)) for line in lines) == 2


def test_the_line_of_a_system_holds_value_mark_interval_drop_and_difference(result):
    row = next(row for row in result["tables"][1]["rows"] if (row["run"], row["system"]) == ("blind", "own"))
    score = row["scores"]["rougeL"]
    said = f"{score['value']:.1f}‡ [{score['low']:.1f}, {score['high']:.1f}]"
    line = next(line for line in terminal(result).split("findings/test")[1].splitlines() if line.startswith("blind"))
    assert said in line
    assert re.split(r"\s{2,}", line[line.index("]") + 1 :].strip())[:2] == ["0.0", f"−{-score['difference']['value']:.1f}"]


def test_the_legend_explains_every_sign_that_is_there(result):
    text = terminal(result)
    for told in (
        "95 % bootstrap interval",
        "another patient's film",
        "† p < 0.05, ‡ p < 0.01",
        "Holm",
        "12 tests",
        "10,000",
        "signature",
    ):
        assert told in text
    assert "best run" not in text


def test_the_best_run_has_its_sign(folder):
    found = compare([folder / "blind", folder / "lora_50%"], metrics=["rougeL"])
    line = next(line for line in terminal(found).splitlines() if line.startswith("lora_50%") and "[" in line)
    assert re.search(r"\d\*‡ \[", line)
    assert "best run, and not by chance" in terminal(found)


def test_what_is_left_out_is_said(tmp_path):
    truth = references()
    for name, n in (("a", 40), ("b", 33)):
        ScoredRun(tmp_path / name).task(KEY, truth, {"own": dict(list(truth.items())[:n])}).write()
    text = terminal(compare([tmp_path / "a", tmp_path / "b"], allow_missing=True))
    assert "findings/test: b lacks 7 of the examples that another run answered: s033, s034, s035, s036, s037, …" in text


def test_csv_has_one_row_a_run_task_split_system_and_metric(result):
    rows = list(csv.DictReader(io.StringIO(tidy(result))))
    assert tuple(rows[0]) == COLUMNS
    keys = [tuple(row[c] for c in ("run", "task", "split", "system", "metric")) for row in rows]
    assert len(set(keys)) == len(keys) == 2 * 2 * (3 * 2 + 1)
    assert ("", "findings", "val", "floor:constant", "bleu4") in keys
    row = next(row for key, row in zip(keys, rows, strict=True) if key == ("blind", "findings", "test", "own", "rougeL"))
    score = next(r for r in result["tables"][1]["rows"] if (r["run"], r["system"]) == ("blind", "own"))["scores"]["rougeL"]
    assert [float(row[c]) for c in ("value", "low", "high", "p_holm", "difference_low")] == [
        score["value"], score["low"], score["high"], score["difference"]["p_holm"], score["difference"]["low"]
    ]  # fmt: skip
    assert (row["n"], row["against"], row["signature"]) == ("40", "lora_50%", score["signature"])
    other = next(row for key, row in zip(keys, rows, strict=True) if key == ("blind", "findings", "test", "other", "rougeL"))
    assert (other["against"], other["p"]) == ("blind", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vindr/macro_f1", r"vindr/macro\_f1"),
        ("50 % & more", r"50 \% \& more"),
        (r"a\b{c}$#~^", r"a\textbackslash{}b\{c\}\$\#\textasciitilde{}\textasciicircum{}"),
        ("[x]", "{[}x]"),
        ("bên phải", "bên phải"),
        ("a\nb", "a b"),
    ],
)
def test_latex_sets_text_as_it_is_written(text, expected):
    assert escape(text) == expected


def test_latex_is_balanced_and_every_row_has_every_column(result):
    text = latex(result)
    bare = re.sub(r"\\[{}%&_#$\\]", lambda m: "\n" if m[0] == r"\\" else "", text)
    depth = 0
    for letter in bare:
        depth += (letter == "{") - (letter == "}")
        assert depth >= 0
    assert depth == 0
    assert bare.count("$") % 2 == 0
    begun, ended = (re.findall(rf"\\{word}{{(\w+\*?)}}", text) for word in ("begin", "end"))
    assert begun == ended[::-1] == ["table*", "tabular"]
    body = bare[bare.index(r"\toprule") : bare.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if "&" in line]
    assert {row.count("&") + sum(int(n) - 1 for n in re.findall(r"\\multicolumn{(\d+)}", row)) for row in rows} == {4}
    assert bare.splitlines()[1:].count("%") == 0


def test_latex_has_dev_and_test_blocks_marks_and_drops(result):
    text = latex(result)
    assert r"\multicolumn{2}{c}{Dev} & \multicolumn{2}{c}{Test}" in text
    assert r"\textit{findings} (36 dev, 40 test)" in text
    assert re.search(r"lora\\_50\\% & \d+\.\d & .*\n{\\scriptsize Qwen2.5-VL-7B-Instruct lora} & {\\scriptsize \[\d", text)
    assert r"$^{\ddagger}$" in text
    assert r"$\downarrow$0.0" in text
    assert "Holm's correction over 12 tests" in text


def test_latex_leaves_the_cells_of_a_split_that_a_run_was_not_scored_on_open(result):
    lacking = copy.deepcopy(result)
    dev = next(table for table in lacking["tables"] if table["split"] == "val")
    dev["rows"] = [row for row in dev["rows"] if row["run"] != "blind"]
    line = next(line for line in latex(lacking).splitlines() if line.startswith("blind &"))
    assert re.fullmatch(r"blind & -- & -- & \S*\d+\.\d\S* & \S*\d+\.\d\S* .*", line), line


def test_latex_carries_the_signatures_of_its_numbers_as_comments(result):
    signed = {line.removeprefix("% ") for line in latex(result).splitlines() if line.startswith("% docphim:")}
    assert signed == {s["signature"] for table in result["tables"] for row in table["rows"] for s in row["scores"].values()}
    assert {said.split("|")[0] for said in signed} == {"docphim:rougeL", "docphim:bleu4"}


def test_latex_sets_the_best_run_in_bold(folder):
    assert r"\textbf" not in latex(compare([folder / "lora_50%", folder / "full & free"], metrics=["rougeL"]))
    text = latex(compare([folder / "blind", folder / "lora_50%"], metrics=["rougeL"]))
    assert len(re.findall(r"\\textbf{\d", text)) == 2


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX on this machine")
def test_latex_compiles_with_names_of_any_letter(result, tmp_path):
    said = json.dumps(result).replace("full & free", r"[a] 50_% & $x$ #1 {b} ~ ^ \\\\z <|> \" …")
    document = r"\documentclass{article}\usepackage{booktabs}\begin{document}" + latex(json.loads(said)) + r"\end{document}"
    (tmp_path / "table.tex").write_text(document, "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]


def command(*arguments, cwd):
    done = subprocess.run([sys.executable, "-m", "docphim.cli", "compare", *map(str, arguments)], cwd=cwd, capture_output=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_the_command_prints_the_table_and_writes_the_files(folder, tmp_path):
    files = {kind: tmp_path / f"table.{kind}" for kind in ("csv", "tex", "html")}
    options = ["--metrics", "rougeL,bleu4", "--csv", files["csv"], "--latex", files["tex"], "--page", files["html"]]
    code, out, error = command("lora_50%", "blind", *options, cwd=folder.parent)
    assert (code, error) == (0, "")
    found = compare([folder / "lora_50%", folder / "blind"], metrics=METRICS)
    assert out == terminal(found) + "\n"
    assert files["csv"].read_text("utf-8") == tidy(found)
    assert files["tex"].read_text("utf-8") == latex(found)
    assert files["html"].read_text("utf-8").startswith("<!doctype html>")


def test_json_is_all_that_is_on_stdout(folder):
    code, out, _ = command("lora_50%", "blind", "--metrics", "rougeL", "--baseline", "blind", "--json", cwd=folder.parent)
    said = json.loads(out)
    assert (code, said["baseline"], said["metrics"]) == (0, "blind", ["rougeL"])
    assert (
        json.loads(json.dumps(compare([folder / "lora_50%", folder / "blind"], metrics=["rougeL"], baseline="blind"))) == said
    )


def test_exit_codes_tell_wrong_commands_from_refused_input(folder, tmp_path):
    code, _, error = command("lora_50%", "--metrics", "no", cwd=folder.parent)
    assert (code, error.split(":")[0]) == (2, "error")
    truth = references() | {"s000": "Khác."}
    ScoredRun(tmp_path / "other").task(KEY, truth, systems(truth, 5)).write()
    code, _, error = command("lora_50%", tmp_path / "other", cwd=folder.parent)
    assert (code, error) == (3, "references_differ: findings/test: the references of lora_50% are not those of other\n")
