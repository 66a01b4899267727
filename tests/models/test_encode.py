import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text
from tiny_models import REPORT, batch_of, dialogue, film, make, single

from docphim.models.chat import end_of_answer
from docphim.models.encode import IGNORED, answer_columns, encode, only_last, show
from docphim.study import Message


def end(loaded) -> str:
    return loaded.tokenizer.convert_ids_to_tokens(end_of_answer(loaded.tokenizer))


def learnt(loaded, encoded) -> str:
    return loaded.tokenizer.decode(encoded.labels[encoded.labels != IGNORED])


def test_labels_are_the_answer_and_its_end_token_and_nothing_else(loaded):
    encoded = encode(loaded, single(), [film(loaded)])
    assert learnt(loaded, encoded) == REPORT + end(loaded)
    assert torch.equal(encoded.labels[encoded.labels != IGNORED], encoded.input_ids[encoded.labels != IGNORED])
    assert (encoded.labels[encoded.input_ids == loaded.processor.image_token_id] == IGNORED).all()


def test_every_turn_of_a_dialogue_is_labelled_and_only_last_keeps_the_last(loaded):
    encoded = encode(loaded, dialogue(), [film(loaded), film(loaded)])
    assert learnt(loaded, encoded) == f"{REPORT}{end(loaded)}Tim to.{end(loaded)}"
    encoded.labels = only_last(encoded.labels)
    assert learnt(loaded, encoded) == f"Tim to.{end(loaded)}"


def as_chat(messages):
    """The messages as transformers' chat templates take them."""
    out = []
    for message in messages:
        text = {"type": "text", "text": message.content.replace("<image>\n", "")}
        picture = [{"type": "image"}] if "<image>" in message.content else []
        out.append({"role": message.role, "content": [*picture, text]})
    return out


def official(loaded, text, images):
    """What transformers' own processor makes of a conversation, with its resize: it must change nothing."""
    begins = bool(loaded.tokenizer.bos_token) and text.startswith(loaded.tokenizer.bos_token)
    nested = [images] if loaded.family in ("gemma3", "llava_onevision") else images
    return loaded.processor(text=[text], images=nested, return_tensors="pt", add_special_tokens=not begins)


@pytest.mark.parametrize(("messages", "films"), [(single(), 1), (dialogue(), 2)])
def test_tokens_and_tensors_are_those_of_transformers_own_processor(loaded, messages, films):
    if loaded.family == "llava_onevision" and films == 1:
        pytest.skip("the processor cuts a film that stands alone into tiles; here it is whole, as it is among several")
    images = [film(loaded, n) for n in range(films)]
    text = loaded.processor.apply_chat_template(as_chat(messages), tokenize=False)
    text = text.replace("assistant \n", "assistant\n")  # OneVision's has a space more than its prompt for an answer
    if loaded.family == "minicpmv":  # its template takes the thought out of answers before the last; a model is asked with it
        text = text.replace(f"assistant\n{REPORT}", f"assistant\n<think>\n\n</think>\n\n{REPORT}")
    theirs = official(loaded, text, images)
    ours = encode(loaded, messages, images)
    assert torch.equal(ours.input_ids, theirs["input_ids"][0])
    batch = batch_of(loaded, [ours])
    assert set(theirs) - {"num_crops"} == set(batch) - {"labels", "position_ids"}
    for name in set(theirs) & set(batch) - {"batch_num_images"}:
        assert torch.equal(batch[name], theirs[name]) and batch[name].dtype == theirs[name].dtype, name


@pytest.mark.parametrize("turn", [2, 4])
def test_a_prompt_is_the_beginning_of_the_conversation_it_was_trained_in(loaded, turn):
    images = [film(loaded)] * (turn // 2)
    whole = encode(loaded, dialogue(), [film(loaded)] * 2)
    prompt = encode(loaded, dialogue()[:turn], images, answer=False)
    assert torch.equal(prompt.input_ids, whole.input_ids[: prompt.length])
    assert (whole.labels[prompt.length :] != IGNORED).any() and whole.labels[prompt.length] != IGNORED


def test_a_blind_model_reads_the_same_words_without_the_film(loaded):
    blind = encode(loaded, single(), [], blind=True)
    assert not blind.media
    assert loaded.processor.image_token_id not in blind.input_ids
    assert learnt(loaded, blind) == learnt(loaded, encode(loaded, single(), [film(loaded)]))


def test_special_tokens_written_in_a_report_are_words_gone_not_tokens(loaded):
    wicked = f"Tim to.{end(loaded)}{loaded.tokenizer.eos_token}{loaded.processor.image_token} Hết."
    encoded = encode(loaded, single(wicked), [film(loaded)])
    ends = {end_of_answer(loaded.tokenizer), loaded.tokenizer.eos_token_id}
    assert int(torch.isin(encoded.labels, torch.tensor(sorted(ends))).sum()) == 1
    assert learnt(loaded, encoded).startswith("Tim to.") and "Hết." in learnt(loaded, encoded)


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_labelled_whole(text):
    encoded = encode(MODEL, [Message("user", "?"), Message("assistant", text)], [])
    assert encoded.labels[encoded.labels != IGNORED][-1] == MODEL.tokenizer.eos_token_id
    again = encode(MODEL, [Message("user", "?"), Message("assistant", learnt(MODEL, encoded)[:-10])], [])
    assert torch.equal(again.input_ids, encoded.input_ids)


MODEL = make("qwen2_5_vl")
FILM = film(MODEL)


@pytest.mark.parametrize("images", [[], [FILM, FILM], [FILM[:-1]], [FILM.astype(np.float32)], [FILM[..., 0]]])
def test_films_that_do_not_fit_the_tags_or_the_size_are_an_error(images):
    with pytest.raises(ValueError, match="image"):
        encode(MODEL, single(), images)


def test_a_tag_counts_only_where_a_user_asks():
    assert not encode(MODEL, [Message("user", "?"), Message("assistant", "xem <image> này")], []).media


@pytest.mark.parametrize("pad", ["left", "right"])
def test_a_batch_is_padded_on_the_side_asked_for(loaded, pad):
    rows = [encode(loaded, single(), [film(loaded)]), encode(loaded, dialogue(), [film(loaded)] * 2)]
    batch = batch_of(loaded, rows, pad)
    short = rows[0].length
    real = slice(-short, None) if pad == "left" else slice(short)
    assert torch.equal(batch["input_ids"][0, real], rows[0].input_ids) and torch.equal(batch["labels"][0, real], rows[0].labels)
    assert torch.equal(batch["position_ids"][..., 0, real], rows[0].per_token["position_ids"])
    assert batch["attention_mask"].sum(1).tolist() == [r.length for r in rows]
    assert (batch["labels"][0][batch["attention_mask"][0] == 0] == IGNORED).all()
    columns = answer_columns(batch["labels"])
    assert set(torch.nonzero(batch["labels"][:, 1:] != IGNORED)[:, 1].tolist()) == set(columns.tolist())


def test_the_early_look_colours_trained_tokens_and_folds_the_film():
    text = Text.from_markup(show(MODEL, encode(MODEL, single("Tim [to]."), [FILM])))
    green = "".join(text.plain[s.start : s.end] for s in text.spans if s.style == "bold green")
    assert green == "Tim [to].<|im_end|>" and "[image x 4]" in text.plain and "<|image_pad|>" not in text.plain
