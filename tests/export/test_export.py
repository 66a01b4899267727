"""What is exported: served by transformers alone it drafts as in the run; examples are read back as others document them."""

import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from exported_run import make_run
from PIL import Image
from safetensors.torch import load_file
from small_dataset import example
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer, GenerationConfig

from docphim.cli import app
from docphim.errors import Refused, UsageError
from docphim.export import FORMS, export
from docphim.export.pictures import texts
from docphim.files import read_json, read_jsonl, write_jsonl
from docphim.generate import generate
from docphim.imaging.frames import draw
from docphim.models import load
from docphim.study import Media, Message, to_row

DECODING = {"repetition_penalty": 1.3, "min_new_tokens": 3}


def served(out, family, messages, frame):
    """A draft by transformers alone: its classes, its loading, its defaults from the folder."""
    tokenizer, model = AutoTokenizer.from_pretrained(out), AutoModelForImageTextToText.from_pretrained(out)
    turns = [{"role": m.role, "content": [{"type": "text", "text": m.content}]} for m in messages]
    turns[-1]["content"] = [{"type": "image"}, {"type": "text", "text": messages[-1].content.removeprefix("<image>\n")}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    picture = Image.fromarray(frame)
    if family == "llava":
        inputs = dict(AutoProcessor.from_pretrained(out)(images=[picture], text=[text], return_tensors="pt"))
    else:  # their processors ask for torchvision, for videos
        made = AutoImageProcessor.from_pretrained(out)(images=[picture], return_tensors="pt")
        grid, each = ("target_sizes", 16) if family == "minicpmv" else ("image_grid_thw", 4)
        tokens = "<|image_pad|>" * (int(made[grid][0].prod()) // each)
        if family == "minicpmv":
            tokens = f"<image_id>0</image_id><image>{tokens}</image>"
        inputs = {"pixel_values": made["pixel_values"], grid: made[grid]}
        inputs |= tokenizer(text.replace("<|image_pad|>", tokens), return_tensors="pt")
        if family == "qwen_vl":
            inputs["mm_token_type_ids"] = (inputs["input_ids"] == model.config.image_token_id).int()
    answer = model.generate(**inputs)[0, inputs["input_ids"].shape[1] :]
    return tokenizer.decode(answer, skip_special_tokens=True).strip().removesuffix("\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize(
    ("family", "sizes"),
    [("qwen_vl", {}), ("qwen_vl", {"type": "qwen3_vl"}), ("llava", {}), ("minicpmv", {"layers": 2, "hidden": 64})],
)
def test_what_is_served_is_what_was_scored(family, sizes, tmp_path):
    run = make_run(tmp_path, family, sizes=sizes)
    dataset, out = tmp_path / "data" / "phantom" / "key", tmp_path / "out"
    generate(dataset, run, images=["own"], splits=["test"], contexts=["generated"], max_new_tokens=12, decoding=DECODING)
    drafts = {row["id"]: row["prediction"] for row in read_jsonl(run / "predictions.jsonl") if row["turn"] == 0}
    export(run, out)
    assert not (out / "adapter_config.json").exists() and not list(tmp_path.glob(".out*"))
    config = GenerationConfig.from_pretrained(out)
    assert (config.repetition_penalty, config.min_new_tokens, config.max_new_tokens, config.do_sample) == (1.3, 3, 12, False)
    about = read_json(out / "docphim_serving.json")
    size = (about["letterbox"]["height"], about["letterbox"]["width"])
    for number in range(4):
        one = example(number)
        frame = draw(one.media[0], dataset, size).frames[0]
        assert served(out, family, one.messages[:2], frame) == drafts[one.id]
    assert len(set(drafts.values())) > 1
    again = load.load(str(out), family, size, precision="fp32")  # and Docphim reads it as published weights
    assert again.size == size


def test_the_adapter_alone_needs_published_weights_below(tmp_path):
    run = make_run(tmp_path / "a", "qwen_vl", published=True)
    export(run, tmp_path / "out", "vllm", adapter=True)
    assert read_json(tmp_path / "out" / "adapter_config.json")["base_model_name_or_path"] == str(tmp_path / "a" / "weights")
    assert read_json(tmp_path / "out" / "vllm.json")["engine"]["max_lora_rank"] == 2
    assert all("lora" in name for name in load_file(tmp_path / "out" / "adapter_model.safetensors"))
    for name, tune in (("b", "lora"), ("c", "full")):
        other = make_run(tmp_path / name, "qwen_vl", tune=tune)
        with pytest.raises(Refused, match="export it merged"):
            export(other, tmp_path / f"out-{name}", adapter=True)
        assert not (tmp_path / f"out-{name}").exists()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    made = make_run(folder, "qwen_vl")
    dataset = folder / "data" / "phantom" / "key"
    one = example(1, split="train")
    two = [*one.media, example(2).media[0]]  # two films in one question
    messages = [
        m if m.role != "user" else type(m)(m.role, m.content.replace("<image>", "<image><image>")) for m in one.messages
    ]
    rows = [
        to_row(example(0, "dialogue", split="train")),
        to_row(one) | {"media": [to_row(m) for m in two], "messages": [to_row(m) for m in messages]},
    ]
    write_jsonl(dataset / "examples" / "train.jsonl", rows)
    write_jsonl(dataset / "examples" / "val.jsonl", [to_row(example(3, split="val"))])
    return made


def frames_of(run, split):
    dataset = run.parent.parent / "data" / "phantom" / "key"
    rows = read_jsonl(dataset / "examples" / f"{split}.jsonl")
    return [
        [draw(Media(**{k: m[k] for k in ("study", "kind", "volumes")}), dataset, (56, 56)).frames[0] for m in row["media"]]
        for row in rows
    ]


def test_ms_swift_rows_have_a_picture_for_each_tag_and_answers_in_turn(run, tmp_path):
    line = export(run, tmp_path / "out", "ms-swift")
    assert line.startswith("2 train, 1 val, 5 test examples")
    for split in ("train", "val", "test"):
        rows = [json.loads(text) for text in (tmp_path / "out" / f"{split}.jsonl").read_text("utf-8").splitlines()]
        for row, frames in zip(rows, frames_of(run, split), strict=True):
            assert row.keys() == {"messages", "images"}
            assert sum(m["content"].count("<image>") for m in row["messages"]) == len(row["images"]) == len(frames)
            roles = [m["role"] for m in row["messages"]]
            assert roles == ["system"] + ["user", "assistant"] * (len(roles) // 2)
            for name, frame in zip(row["images"], frames, strict=True):
                with Image.open(tmp_path / "out" / name) as image:
                    assert np.array_equal(np.asarray(image), frame)


def test_trl_columns_are_messages_of_parts_and_pictures(run, tmp_path):
    export(run, tmp_path / "out", "trl")
    for split in ("train", "val", "test"):
        table = pq.read_table(tmp_path / "out" / f"{split}.parquet")
        features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
        assert features["images"]["feature"] == {"_type": "Image"} and table.column_names == ["messages", "images"]
        for row, frames in zip(table.to_pylist(), frames_of(run, split), strict=True):
            parts = [part for message in row["messages"] for part in message["content"]]
            assert sum(part["type"] == "image" for part in parts) == len(row["images"]) == len(frames)
            assert not any("<image>" in (part["text"] or "") for part in parts)
            for picture, frame in zip(row["images"], frames, strict=True):
                assert np.array_equal(np.asarray(Image.open(io.BytesIO(picture["bytes"]))), frame)


def test_parquet_keeps_ids_and_says_what_each_tag_shows(run, tmp_path):
    export(run, tmp_path / "out", "parquet")
    rows = pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()
    assert [row["id"] for row in rows] == ["s0-dialogue", "s1-findings"]
    assert [(row["kinds"], row["frames"], len(row["images"])) for row in rows] == [(["image"] * 2, [1, 1], 2)] * 2


@pytest.mark.parametrize("form", ["ms-swift", "trl"])
def test_a_video_is_refused_where_the_form_has_none(form, tmp_path):
    run = make_run(tmp_path, "qwen_vl")
    path = tmp_path / "data" / "phantom" / "key" / "examples" / "test.jsonl"
    path.write_text(path.read_text("utf-8").replace("<image>", "<video>"), "utf-8")
    with pytest.raises(UsageError, match="video"):
        export(run, tmp_path / "out", form)
    assert not (tmp_path / "out").exists()
    export(run, tmp_path / "out", "parquet")


def test_vllm_is_told_how_many_pictures_a_prompt_has(run, tmp_path):
    export(run, tmp_path / "out", "vllm")
    values = read_json(tmp_path / "out" / "vllm.json")
    assert values["engine"]["limit_mm_per_prompt"] == {"image": 2, "video": 0}
    assert values["sampling"]["max_tokens"] == 12 and values["sampling"]["repetition_penalty"] == 1.3


def test_what_cannot_be_exported_is_said_in_a_line(run, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for out, to, more, why in (
        ("full", "parquet", {}, "holds files already"),
        ("out", "gguf", {}, ", ".join(FORMS)),
        ("out", "trl", {"adapter": True}, "holds examples"),
    ):
        with pytest.raises(UsageError, match=why):
            export(run, tmp_path / out, to, **more)
    with pytest.raises(UsageError, match="no run is there"):
        export(tmp_path, tmp_path / "out")
    other = shutil.copytree(run, tmp_path / "moved" / "runs" / "one")
    (other / "model" / "docphim.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Refused, match="file_changed"):
        export(other, tmp_path / "out")


@pytest.mark.parametrize(("tag", "text"), [("image", "<image><image><image>\nA"), ("video", "<video>\nA")])
def test_a_stack_under_an_image_tag_has_a_tag_a_slice_and_a_video_one(tag, text):
    one = example(0)
    asked = replace(one, messages=[Message("user", f"<{tag}>\nA"), Message("assistant", "<image>")])
    assert texts(asked, [(one.media[0], tag, np.zeros((3, 4, 4, 3), np.uint8))]) == [text, "<image>"]


def test_the_command_says_what_it_wrote(run, tmp_path, capsys):
    command = ["export", str(run), str(tmp_path / "out"), "--to", "parquet"]
    app(command, standalone_mode=False)
    assert "2 train, 1 val, 5 test examples" in capsys.readouterr().out
