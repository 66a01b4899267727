"""A run of a tiny model whose answers wander, with its dataset, for what is made of a finished run."""

import torch
from small_dataset import SAID, example, write_dataset

from docphim import records
from docphim.files import read_json, write_json
from docphim.models import load

RECIPE = """
name: one
source: {{kind: phantom}}
model: {{family: {family}, tune: {tune}}}
generate: {{max_new_tokens: 12, repetition_penalty: 1.3, min_new_tokens: 3}}
data: {data}
dataset_key: key
"""


def make_run(folder, family, *, tune="lora", published=False, sizes=None):
    """A run of a tiny model that wanders, its dataset beside it, its recipe as `docphim run` writes it."""
    torch.manual_seed(0)  # an adapter's A is drawn from what tests before have left of torch's random numbers
    small = {"hidden": 32, "layers": 1, "heads": 2, "vision_hidden": 16, "vision_layers": 1, **(sizes or {})}
    made = load.create_tiny(family, SAID, 56, 0, small)
    with torch.no_grad():
        for name, parameter in made.model.named_parameters():
            if "embed" not in name:
                parameter.mul_(12)
    if published:
        load.save(made, folder / "weights")
        (folder / "weights" / "docphim.json").unlink()
        made = load.load(str(folder / "weights"), family, 56, precision="fp32")
    made = load.tune(made, tune, [], {"rank": 2, "alpha": 8, "dropout": 0.0})
    with torch.no_grad():
        for name, parameter in made.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(len(name)))
    run = folder / "runs" / "one"
    load.save(made, run / "model")
    path = run / "model" / "generation_config.json"
    if path.exists():
        write_json(path, read_json(path) | {"repetition_penalty": 1.9})
    text = RECIPE.format(family=family, tune=tune, data=folder / "data")
    (run / "recipe.yaml").write_text(text, encoding="utf-8")
    records.write_stage(run / "train.json", {"written": records.written(run, ["model"])})
    write_dataset(folder / "data" / "phantom" / "key", [example(n) for n in range(4)] + [example(5, "dialogue")])
    return run
