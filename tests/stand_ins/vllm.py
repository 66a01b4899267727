"""vLLM's offline interface as its documentation has it (`LLM`, `SamplingParams`, `RequestOutput`), on transformers' own model.

Nothing of Docphim is used: the exported folder is loaded by transformers, marks are expanded by its processors' counts, and
tokens are chosen by its `generate`.
"""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor

__version__ = "0.33.0"


@dataclass
class SamplingParams:
    repetition_penalty: float = 1.0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    stop_token_ids: list[int] | None = None
    max_tokens: int | None = 16
    min_tokens: int = 0
    prompt_logprobs: int | None = None
    detokenize: bool = True


@dataclass
class Logprob:
    logprob: float
    rank: int | None = None
    decoded_token: str | None = None


@dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: list[int]
    finish_reason: str | None


@dataclass
class RequestOutput:
    prompt_token_ids: list[int]
    prompt_logprobs: list[dict[int, Logprob] | None] | None
    outputs: list[CompletionOutput] = field(default_factory=list)


class LLM:
    def __init__(
        self, model: str, *, dtype: str = "auto", generation_config: str = "auto", limit_mm_per_prompt: dict[str, int]
    ) -> None:
        self.model = AutoModelForImageTextToText.from_pretrained(model, dtype=getattr(torch, dtype)).eval()
        self.most, self.kind = limit_mm_per_prompt, self.model.config.model_type
        assert generation_config == "vllm", "else what the folder says acts beside what is asked"
        self.processor = (AutoProcessor if self.kind == "llava" else AutoImageProcessor).from_pretrained(Path(model))

    def generate(self, prompts: list[dict], sampling_params: list[SamplingParams], *, use_tqdm: bool = True):
        assert len(prompts) == len(sampling_params)
        return [self._one(prompt, asked) for prompt, asked in zip(prompts, sampling_params, strict=True)]

    @torch.inference_mode()
    def _one(self, prompt: dict, asked: SamplingParams) -> RequestOutput:
        pictures = prompt.get("multi_modal_data", {}).get("image", [])
        assert len(pictures) <= self.most["image"]
        inputs, counts = self._pictures(pictures) if pictures else ({}, [])
        ids = self.read(prompt["prompt_token_ids"], counts)
        row = torch.tensor([ids])
        if self.kind != "llava":
            inputs["mm_token_type_ids"] = (row == self.model.config.image_token_id).int()
        likely = None
        if asked.prompt_logprobs is not None:
            scores = torch.log_softmax(self.model(input_ids=row, **inputs).logits[0].float(), -1)
            likely = [None, *({i: Logprob(float(at[i]))} for i, at in zip(ids[1:], scores, strict=False))]
        torch.manual_seed(asked.seed or 0)
        drawn = {"temperature": asked.temperature, "top_p": asked.top_p, "top_k": asked.top_k} if asked.temperature else {}
        answer = self.model.generate(
            input_ids=row,
            attention_mask=torch.ones_like(row),
            **inputs,
            do_sample=bool(drawn),
            **drawn,
            repetition_penalty=asked.repetition_penalty,
            max_new_tokens=asked.max_tokens,
            min_new_tokens=asked.min_tokens,
            eos_token_id=asked.stop_token_ids,
            pad_token_id=0,
        )[0, len(ids) :].tolist()
        reason = "stop" if answer[-1] in (asked.stop_token_ids or ()) else "length"
        return RequestOutput(ids, likely, [CompletionOutput(0, "", answer, reason)])

    def _pictures(self, pictures: list):
        """The model's inputs, and how many tokens each picture takes."""
        if self.kind == "llava":
            out = self.processor(images=pictures, text=["<image>" * len(pictures)], return_tensors="pt")
            total = int((out["input_ids"] == self.model.config.image_token_id).sum())
            return {"pixel_values": out["pixel_values"]}, [total // len(pictures)] * len(pictures)
        out = dict(self.processor(images=pictures, return_tensors="pt"))
        return out, [int(grid.prod()) // self.processor.merge_size**2 for grid in out["image_grid_thw"]]

    def read(self, ids: list[int], counts: list[int]) -> list[int]:
        """The prompt with each mark repeated."""
        waiting, mark = iter(counts), self.model.config.image_token_id
        read = [token for given in ids for token in ([given] * next(waiting) if given == mark else [given])]
        assert next(waiting, None) is None, "fewer marks than pictures"
        return read
