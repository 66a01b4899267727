"""Backend `vllm`: vLLM's offline engine on a folder that `docphim export RUN OUT --to vllm` wrote.

Prompts go as token ids, a picture as one mark of its family that the engine expands, and as the letterboxed frame; what the
engine says it read is compared with what Docphim reads, id by id.  The interface is that of vLLM 0.33:
https://docs.vllm.ai/en/v0.33.0/api/vllm/entrypoints/llm/ (`LLM.generate`), …/api/vllm/inputs/llm/ (`TokensPrompt`),
…/api/vllm/sampling_params/, …/api/vllm/outputs/ (`RequestOutput`), and …/design/mm_processing/ (marks in token ids).
It was written by these and by the release's source; no GPU was there to run it on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from PIL import Image

from docphim.backends import EXPORTED
from docphim.errors import Refused, UsageError
from docphim.files import content_key, read_json, sha256
from docphim.generate.backend import Prompt
from docphim.models.decode import as_text
from docphim.models.encode import encode, only_last, unexpanded
from docphim.models.load import check_gpus, load_reader
from docphim.study import media_tags

#: The releases whose interface this is: from the first, below the second.
RELEASES = ((0, 33), (0, 34))
#: What the engine does otherwise with pictures of a family than its training did (its processors, vllm/model_executor/models).
_OTHERWISE = {"llava_onevision": "cuts every picture into tiles beside the whole, and in training it is whole"}
#: How refusals call the folder; and what keeps the engine from reporting on its use.
_WHERE = "generate.exported"
_OFF = {"VLLM_NO_USAGE_STATS": "1", "VLLM_DO_NOT_TRACK": "1"}


class Backend:
    """An exported model in vLLM's engine (see `docphim.generate.backend.Backend`); `decoding`: keys of `backends.DECODING`.

    Raises
    ------
    UsageError
        vLLM is not installed, or is a release outside `RELEASES`; the model was trained blind and the run is not, or
        the other way round; the engine reads pictures of its family otherwise.
    Refused
        `file_missing`: the folder was not exported for vLLM; `file_changed`: it is not as it was written; `weights_layout`:
        it holds an adapter alone.
    """

    each_alone: ClassVar[bool] = False
    tells_likelihood: ClassVar[bool] = True
    concurrency = 1

    def __init__(
        self,
        run: Path,
        *,
        exported: str,
        blind: bool,
        max_new_tokens: int,
        temperature: float,
        top_p: float = 1.0,
        top_k: int = 0,
        repetition_penalty: float = 1.0,
        min_new_tokens: int = 0,
    ) -> None:
        folder = Path(exported).expanduser()
        about = _checked(folder, blind)
        _take_gpu()
        vllm = _engine()
        served = read_json(folder / "vllm.json")["engine"]
        self.most = int(served["limit_mm_per_prompt"]["image"])
        self.loaded = load_reader(str(folder), about["family"], tuple(about["image_size"]))
        self.name, self.size, self.blind = f"{about['name']} (vLLM {vllm.__version__})", self.loaded.size, blind
        ends = read_json(folder / "generation_config.json")["eos_token_id"]
        self.ends = set(ends if isinstance(ends, list) else [ends])
        self.sampling = {
            "max_tokens": max_new_tokens,
            "min_tokens": min_new_tokens,
            "temperature": temperature,
            "repetition_penalty": repetition_penalty,
            "stop_token_ids": sorted(self.ends),
            "detokenize": False,
            **({"top_p": top_p, "top_k": top_k} if temperature > 0 else {}),
        }
        # What the folder's generation_config.json says does not act: the recipe's settings do.
        self.parameters = vllm.SamplingParams
        self.llm = vllm.LLM(**{"model": str(folder), **served, "generation_config": "vllm"})

    @staticmethod
    def signature(*, exported: str, **_: Any) -> list[str]:
        """What drafts depend on beside the recipe: the engine's release, and the exported model."""
        return [_engine().__version__, content_key(read_json(Path(exported).expanduser() / EXPORTED))]

    @staticmethod
    def check_processes(run: Path, processes: int, max_new_tokens: int) -> None:
        """Refuse (UsageError) more processes than GPUs."""
        check_gpus(processes)

    def answer(self, prompts: list[Prompt]) -> list[tuple[str, Literal["stop", "length"]]]:
        """Draft the next assistant message of each prompt."""
        sampling = [self.parameters(**self.sampling, seed=prompt.seed) for prompt in prompts]
        outputs = self._generate(prompts, sampling, answer=False)
        return [as_text(self.loaded.tokenizer, list(output.outputs[0].token_ids), self.ends) for output in outputs]

    def likelihood(self, prompts: list[Prompt]) -> list[tuple[float, int]]:
        """-log p (nats) of each prompt's last message with its end token, and the number of these tokens."""
        # One token has to be made; of the prompt's tokens the engine gives each one's own and the most likely one's.
        sampling = [self.parameters(max_tokens=1, temperature=0.0, prompt_logprobs=1, detokenize=False)] * len(prompts)
        outputs = self._generate(prompts, sampling, answer=True)
        return [self._nats(prompt, output) for prompt, output in zip(prompts, outputs, strict=True)]

    def close(self) -> None:
        """Let the engine go, and what it holds of the GPU."""
        self.llm = None

    def _generate(self, prompts: list[Prompt], sampling: Sequence[Any], answer: bool) -> list[Any]:
        asked = [self._asked(prompt, answer) for prompt in prompts]
        outputs: list[Any] = self.llm.generate(asked, list(sampling), use_tqdm=False)
        for prompt, output in zip(prompts, outputs, strict=True):
            ours = encode(self.loaded, prompt.messages, prompt.images, answer=answer, blind=self.blind).input_ids.tolist()
            if list(output.prompt_token_ids) != ours:
                why = f"vLLM reads a prompt as {len(output.prompt_token_ids)} tokens and Docphim as {len(ours)}, or as others"
                raise Refused("weights_layout", _WHERE, f"{why}: draft with backend transformers")
        return outputs

    def _asked(self, prompt: Prompt, answer: bool) -> dict[str, Any]:
        """A prompt as `TokensPrompt` has it."""
        asked: dict[str, Any] = {
            "prompt_token_ids": unexpanded(self.loaded, prompt.messages, prompt.images, answer=answer, blind=self.blind)
        }
        if self.blind or not prompt.images:
            return asked
        if "video" in media_tags(prompt.messages):
            raise UsageError("generate.backend: vllm places a video's slices by seconds, not as in training: show images")
        pictures = [Image.fromarray(frame) for stack in prompt.images for frame in stack.frames]
        if len(pictures) > self.most:
            why = f"a prompt has {len(pictures)} pictures, and vllm.json there says at most {self.most}"
            raise UsageError(f"{_WHERE}: {why} (engine.limit_mm_per_prompt)")
        return {**asked, "multi_modal_data": {"image": pictures}}

    def _nats(self, prompt: Prompt, output: Any) -> tuple[float, int]:
        encoded = encode(self.loaded, prompt.messages, prompt.images, blind=self.blind)
        ids = encoded.input_ids.tolist()
        places = (only_last(encoded.labels) >= 0).nonzero().flatten().tolist()
        return -sum(float(output.prompt_logprobs[place][ids[place]].logprob) for place in places), len(places)


