"""What a concept of the lexicons is called: the first of its words in a language, for people to read."""

from __future__ import annotations

import functools
from typing import Any

from docphim.language.lexicon import FOLDER, LANGUAGES, expand
from docphim.package_data import packaged


def term(concept: str, kind: str, language: str) -> str:
    """The first words that the lexicon lists for a concept.

    Parameters
    ----------
    concept : str
        A name of lexicon/concepts.yaml.
    kind : str
        The section it stands in: `anatomy`, `findings`, `states`, …

    Returns
    -------
    str
        The name itself, spaced, where the language has no lexicon or the lexicon no words for it.
    """
    data = _words(language) if language in LANGUAGES else {}
    phrases = data.get(kind, {}).get(concept) or []
    if kind == "states":  # some words mean a state of certain anatomy only
        phrases = [
            *phrases,
            *(phrase for row in data.get("state_of") or () if row["state"] == concept for phrase in row["terms"]),
        ]
    # The shortest wording of the first phrase: what may be left out, is ("{các|} góc sườn hoành").
    return min(expand(str(phrases[0])), key=len) if phrases else concept.replace("_", " ")


@functools.cache
def _words(language: str) -> dict[str, Any]:
    return dict(packaged(FOLDER / f"{language}.yaml"))
