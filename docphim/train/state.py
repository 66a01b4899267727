"""What a checkpoint holds: trained weights and the optimiser's state by parameter name, random numbers by process.

Nothing goes by position, so processes that hold a part of the parameters each can write and read the same names.
"""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from docphim.errors import Refused
from docphim.train.checkpoint import Checkpoint
from docphim.train.processes import Processes

log = logging.getLogger("docphim")

WEIGHTS = "trained.safetensors"
OPTIMIZER = "optimizer.safetensors"


def save(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, processes: Processes) -> None:
    """Write a checkpoint's files: all of them in the first process, its random numbers in each."""
    if processes.first:
        save_weights(model, folder)
        save_optimizer(model, optimizer, folder)
    save_file(_random_state(), _random_file(folder, processes.rank))


def load(start: Checkpoint, model: nn.Module, optimizer: torch.optim.Optimizer, processes: Processes) -> None:
    """Put a model, its optimiser and the random numbers back where they were.

    Raises
    ------
    Refused
        `checkpoint_corrupt`: the weights or the optimiser's state are not of this model.
    """
    load_weights(model, start.folder)
    load_optimizer(model, optimizer, start.folder)
    if start.processes != processes.world:
        log.info("train: %d processes go on where %d stopped: dropout will draw anew", processes.world, start.processes)
        return
    saved = load_file(_random_file(start.folder, processes.rank))
    torch.set_rng_state(saved["cpu"])
    if "cuda" in saved and torch.cuda.is_available():
        torch.cuda.set_rng_state(saved["cuda"])


def _random_file(folder: Path, rank: int) -> Path:
    return folder / f"random-{rank}.safetensors"


def _random_state() -> dict[str, Tensor]:
    """The states of torch's generators, which dropout draws from; everything else here has generators of its own."""
    states = {"cpu": torch.get_rng_state()}
    return {**states, "cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else states


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that are trained, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def save_weights(model: nn.Module, folder: Path) -> None:
    """Write the parameters that are trained, under their own names."""
    save_file({name: p.detach().contiguous() for name, p in trained(model).items()}, folder / WEIGHTS)


def load_weights(model: nn.Module, folder: Path) -> None:
    """Put a checkpoint's weights into the model, bit for bit.

    Raises
    ------
    Refused
        `checkpoint_corrupt`: a trained parameter is missing, or one is left over, or a shape or type differs.
    """
    saved, parameters = load_file(folder / WEIGHTS), trained(model)
    if saved.keys() != parameters.keys():
        odd = sorted(saved.keys() ^ parameters.keys())
        raise Refused("checkpoint_corrupt", folder.name, f"{len(odd)} weights are missing or left over, {odd[0]} first")
    for name, parameter in parameters.items():
        if (saved[name].shape, saved[name].dtype) != (parameter.shape, parameter.dtype):
            raise Refused("checkpoint_corrupt", folder.name, f"{name} has another shape or type than the model's")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(saved[name])


def save_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """Write the optimiser's state of every parameter as `NAME:KEY`; one that never had a gradient has none."""
    state = {
        f"{name}:{key}": value.contiguous()
        for name, parameter in trained(model).items()
        for key, value in optimizer.state.get(parameter, {}).items()
    }
    save_file(state, folder / OPTIMIZER)


def load_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """Give the optimiser the state that `save_optimizer` wrote.

    Raises
    ------
    Refused
        `checkpoint_corrupt`: it names a parameter that is not trained.
    """
    parameters = trained(model)
    for place, value in load_file(folder / OPTIMIZER).items():
        name, _, key = place.rpartition(":")
        if name not in parameters:
            raise Refused("checkpoint_corrupt", folder.name, f"the optimiser's state names {name}, which is not trained")
        parameter = parameters[name]
        optimizer.state[parameter][key] = value.to(parameter.device)
