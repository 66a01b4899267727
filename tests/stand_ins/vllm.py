"""vLLM's offline interface as its documentation has it (`LLM`, `SamplingParams`, `RequestOutput`), on transformers' own model.

Nothing of Docphim is used: the exported folder is loaded by transformers, marks are expanded by its processors' counts as the
engine's own processors do (vllm/model_executor/models: qwen2_vl, llava, interns1, gemma3_mm, minicpmv4_6: `target` and
`replacement` of their `PromptReplacement`), and tokens are chosen by its `generate`.
"""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

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
        self.tokenizer = AutoTokenizer.from_pretrained(Path(model))
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
        kinds = "token_type_ids" if self.kind == "gemma3" else "mm_token_type_ids"
        if self.kind == "gemma3" or self.kind.startswith("qwen"):
            inputs[kinds] = (row == self.model.config.image_token_id).int()
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
        given = [[picture] for picture in pictures] if self.kind == "gemma3" else pictures
        out, config = dict(self.processor(images=given, return_tensors="pt")), self.model.config
        if self.kind == "minicpmv4_6":
            keep = {name: out[name] for name in ("pixel_values", "target_sizes")}
            return keep, [int(size.prod()) // 16 for size in out["target_sizes"]]
        if self.kind in ("internvl", "gemma3"):
            each = config.image_seq_length if self.kind == "internvl" else config.mm_tokens_per_image
            assert len(out["pixel_values"]) == len(pictures), "no tiles"
            return {"pixel_values": out["pixel_values"]}, [each] * len(pictures)
        return out, [int(grid.prod()) // self.processor.merge_size**2 for grid in out["image_grid_thw"]]

    def read(self, ids: list[int], counts: list[int]) -> list[int]:
        """The prompt with each mark replaced."""
        sign = self.tokenizer.convert_ids_to_tokens(self.model.config.image_token_id)
        mark = "<start_of_image>" if self.kind == "gemma3" else sign
        around = {
            "internvl": "<img>{}</img>",
            "gemma3": "\n\n<start_of_image>{}<end_of_image>\n\n",
            "minicpmv4_6": "<image_id>{number}</image_id><image>{}</image>",
        }.get(self.kind, "{}")
        first, *rest = self.tokenizer.decode(ids).split(mark)
        assert len(rest) == len(counts), "a mark a picture"
        texts = [around.format(sign * count, number=number) for number, count in enumerate(counts)]
        text = first + "".join(text + more for text, more in zip(texts, rest, strict=True))
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]
