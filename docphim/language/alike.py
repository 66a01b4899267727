"""Whether two texts say the same; and each row of same.yaml with its example, which is to say the same with the row alone."""

from __future__ import annotations

from typing import Any

from docphim.language import same, same_rows
from docphim.language.fact import Fact
from docphim.language.facts import facts
from docphim.package_data import packaged


def alike(
    one: str, other: str, language: str = "vi", modality: str | None = None, without: str = "", *, covering: bool = False
) -> bool:
    """Whether two texts say the same.

    Parameters
    ----------
    one, other : str
        The texts.
    language : {"vi", "en"}
        That both are in.
    modality : {"xray", "ct", "pet"}, optional
        What they are reports of.
    without : str
        A row of same.yaml to leave out.
    covering : bool
        Also where the one answers for what the other denies: "clear lungs" and "no nodule".
    """
    ours, theirs = (same.canonical(facts(text, language), modality, without) for text in (one, other))

    def answered(fact: Fact, others: list[Fact]) -> bool:
        equal = fact.strict in {other.strict for other in others}
        wide = covering and any(same.covers(a, b, without) for o in others for a, b in ((fact, o), (o, fact)))
        return equal or wide

    return all(answered(f, theirs) for f in ours) and all(answered(f, ours) for f in theirs)


def fault(section: str, name: str, row: dict[str, Any]) -> str | None:
    """What is wrong with a row's example; None where all is well."""
    one, other = row["example"]
    language, modality, covering = row.get("language", "vi"), row.get("modality"), section == "covers"
    if not alike(one, other, language, modality, covering=covering):
        return "its example does not say the same"
    if alike(one, other, language, modality, name, covering=covering):
        return "its example says the same without it"
    return None


def faults() -> list[str]:
    """Every row of same.yaml whose example does not hold, or does not need it: `same.yaml: forms: large_node: …`.

    Raises
    ------
    UsageError
        The rows cannot be read at all.
    """
    same_rows.rows()
    table = packaged(same_rows.TABLE)
    every = [(section, name, row) for section in same_rows.SECTIONS for name, row in table[section].items()]
    return [f"same.yaml: {section}: {name}: {why}" for section, name, row in every if (why := fault(section, name, row))]
