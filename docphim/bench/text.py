"""What `docphim bench` measured, as lines of text."""

from __future__ import annotations

from typing import Any

from docphim.columns import aligned

#: Parts of a step: waiting longer for data is what limits it; so is a GPU that is idle longer, between kernels.
WAITS, IDLES = 0.10, 0.25


def lines(answer: dict[str, Any]) -> str:
    """The answer of `docphim.bench.measure.bench` for people: speed, memory, where the time goes, and what limits it."""
    trained = sum(row["trained"] for row in answer["parts"])
    total = sum(row["parameters"] for row in answer["parts"])
    size = "x".join(map(str, answer["image_size"]))
    mfu = "not measured" if answer["mfu"] is None else f"{answer['mfu']:.1%}"
    rows = [
        ["device", answer["device"]],
        ["model", f"{answer['model']}, {total / 1e6:,.1f} M, {trained / 1e6:,.1f} M of them trained, {answer['precision']}"],
        ["examples", f"{answer['data']}, {answer['tokens_a_sample']:,.0f} tokens, images of {size}"],
        ["a step", f"{answer['batch_size']} x {answer['accumulate']} examples, {answer['seconds_a_step'] * 1e3:,.0f} ms"],
        ["training", f"{answer['tokens_per_s']:,.0f} tokens/s, {answer['samples_per_s']:,.2f} samples/s"],
        ["MFU", f"{mfu} of {answer['peak_tflops']:,.1f} TFLOP/s (recomputed work counted too: {answer['hfu']:.1%})"],
        ["a large product", f"{answer['matmul_tflops']:,.1f} TFLOP/s, measured"],
        ["memory", f"{answer['memory_mb']:,.0f} MB at the most"],
        ["data wait", f"{answer['data_wait']:.1%}"],
    ]
    rows += [["answers", f"{a['tokens_per_s']:,.1f} tokens/s, {a['batch']} at once"] for a in answer["answer"]]
    shares = [[kind, f"{share:.1%}"] for kind, share in answer["time"]["kinds"].items()]
    shares.append(["nothing runs", f"{answer['time']['idle']:.1%}"])
    dearest = [[f"{share:.1%}", name] for name, share in answer["time"]["dearest"]]
    return "\n".join(
        [
            aligned(rows, "<<"),
            f"\nof a step's time ({answer['time']['calls']:,} calls)",
            aligned(shares, "<>"),
            "\nthe dearest",
            aligned(dearest, "><"),
            f"\n{limit(answer)}",
        ]
    )


def limit(answer: dict[str, Any]) -> str:
    """What limits the training, in a sentence, and which key of the recipe to turn."""
    if answer["data_wait"] > WAITS:
        return "What limits it: the data; raise train.workers, or keep films at a smaller prepare.long_side."
    if answer["time"]["idle"] > IDLES and not answer["device"].startswith("CPU"):
        return "What limits it: starting kernels, one by one; a larger train.batch_size gives each more to do."
    most = next(iter(answer["time"]["kinds"]))
    return f"What limits it: {most}."
