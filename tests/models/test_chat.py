"""Where answers begin and end, in every way that chat templates write them."""

import pytest
import torch
from tiny_models import REPORT, batch_of, dialogue, film, make, single

from docphim.errors import Refused
from docphim.models import decode
from docphim.models.chat import render
from docphim.models.encode import IGNORED, encode
from docphim.study import Message

PICTURES = "{% for p in m.content if p.type == 'image' %}<image>\n{% endfor %}"
TEXT = "{% for p in m.content if p.type == 'text' %}{{ p.text }}{% endfor %}"
PROMPT = "{% if add_generation_prompt %}ASSISTANT: {% endif %}"


def template(answer: str, every: str = "{{ m.role.upper() }}: ", prompt: str = PROMPT, head: str = "") -> str:
    """A chat template in which `answer` is what an assistant's text is written as."""
    other = f"{PICTURES}{TEXT} "
    body = f"{{% if m.role == 'assistant' %}}{answer}{{% else %}}{other}{{% endif %}}"
    return f"{head}{{% for m in messages %}}{every}{body}{{% endfor %}}{prompt}"


#: As llava-hf/llava-1.5-7b-hf publishes it, without its markers of generated text: an answer has no end token.
LLAVA_15 = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' ' }}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
#: LLaVA-OneVision's way: a space after the role where the prompt for an answer has none.
ONE_VISION = template(
    f"{{{{ '\\n' }}}}{TEXT}</s>", "{{ m.role.upper() }}: ", "{% if add_generation_prompt %}ASSISTANT:\n{% endif %}"
)

#: template → what follows an answer in the labels, and whether a prompt is the beginning of what was trained.
ENDS = {
    "end token": (template(TEXT + "</s>"), "</s>", True),
    "end token and a line break": (template(TEXT + "</s>\n"), "</s>", True),
    "a line break and the end token": (template(TEXT + "{{ '\\n' }}</s>"), "\n</s>", True),
    "another end token than the tokenizer's": (template(TEXT + "<pad>\n"), "<pad>", True),
    "nothing": (template(TEXT + " "), "</s>", True),
    "nothing, as LLaVA-1.5": (LLAVA_15, "</s>", True),
    "another opening than the prompt, as OneVision": (ONE_VISION, "</s>", True),
    "a head that counts the turns": (template(TEXT + "</s>", head="{{ messages | length }}"), "</s>", False),
}


def spoken(name: str):
    made = make("llava-llama")
    made.tokenizer.chat_template = ENDS[name][0]
    return made


def learnt(loaded, encoded) -> str:
    return loaded.tokenizer.decode(encoded.labels[encoded.labels != IGNORED])


@pytest.mark.parametrize("name", ENDS)
def test_each_answer_is_learnt_with_the_end_its_template_writes_or_else_the_tokenizers(name):
    loaded = spoken(name)
    encoded = encode(loaded, dialogue(), [film(loaded)] * 2)
    end, lead = ENDS[name][1], " " if name.endswith("LLaVA-1.5") else ""
    assert learnt(loaded, encoded) == f"{lead}{REPORT}{end}{lead}Tim to.{end}"


@pytest.mark.parametrize("turn", [2, 4])
@pytest.mark.parametrize("name", [name for name, (_, _, begins) in ENDS.items() if begins])
def test_a_prompt_is_the_beginning_of_what_was_trained(name, turn):
    loaded = spoken(name)
    whole = encode(loaded, dialogue(), [film(loaded)] * 2)
    prompt = encode(loaded, dialogue()[:turn], [film(loaded)] * (turn // 2), answer=False)
    assert torch.equal(prompt.input_ids, whole.input_ids[: prompt.length])
    assert whole.labels[prompt.length] != IGNORED


def test_what_a_template_writes_around_answers_is_left_as_it_is():
    loaded = spoken("end token and a line break")
    chat = [{"role": m.role, "content": [{"type": "text", "text": m.content.replace("<image>\n", "")}]} for m in dialogue()]
    text = "".join(piece for piece, _ in render(loaded.tokenizer, chat, True))
    assert text == loaded.tokenizer.apply_chat_template(chat, tokenize=False)


BROKEN = {
    "leaves answers out": template(""),
    "leaves earlier answers out": template("{% if loop.last %}" + TEXT + "{% endif %}</s>"),
    "repeats answers": template(TEXT + TEXT + "</s>"),
    "rewords answers": template("{% for p in m.content %}{{ p.text | upper }}{% endfor %}</s>"),
    "reorders answers": "{% for m in messages | reverse %}{{ m.role }}: " + PICTURES + TEXT + "</s>{% endfor %}",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_template_in_which_answers_cannot_be_found_is_refused(name):
    loaded = make("llava-llama")
    loaded.tokenizer.chat_template = BROKEN[name]
    with pytest.raises(Refused, match=r"weights_layout.*answers"):
        encode(loaded, dialogue(), [film(loaded)] * 2)


def test_a_template_that_refuses_a_conversation_says_why():
    loaded = make("llava-llama")
    loaded.tokenizer.chat_template = "{% if messages[0].role == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
    with pytest.raises(Refused, match=r"weights_layout.*no system here"):
        encode(loaded, dialogue(), [film(loaded)] * 2)


def test_where_no_token_could_end_an_answer_that_is_said():
    loaded = spoken("nothing")
    loaded.tokenizer.eos_token = None
    with pytest.raises(Refused, match=r"weights_layout.*ends an answer"):
        encode(loaded, single(), [film(loaded)])


@pytest.mark.parametrize("pictures", [0, 2])
def test_a_template_that_does_not_write_a_mark_for_each_picture_is_refused(pictures):
    loaded = make("llava-llama")
    loaded.tokenizer.chat_template = template(TEXT + "</s>").replace("<image>\n", "<image>" * pictures)
    with pytest.raises(Refused, match=r"weights_layout.*<image> once for each picture"):
        encode(loaded, single(), [film(loaded)])


def test_decoding_stops_at_the_end_token_that_was_trained():
    loaded = make("qwen2_5_vl")
    trained = loaded.tokenizer.convert_tokens_to_ids("<|im_end|>")
    loaded.tokenizer.eos_token = "<|endoftext|>"
    loaded.model.generation_config.eos_token_id = None
    assert decode.end_tokens(loaded) == {trained, loaded.tokenizer.eos_token_id} and len(decode.end_tokens(loaded)) == 2
    with torch.no_grad():
        loaded.model.lm_head.weight[trained] = 0
        loaded.model.lm_head.bias = torch.nn.Parameter(torch.zeros(len(loaded.model.lm_head.weight)))
        loaded.model.lm_head.bias[trained] = 1e6
    prompt = encode(loaded, [Message("user", "?")], [], answer=False)
    assert decode.generate(loaded, batch_of(loaded, [prompt], "left"), max_new_tokens=3) == [("", "stop")]