def _checked(folder: Path, blind: bool) -> dict[str, Any]:
    """What was written beside the exported model, all of whose files are as they were."""
    if not all((folder / name).is_file() for name in (EXPORTED, "vllm.json")):
        raise Refused("file_missing", _WHERE, "the folder is none that `docphim export RUN OUT --to vllm` wrote")
    about: dict[str, Any] = read_json(folder / EXPORTED)
    if about["family"] in _OTHERWISE and not blind:
        why = f"vllm {_OTHERWISE[about['family']]}: draft with backend transformers"
        raise UsageError(f"generate.backend: of family {about['family']} {why}")
    if not about["merged"]:
        raise Refused("weights_layout", _WHERE, "the folder holds an adapter alone; export the run without --adapter")
    if about["blind"] != blind:
        seen = "sees no image" if about["blind"] else "was trained on images"
        raise UsageError(f"{_WHERE}: the model {seen}; train.blind: {str(about['blind']).lower()}")
    for name, sum_ in about["files"].items():
        if not (folder / name).is_file() or sha256(folder / name) != sum_:
            raise Refused("file_changed", f"{_WHERE}: {name}", "it is not as it was exported")
    return about


def _take_gpu() -> None:
    """Let one of several processes see its own GPU alone: the engine takes the first that it sees."""
    if number := os.environ.get("LOCAL_RANK"):
        seen = os.environ.get("CUDA_VISIBLE_DEVICES")
        os.environ["CUDA_VISIBLE_DEVICES"] = seen.split(",")[int(number)] if seen else number if seen is None else ""
        os.environ["LOCAL_RANK"] = "0"  # among those that it sees now


def _engine() -> Any:
    """The package, of a release that is known here."""
    os.environ.update(_OFF)
    try:
        import vllm
    except ImportError as error:
        raise UsageError("generate.backend: vllm needs vLLM, not installed here: pip install 'docphim[vllm]'") from error
    release = tuple(int(number) for number in re.findall(r"\d+", vllm.__version__)[:2])
    first, end = RELEASES
    if not first <= release < end:
        known = f"from {'.'.join(map(str, first))}, before {'.'.join(map(str, end))}"
        raise UsageError(f"generate.backend: vllm is {vllm.__version__} here; known are releases {known}")
    return vllm
