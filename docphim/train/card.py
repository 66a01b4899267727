"""The model card: README.md beside the weights, so that whoever finds them knows what they are and are not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docphim.files import atomic
from docphim.imaging import modality
from docphim.models.loaded import Loaded
from docphim.models.quantised import size
from docphim.models.tune import table, what_trains

_CARD = """---
library_name: transformers
pipeline_tag: image-text-to-text
tags: [radiology, {tags}, report-generation, research-only]
---

# {name}

Drafts radiology reports from {images}. **A research model, not a medical device: its drafts are not reviewed by a
physician and must not be used for diagnosis or treatment.**

## Model

- Family `{family}`, weights `{weights}`{revision}, images letterboxed to {height} x {width} pixels.
- {tuned}
- {trained:,} of {total:,} parameters trained.

## Data

- Dataset `{key}`: {train} training and {val} validation examples; the test split was not read in training.
{blind}
## Training

{settings}
{parts}{chosen}
## Intended use

Research on report generation and its evaluation: drafts to be measured, compared with floors and read critically.

## Limitations

- It writes fluent sentences whether or not the image supports them. The run's `scores.json` holds the scores with intervals,
  what systems without an image reach on the same studies, and what the same model scores when shown the wrong image.
- It knows the population, devices and reporting style of its training data only; elsewhere it has not been measured.
- Phantom data teach the pipeline, not medicine.
- Training texts may be recalled word for word: treat the weights as you treat the reports.

## Licence

{licence}
"""

_TUNED = {
    "none": "Not tuned: the weights as they were published.",
    "lora": "Low-rank adapters ({kind}, rank {rank}, alpha {alpha:g}, dropout {dropout:g}) on the frozen base{stored}{whole}.",
    "full": "Tuned in full{frozen}.",
}


def write(
    folder: Path,
    loaded: Loaded,
    key: str,
    counts: dict[str, int],
    model: dict[str, Any],
    train: dict[str, Any],
    step: int | None,
    modalities: Sequence[str] = ("xray",),
) -> None:
    """Write README.md into a saved model's folder.

    Parameters
    ----------
    key : str
        The dataset's content key.
    counts : dict
        Examples by split (`train`, `val`).
    model, train : dict
        The recipe's sections.
    step : int or None
        The step whose checkpoint was kept; None where nothing was trained.
    modalities : sequence of str
        What its examples show.
    """
    with atomic(folder / "README.md") as handle:
        handle.write(text(loaded, key, counts, model, train, step, modalities))


def text(
    loaded: Loaded,
    key: str,
    counts: dict[str, int],
    model: dict[str, Any],
    train: dict[str, Any],
    step: int | None,
    modalities: Sequence[str] = ("xray",),
) -> str:
    """The card (see `write`)."""
    words = [modality(name).WORDS for name in modalities]
    frozen = f", {' and '.join(model['freeze'])} frozen" if model["freeze"] else ""
    stored = f", its language model in {model['quantise']}" if model.get("quantise") else ""
    whole = f"; {' and '.join(model['whole'])} trained in full" if model.get("whole") else ""
    base = Path(model["weights"]).name if model["weights"].startswith(("/", ".", "~")) else model["weights"]
    parameters = list(loaded.model.parameters())
    return _CARD.format(
        name=loaded.name,
        tags=", ".join(word["tag"] for word in words),
        images=" and ".join(word["images"] for word in words),
        family=model["family"],
        weights="tiny (small random weights)" if base == "tiny" else base,
        revision=f" at revision `{model['revision']}`" if model.get("revision") else "",
        height=loaded.size[0],
        width=loaded.size[1],
        tuned=_TUNED[model["tune"]].format(**{"kind": "lora", **model["lora"]}, frozen=frozen, stored=stored, whole=whole),
        trained=0 if step is None else sum(p.numel() for p in parameters if p.requires_grad),
        total=sum(map(size, parameters)),
        key=key,
        train=counts["train"],
        val=counts["val"],
        blind="- Trained blind: it never saw an image.\n" if train["blind"] else "",
        settings="None." if step is None else _settings(train),
        parts="" if step is None else _parts(loaded, train),
        chosen="" if step is None else f"\nThe checkpoint kept is that of step {step}, {_why_chosen(counts, train)}.\n",
        licence=_licence(base),
    )


def _parts(loaded: Loaded, train: dict[str, Any]) -> str:
    return f"\n```\n{table(what_trains(loaded), train['learning_rate'], train.get('rates', {}))}\n```\n"


def _settings(train: dict[str, Any]) -> str:
    shown = {name: value for name, value in train.items() if name != "trackers"}
    rows = {**shown, "loss": ", ".join(f"{v}" if k == "kind" else f"{k} {v}" for k, v in train["loss"].items())}
    return "\n".join(f"- {name}: {value}" for name, value in rows.items())


def _why_chosen(counts: dict[str, int], train: dict[str, Any]) -> str:
    return f"the best by `{train['keep_best']}`" if counts["val"] else "the last: there was nothing to validate on"


def _licence(base: str) -> str:
    if base == "tiny":
        return "The weights were made here from random numbers and the dataset: the dataset's licence and terms apply."
    return f"The licence of the base weights (`{base}`) applies, and the dataset's licence and terms."
