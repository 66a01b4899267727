"""What a checkpoint holds: trained weights and the optimiser's state by parameter name, random numbers by process.

Nothing goes by position, so processes that hold a part of the parameters each write and read the same names: in files of
torch.distributed.checkpoint, one a process, which any number of processes reads, each its part.  A checkpoint says by its files
how it was written, so a training goes on with its weights shared out or not, whichever way it began.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
import torch.distributed.checkpoint
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, nn

from docphim.errors import Refused
from docphim.train.checkpoint import Checkpoint
from docphim.train.processes import Processes
from docphim.train.random_state import random_state, set_random_state
from docphim.train.shard import is_shared, like

log = logging.getLogger("docphim")

WEIGHTS = "trained.safetensors"
OPTIMIZER = "optimizer.safetensors"
#: Says where in the processes' files each part lies; of shared-out weights alone.
PARTS = ".metadata"

#: Shape and dtype.
Form = tuple[torch.Size, torch.dtype]


def save(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, processes: Processes) -> None:
    """Write a checkpoint's files: all in the first process, or of shared-out weights its part in each; its random numbers."""
    if is_shared(model):
        save_parts(model, optimizer, folder)
    elif processes.first:
        save_weights(model, folder)
        save_optimizer(model, optimizer, folder)
    save_file(random_state(), _random_file(folder, processes.rank))


def load(start: Checkpoint, model: nn.Module, optimizer: torch.optim.Optimizer, processes: Processes) -> None:
    """Put a model, its optimiser and the random numbers back where they were.

    Raises
    ------
    Refused
        `checkpoint_corrupt`: the weights or the optimiser's state are not of this model.
    """
    load_weights(model, start.folder)
    if (start.folder / PARTS).exists():
        load_parts(_moments(start.folder, model, optimizer), start.folder, model)
    else:
        load_optimizer(model, optimizer, start.folder)
    if start.processes != processes.world:
        log.info("train: %d processes go on where %d stopped: dropout will draw anew", processes.world, start.processes)
        return
    saved = load_file(_random_file(start.folder, processes.rank))
    set_random_state(saved)


def _random_file(folder: Path, rank: int) -> Path:
    return folder / f"random-{rank}.safetensors"


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
    parameters = trained(model)
    if (folder / PARTS).exists():
        saved = {name: form for name, form in _forms(folder).items() if ":" not in name}
        _refuse_other(saved, parameters, folder)
        load_parts({name: parameter.detach() for name, parameter in parameters.items()}, folder, model)
        return
    weights = load_file(folder / WEIGHTS)
    _refuse_other({name: (value.shape, value.dtype) for name, value in weights.items()}, parameters, folder)
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(like(weights[name], parameter))


def _refuse_other(saved: Mapping[str, Form], parameters: Mapping[str, Tensor], folder: Path) -> None:
    if saved.keys() != parameters.keys():
        odd = sorted(saved.keys() ^ parameters.keys())
        raise Refused("checkpoint_corrupt", folder.name, f"{len(odd)} weights are missing or left over, {odd[0]} first")
    for name, parameter in parameters.items():
        if saved[name] != (parameter.shape, parameter.dtype):
            raise Refused("checkpoint_corrupt", folder.name, f"{name} has another shape or type than the model's")


def save_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """Write the optimiser's state of every parameter as `NAME:KEY`; one that never had a gradient has none."""
    save_file({place: value.contiguous() for place, value in _optimizer_state(model, optimizer).items()}, folder / OPTIMIZER)


def _optimizer_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"{name}:{key}": value
        for name, parameter in trained(model).items()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """Give the optimiser the state that `save_optimizer` wrote.

    Raises
    ------
    Refused
        `checkpoint_corrupt`: it names a parameter that is not trained.
    """
    for place, value in load_file(folder / OPTIMIZER).items():
        parameter, key = _placed(place, model, folder)
        optimizer.state[parameter][key] = like(value, parameter) if value.dim() else value.to(parameter.device)


def _placed(place: str, model: nn.Module, folder: Path) -> tuple[nn.Parameter, str]:
    """The parameter and the key that a place `NAME:KEY` names."""
    name, _, key = place.rpartition(":")
    parameters = trained(model)
    if name not in parameters:
        raise Refused("checkpoint_corrupt", folder.name, f"the optimiser's state names {name}, which is not trained")
    return parameters[name], key


def save_parts(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """Write this process's part of the weights, under their names, and of the optimiser's state, as `NAME:KEY`."""
    weights = {name: parameter.detach() for name, parameter in trained(model).items()}
    with _disk_faults():
        distributed.checkpoint.save({**weights, **_optimizer_state(model, optimizer)}, checkpoint_id=folder)


def load_parts(into: dict[str, Tensor], folder: Path, model: nn.Module) -> None:
    """Read into tensors, by name, what `save_parts` wrote in any number of processes: all of each, or this process's part."""
    with warnings.catch_warnings(), _disk_faults():
        warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)  # it is not asked for
        distributed.checkpoint.load(dict(into), checkpoint_id=folder, no_dist=not is_shared(model))


@contextlib.contextmanager
def _disk_faults() -> Iterator[None]:
    """A full disk as the OSError that it is: torch packs what fails in any process into a BaseException of its own."""
    try:
        yield
    except distributed.checkpoint.CheckpointException as error:
        raise next(iter(error.failures.values()))[0] from error


def _moments(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state of the sizes that a checkpoint of parts says, still to be read."""
    made = {}
    for place, (shape, dtype) in _forms(folder).items():
        if ":" in place:
            parameter, key = _placed(place, model, folder)
            empty = torch.zeros(shape, dtype=dtype)
            made[place] = like(empty, parameter) if len(shape) else empty.to(parameter.device)
            optimizer.state[parameter][key] = made[place]
    return made


def _forms(folder: Path) -> dict[str, Form]:
    """Shape and dtype of all that a checkpoint of parts holds, by name."""
    listed = distributed.checkpoint.FileSystemReader(folder).read_metadata().state_dict_metadata
    return {name: (entry.size, entry.properties.dtype) for name, entry in listed.items()}
