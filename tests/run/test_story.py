"""ViX-Ray's story for every family at its published shape, from parquet and a checkpoint to a server that scores the same.

Stage 1 trains an adapter, stage 3 another on top of it; both are merged and exported; transformers alone serves that folder
behind a chat-completions endpoint; what the endpoint drafts is what the run has drafted, and so are its scores.
"""

import base64
import io
import re

import pytest
import torch
from chat_server import said, serving
from PIL import Image
from published_shapes import CHECKPOINTS, MORE, write_checkpoint
from transformers import AutoModelForImageTextToText, AutoTokenizer, GenerationConfig
from vix_ray_shards import write_shards

from docphim import recipe
from docphim import run as program
from docphim.export import export
from docphim.files import read_json, read_jsonl
from docphim.models import FAMILIES, family

#: By family, the checkpoint that stands for it.
SHAPES = {shape.name: shape for shape in {**MORE, **CHECKPOINTS}.values()}
SMALL = ("train.max_steps=2", "train.batch_size=2", "train.accumulate=1", "train.evaluations=1", "train.keep_best=val/loss")
SMALL += ("train.learning_rate=0.001", "model.lora={rank: 2}", "prepare.long_side=448", "prepare.workers=1")
ASKED = ("generate.max_new_tokens=8", "evaluate.images=[own]", "evaluate.splits=[test]", "evaluate.resamples=100")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_shards(tmp_path_factory.mktemp("vix-ray"), {"train": 4, "validation": 2, "test": 3})


def made(name, *settings):
    loaded = recipe.load(name, [*settings, *ASKED])
    return program.run(loaded, until="evaluate")[1]


def server_of(out, shape):
    """What answers a chat completion with the exported folder, by transformers alone: its tokenizer, processor and model."""
    tokenizer, model = AutoTokenizer.from_pretrained(out), AutoModelForImageTextToText.from_pretrained(out)
    processor = family(shape.name).make_processor(tokenizer, model.config, str(out))
    assert GenerationConfig.from_pretrained(out).max_new_tokens == 8
    nested = shape.name in ("gemma3", "llava_onevision")

    def answer(_, row):
        turns, pictures = [], []
        for message in row["messages"]:
            content = message["content"]
            parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
            turns.append({"role": message["role"], "content": [{**p, "type": p["type"].removesuffix("_url")} for p in parts]})
            for part in parts:
                if part["type"] == "image_url":
                    data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                    pictures.append(Image.open(io.BytesIO(data)).convert("RGB"))
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        text = text.replace("assistant \n", "assistant\n")  # OneVision's; docphim_serving.json says so
        if shape.name == "minicpmv":
            text = re.sub(r"assistant\n(?!<think>)", "assistant\n<think>\n\n</think>\n\n", text)
        if shape.name == "llava_onevision" and len(pictures) == 1:
            inputs = whole(processor, tokenizer, text, pictures[0], shape.tokens)
        else:
            options = {"add_special_tokens": False, "return_tensors": "pt"}
            inputs = dict(processor(images=[pictures] if nested else pictures, text=[text], **options))
        inputs.pop("num_crops", None)
        with torch.no_grad():
            ids = model.generate(**inputs, max_new_tokens=row["max_tokens"])[0, inputs["input_ids"].shape[1] :]
        ended = int(ids[-1]) in GenerationConfig.from_pretrained(out).eos_token_id
        return said(tokenizer.decode(ids, skip_special_tokens=True).strip(), "stop" if ended else "length")

    return answer


def whole(processor, tokenizer, text, picture, tokens):
    """OneVision's processor cuts a picture that stands alone into tiles (`notes`): it goes as the first of two."""
    ids = tokenizer(text.replace("<image>", "<image>" * tokens), add_special_tokens=False, return_tensors="pt")
    pair = processor.image_processor(images=[[picture, picture]], return_tensors="pt")
    first = {name: pair[name][:1] for name in ("pixel_values", "image_sizes")}
    return {**ids, **first, "batch_num_images": torch.tensor([2])}


def drafts(home):
    return {(row["id"], row["turn"], row["context"]): row["prediction"] for row in read_jsonl(home / "predictions.jsonl")}


def scores(home):
    entries = read_json(home / "scores.json")["by_task"]
    return {key: [entry[part] for part in ("scores", "floors", "lead", "counts", "keys")] for key, entry in entries.items()}


@pytest.mark.parametrize("name", [name for name in FAMILIES if getattr(family(name), "SERVABLE", True)])
def test_a_family_walks_from_its_checkpoint_to_what_is_served_and_scored(name, shards, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shape, texts = SHAPES[name], ["Bóng mờ tim không to. Phổi hai bên sáng.", "Hình ảnh bình thường. Kết luận bệnh nhân bị gì?"]
    write_checkpoint(shape, tmp_path / "weights", texts)
    data = (f"source.path={shards}", f"model.family={name}")

    first = made("vix_ray", *data, *SMALL, "name=first", f"model.weights={tmp_path / 'weights'}")
    third = made("vix_ray_dialogue", *data, *SMALL, "name=third", "model.weights=runs/first", "model.adapter=stack")
    assert (first / "model" / "adapter_model.safetensors").exists() and (third / "model" / "adapter_model.safetensors").exists()
    assert read_json(third / "model" / "docphim.json")["base"]["weights"] == str((first / "model").absolute())

    export(third, tmp_path / "out")
    assert not (tmp_path / "out" / "adapter_config.json").exists()
    about = read_json(tmp_path / "out" / "docphim_serving.json")
    letterbox = about["letterbox"]
    assert bool(about["notes"]) == (name in ("llava_onevision", "minicpmv"))
    size = f"[{letterbox['height']}, {letterbox['width']}]"
    with serving(server_of(tmp_path / "out", shape)) as server:
        asked = (
            "generate.backend=openai",
            f"generate.endpoint={server.url}",
            "generate.model=third",
            f"generate.image_size={size}",
        )
        there = made("vix_ray_dialogue", data[0], *SMALL[7:], "name=there", *asked)
    assert drafts(there) == drafts(third) and len(drafts(third)) == 9
    assert len(set(drafts(third).values())) > 1, "answers depend on what is asked or shown"
    assert scores(there) == scores(third)
