"""Families of another shape than those that come with Docphim: one file and one line each, and nothing else changes."""

import pytest
import torch
from test_chat import learnt
from test_load import LORA, train_one_step
from test_stacks import asked, slices
from tiny_models import REPORT, TEXTS, batch_of, dialogue, film, single

from docphim.models import FAMILIES, decode, load
from docphim.models.encode import IGNORED, encode, show

#: family → the end of an answer, and what the processor writes for a picture of 56 px (2 x 2 merged patches).
SHAPES = {
    "internvl": ("<|im_end|>", "<img>" + "<IMG_CONTEXT>" * 4 + "</img>"),
    "gemma3": ("<end_of_turn>", "\n\n<start_of_image>" + "<image_soft_token>" * 4 + "<end_of_image>\n\n"),
}


@pytest.fixture(params=SHAPES)
def proto(request, monkeypatch):
    monkeypatch.setitem(FAMILIES, request.param, f"prototype_{request.param}")
    made = load.create_tiny(request.param, TEXTS, 56, 0, {"vocab": 400})
    with torch.no_grad():  # Gemma's projector begins at nought, and every picture would be the same
        for parameter in made.model.model.multi_modal_projector.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(0))
    return made


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")  # InternVL in transformers 5.17
@pytest.mark.parametrize(("messages", "films"), [(single(), 1), (dialogue(), 2)])
def test_tokens_and_tensors_are_those_of_the_official_processor(proto, messages, films):
    images = [film(proto, n) for n in range(films)]
    chat = []
    for m in messages:
        picture = [{"type": "image"}] if "<image>" in m.content else []
        chat.append({"role": m.role, "content": [*picture, {"type": "text", "text": m.content.replace("<image>\n", "")}]})
    text = proto.processor.apply_chat_template(chat, tokenize=False)
    nested = [images] if proto.family == "gemma3" else images
    theirs = proto.processor(images=nested, text=[text], add_special_tokens=False, crop_to_patches=False, return_tensors="pt")
    ours = batch_of(proto, [encode(proto, messages, images)])
    assert set(theirs) - {"num_crops"} <= set(ours)
    for name in set(theirs) & set(ours):
        assert torch.equal(ours[name], theirs[name]), name


def test_the_marks_around_a_picture_are_there_whole_and_no_label_lies_on_them(proto):
    end, written = SHAPES[proto.family]
    encoded = encode(proto, dialogue(), [film(proto)] * 2)
    assert learnt(proto, encoded) == f"{REPORT}{end}Tim to.{end}"
    assert proto.tokenizer.decode(encoded.input_ids).count(written) == 2
    around = torch.isin(encoded.input_ids, torch.tensor(proto.tokenizer(written, add_special_tokens=False)["input_ids"]))
    assert around.sum() >= 12 and (encoded.labels[around & (encoded.input_ids != encoded.labels)] == IGNORED).all()
    assert show(proto, encoded).count(r"\[image x 4]") == 2


def test_a_report_with_line_breaks_keeps_them(proto):
    words = "Tim không to.\n\nPhổi sáng."
    assert learnt(proto, encode(proto, single(words), [film(proto)])) == words + SHAPES[proto.family][0]


def test_they_learn_answer_and_come_back_from_disk(proto, tmp_path):
    rows = [encode(proto, single(), [film(proto)]), encode(proto, dialogue(), [film(proto), film(proto, 1)])]
    together, alone = decode.nats(proto, batch_of(proto, rows)), [decode.nats(proto, batch_of(proto, [r]))[0] for r in rows]
    assert [n for n, _ in together] == pytest.approx([n for n, _ in alone], rel=1e-5)
    other = encode(proto, single(), [film(proto, 7)])
    assert decode.nats(proto, batch_of(proto, [other])) != alone[:1]
    tuned = load.tune(proto, "lora", ["vision"], LORA)
    train_one_step(tuned)
    load.save(tuned, tmp_path / "model")
    again = load.load_saved(tmp_path / "model")
    prompts = [
        encode(again, single(None), [film(again)], answer=False),
        encode(again, dialogue()[:4], [film(again)] * 2, answer=False),
    ]
    answers = decode.generate(again, batch_of(again, prompts, "left"), max_new_tokens=40)
    assert answers == decode.generate(tuned, batch_of(tuned, prompts, "left"), max_new_tokens=40)
    first = decode.generate(again, batch_of(again, prompts[:1], "left"), max_new_tokens=40)
    assert first == answers[:1]
    assert again.tokenizer.convert_tokens_to_ids(SHAPES[proto.family][0]) in decode.end_tokens(again)


def test_a_stack_is_a_video_in_the_familys_own_way_or_pictures(proto):
    encoded = encode(proto, asked("video"), [slices(proto, 3)])
    text = proto.tokenizer.decode(encoded.input_ids)
    assert text.count(SHAPES[proto.family][1]) == 3
    assert ("Frame3: <img>" in text) == (proto.family == "internvl")
    assert decode.nats(proto, batch_of(proto, [encoded]))
