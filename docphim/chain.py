"""A recipe with `stages` as the runs it stands for, one on the weights of the one before: aligned, projected, adapted."""

from __future__ import annotations

from docphim import files
from docphim.errors import UsageError
from docphim.recipe import Recipe, validated
from docphim.recipe_file import OF_ALL, merged

#: What a stage cannot change: it is of the chain, or of what the chain is a part of.
OF_CHAIN = (*OF_ALL, "stages", "data", "runs", "dataset")


def steps(recipe: Recipe) -> list[Recipe]:
    """The runs of a recipe, in order; itself where it names no stages.

    Each is the recipe with a stage's changes, and each but the first starts from what the one before has made.  They are
    called NAME-STAGE, the last one NAME.

    Raises
    ------
    UsageError
        A stage does not make a recipe; the message names it and the field.
    """
    if not recipe.stages:
        return [recipe]
    base = recipe.model_dump(exclude_unset=True, exclude={"stages", "variants", "seeds", "tables"})
    made: list[Recipe] = []
    last = [*recipe.stages][-1]
    for name, changes in recipe.stages.items():
        where = f"stages.{name}"
        if wrong := [key for key in OF_CHAIN if key in changes]:
            raise UsageError(f"{where}.{wrong[0]}: is one for all stages")
        values = merged(base, changes)
        if made and "weights" not in (changes.get("model") or {}):
            before = files.at_home(recipe.runs, "runs") / made[-1].name
            values = merged(values, {"model": {"weights": str(before)}})
        values["name"] = recipe.name if name == last else f"{recipe.name}-{name}"
        made.append(validated(Recipe, values, where))
        if not made[-1].trains:
            raise UsageError(f"{where}: generate.backend is {made[-1].generate.backend}, which trains no model for the next")
    return made
