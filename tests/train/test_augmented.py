"""Examples varied each time they are read: by seed, epoch and example alone; what is cut from an image goes from its text."""

import itertools
import shutil
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_training import in_processes, killed_at, model_section, same, steady, train_section, weights

from docphim.errors import UsageError
from docphim.files import read_examples, read_jsonl, write_jsonl
from docphim.imaging.vary import UNCHANGED
from docphim.recipe import Train
from docphim.study import Example, Media, Message, to_row
from docphim.train import loop, train
from docphim.train.augmented import Augmented, numbered, varied
from docphim.train.batch import Examples, loader, plan
from docphim.train.model import open_model
from docphim.train.settings import TrainSettings

VARIED = {"augment": ["image", "text"], "max_steps": 6, "evaluations": 3}
LEFT, RIGHT, REST = (
    "Khối thùy trên phổi trái, tăng hấp thu FDG.",
    "Nốt thùy dưới phổi phải, tăng hấp thu FDG.",
    "Không thấy hạch trung thất tăng hấp thu FDG.",
)
SIZE = (112, 112)


def speaking(sentences, lesions, trim=(0, 0), within=(10, 40), known=True) -> Example:
    """An example of a region; `lesions` maps the number of a sentence to the boxes of what it speaks of."""
    text, spans = " ".join(sentences), []
    for sentence in sentences:
        start = text.index(sentence)
        spans.append([2, start, start + len(sentence)])
    media = Media("s", "video", {"pet": "p"}, "axial", None, {"count": 4, "within": list(within)}, [["pet", 0, 10]])
    augment = {"trim": list(trim)}
    if known:
        groups = [{"boxes": boxes, "text": [spans[n]]} for n, boxes in lesions.items()]
        augment |= {"plane": {"shape": [64, 64], "aspect": 1.0}, "lesions": groups}
    messages = [Message("system", "x"), Message("user", "<video>?"), Message("assistant", text, "report:findings.chest")]
    return Example("s-chest", "s", "p", "train", "region_findings.chest", "vi", messages, [media], augment=augment)


def reading(example, epochs=300, kinds=("image",)):
    for epoch in range(epochs):
        yield varied(example, kinds, (0, epoch, example.id), SIZE)


def test_the_sentence_of_a_lesion_that_a_crop_removes_goes_and_no_other():
    example = speaking([LEFT, RIGHT, REST], {0: [[20, 24, 0.4, 0.5, 0.75, 0.85]], 1: [[30, 33, 0.4, 0.5, 0.12, 0.22]]})
    texts = Counter()
    for made, ways, row in reading(example):
        left, right = (ways[0].shows(box, plane()) for box in ((0.4, 0.5, 0.75, 0.85), (0.4, 0.5, 0.12, 0.22)))
        text = made.messages[-1].content
        texts[text] += 1
        if ways[0].checked:
            assert (LEFT in text) is (left == "whole") and (RIGHT in text) is (right == "whole") and REST in text
            assert "part" not in (left, right)
            assert row.get("image", {}).get("removed", 0) == [left, right].count("gone")
    assert set(texts) == {" ".join(said) for said in ([LEFT, RIGHT, REST], [RIGHT, REST], [LEFT, REST])}
    assert min(texts.values()) >= 5


def plane():
    from docphim.imaging.vary import Plane

    return Plane(SIZE, SIZE)


def test_lesions_of_one_sentence_go_together_or_the_crop_is_refused():
    both = "Nốt thùy trên hai phổi, tăng hấp thu FDG."
    example = speaking([both, REST], {0: [[20, 24, 0.4, 0.5, 0.75, 0.85], [20, 24, 0.4, 0.5, 0.12, 0.22]]})
    refused = Counter()
    for made, _, row in reading(example):
        refused.update(row.get("image", {}).get("refused", {}))
        assert made.messages[-1].content == f"{both} {REST}"
    assert refused["lesion_cut"] > 20


def test_a_crop_that_removes_everything_is_refused_and_counted():
    example = speaking([LEFT], {0: [[20, 24, 0.4, 0.5, 0.75, 0.85]]})
    refused = Counter()
    for made, ways, row in reading(example):
        refused.update(row.get("image", {}).get("refused", {}))
        assert made.messages[-1].content == LEFT
        assert not ways[0].checked or ways[0].shows((0.4, 0.5, 0.75, 0.85), plane()) == "whole"
    assert refused["nothing_left"] >= 3


def test_a_sentence_that_means_something_else_without_the_one_before_it_refuses_the_crop():
    again = "Tổn thương này có SUVmax 8,1."
    example = speaking([LEFT, again, REST], {0: [[20, 24, 0.4, 0.5, 0.75, 0.85]]})
    texts = {made.messages[-1].content for made, _, _ in reading(example)}
    assert texts == {" ".join([LEFT, again, REST])}


def test_slices_are_trimmed_within_what_is_allowed_and_take_a_lesion_with_them_whole():
    example = speaking([LEFT, REST], {0: [[10, 11, 0.45, 0.55, 0.45, 0.55]]}, trim=(3, 2))
    trims = Counter()
    for made, ways, _ in reading(example, 400):
        upper, lower = ways[0].trim
        assert upper <= 3 and lower <= 2
        trims[upper] += 1
        if ways[0].checked:
            assert upper != 1  # it would cut the lesion
            assert (LEFT in made.messages[-1].content) is (upper == 0)
    assert trims[0] > 100 and trims[2] > 20 and trims[3] > 20


def test_where_nobody_knows_where_a_lesion_lies_nothing_is_cropped_and_no_word_goes():
    example = speaking([LEFT, RIGHT, REST], {}, trim=(2, 2), known=False)
    for made, ways, row in reading(example):
        assert made.messages == example.messages
        assert not ways[0].checked  # so that drawing it leaves nothing of what is shown out
        assert "removed" not in row.get("image", {})


def test_beside_projections_slices_are_neither_turned_nor_cropped():
    example = speaking([LEFT, REST], {0: [[20, 24, 0.4, 0.5, 0.75, 0.85]]}, within=(0, 63))
    media = replace(example.media[0], frames={"count": 4, "mips": True})
    for made, ways, _ in reading(replace(example, media=[media])):
        assert ways[0].turn == 0 and ways[0].crop == UNCHANGED.crop and not ways[0].checked
        assert LEFT in made.messages[-1].content


def test_other_wordings_are_shown_beside_the_report_and_never_where_a_lesion_went():
    example = speaking([LEFT, REST], {0: [[20, 24, 0.4, 0.5, 0.75, 0.85]]})
    worded = "Không thấy hạch trung thất tăng hấp thu FDG. Ở thùy trên phổi trái có khối tăng hấp thu FDG."
    example = replace(example, augment=example.augment | {"paraphrases": {"2": [worded]}})
    shown = Counter()
    for made, _, row in reading(example, 200, ("image", "text")):
        text, removed = made.messages[-1].content, row.get("image", {}).get("removed")
        worded_here = "Ở thùy trên" in text
        assert worded_here is bool(row.get("text", {}).get("2", {}).get("wording"))
        assert not (removed and worded_here) and (not removed or "trái" not in text)
        shown[worded_here, bool(removed)] += 1
    assert shown[True, False] > 50 and shown[False, False] > 50 and shown[False, True] > 3
    assert all(row == {} for _, _, row in reading(example, 20, ()))


def test_numbers_and_units_of_the_text_stay_as_they_are():
    sized = "Nốt thùy dưới phổi phải kích thước 12 x 9 mm, SUVmax 6,2."
    example = speaking([sized, REST], {0: [[20, 24, 0.45, 0.55, 0.45, 0.55]]})
    for made, _, _ in reading(example, 60, ("image", "text")):
        assert sized in made.messages[-1].content


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.integers(1, 4), st.integers(1, 12), st.integers(0, 3))
def test_each_number_is_one_pass_of_one_example(count, batch_size, steps, seed):
    batches = plan([5] * count, steps=steps, batch_size=batch_size, micro_batches=1, seed=seed)
    made = numbered(batches, count)
    assert [[n % count for n in batch] for batch in made] == batches
    flat = [n for batch in made for n in batch]
    assert len(set(flat)) == len(flat)
    for index in range(count):
        passes = [n // count for n in flat if n % count == index]
        assert passes == list(range(len(passes)))


@pytest.fixture(scope="module")
def loaded(dataset):
    return open_model(model_section(), TrainSettings(), read_examples(dataset, "train"))


def opened(loaded, dataset, **changes):
    how = {"kinds": ["image", "text"], "seed": 0, "max_length": 200, **changes}
    return Augmented(loaded, dataset, read_examples(dataset, "train"), blind=False, **how)


def equal(one, other):
    return all(a.equal(b) for a, b in zip(one.tensors, other.tensors, strict=True)) and one.augmented == other.augmented


def test_what_is_read_depends_on_the_number_alone(loaded, dataset):
    """Not on what was read before, nor by which process."""
    forward, backward = opened(loaded, dataset), opened(loaded, dataset)
    numbers = range(33)
    one = {n: forward[n] for n in numbers}
    other = {n: backward[n] for n in reversed(numbers)}
    assert all(equal(one[n], other[n]) for n in numbers)
    assert len({one[n].media["pixel_values"].numpy().tobytes() for n in (0, 11, 22)}) >= 2  # three passes of one example
    assert not equal(opened(loaded, dataset, seed=1)[22], one[22]) or not equal(opened(loaded, dataset, seed=1)[11], one[11])
    batches = [[0, 12], [23, 4], [30, 9]]
    alone, workers = (list(loader(opened(loaded, dataset), batches, count)) for count in (0, 2))
    for a, b in zip(alone, workers, strict=True):
        assert a["positive"]["pixel_values"].equal(b["positive"]["pixel_values"])
        assert a["positive"]["input_ids"].equal(b["positive"]["input_ids"])
        assert a["positive"]["augmented"] == b["positive"]["augmented"]


def test_what_is_shown_as_it_is_equals_what_is_not_augmented(loaded, dataset):
    augmented, plain = opened(loaded, dataset), Examples(loaded, dataset, read_examples(dataset, "train"), blind=False)
    same_as = [n for n in range(44) if augmented[n].augmented.keys() == {"example", "epoch"}]
    assert same_as
    for n in same_as:
        assert all(a.equal(b) for a, b in zip(augmented[n].tensors, plain[n % 11].tensors, strict=True))


def test_a_text_that_grew_too_long_stays_as_it_was(loaded, dataset):
    plain = Examples(loaded, dataset, read_examples(dataset, "train"), blind=False)
    most = max(plain[n].length for n in range(11)) - 1
    rows = [opened(loaded, dataset, max_length=most)[n] for n in range(66)]
    long = [row for row in rows if row.augmented.get("text") == {"too_long": True}]
    places = {example.id: n for n, example in enumerate(plain.examples)}
    assert long and all(row.labels.equal(plain[places[row.augmented["example"]]].labels) for row in long)


@pytest.fixture(scope="module")
def whole(dataset, tmp_path_factory):
    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp("varied") / "run"
    train(dataset, run, model=model_section(), train=train_section(**VARIED))
    return run


def test_a_killed_training_goes_on_to_the_same_weights_and_record(whole, dataset, tmp_path):
    run = tmp_path / "run"
    settings = train_section(**VARIED)
    killed_at((loop, "backward", 4), lambda: train(dataset, run, model=model_section(), train=settings))
    train(dataset, run, model=model_section(), train=settings)
    assert same(weights(run, 6), weights(whole, 6)) and steady(run) == steady(whole)
    assert (run / "augment.jsonl").read_bytes() == (whole / "augment.jsonl").read_bytes()


def test_workers_change_neither_weights_nor_record(whole, dataset, tmp_path):
    train(dataset, tmp_path, model=model_section(), train=train_section(**VARIED, workers=2))
    assert same(weights(tmp_path, 6), weights(whole, 6))
    assert (tmp_path / "augment.jsonl").read_bytes() == (whole / "augment.jsonl").read_bytes()


def test_two_processes_share_what_one_reads(dataset, tmp_path):
    one, two, settings = tmp_path / "one", tmp_path / "two", {**VARIED, "max_steps": 3, "evaluations": 1}
    train(dataset, one, model=model_section(), train=train_section(**settings, accumulate=2))
    section = train_section(**settings, processes=2)
    assert not any(in_processes(2, tmp_path / "meeting", lambda: train(dataset, two, model=model_section(), train=section)))
    assert list(read_jsonl(two / "augment.jsonl")) == list(read_jsonl(one / "augment.jsonl"))
    ours, theirs = weights(one, 3), weights(two, 3)
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in ours) <= 1e-6


def test_every_example_of_every_step_is_recorded(whole):
    rows = list(read_jsonl(whole / "augment.jsonl"))
    assert Counter(row["step"] for row in rows) == dict.fromkeys(range(1, 7), 2)
    made = [one for row in rows for one in row.get("image", {}).get("made", [])]
    assert made and all(set(one) <= {"turn", "scale", "shift", "noise", "seed"} for one in made)  # films are never cropped


def test_a_training_without_it_records_nothing_and_goes_on_from_what_was_trained_before_the_key(whole, dataset, tmp_path):
    train(dataset, tmp_path, model=model_section(), train=train_section())
    assert not (tmp_path / "augment.jsonl").exists()
    assert not same(weights(tmp_path, 4), weights(whole, 4))
    older = tmp_path / "older"
    shutil.copytree(tmp_path / "checkpoints", older / "checkpoints")
    section = {name: value for name, value in train_section().items() if name != "augment"}
    train(dataset, older, model=model_section(), train=section)
    assert same(weights(older, 4), weights(tmp_path, 4))


WRONG = {
    "augment: examples that stand beside negatives": {"augment": ["text"], "pairs": "other"},
    "augment: image is of images, which a blind model does not see": {"augment": ["image"], "blind": True},
    "augment: comparison is of images": {"augment": ["text", "comparison"], "blind": True},
    "cache_features keeps what was made of it": {"augment": ["image"], "cache_features": True},
    "augment names something twice": {"augment": ["image", "image"]},
}


@pytest.mark.parametrize(("why", "section"), WRONG.items(), ids=WRONG)
def test_what_cannot_be_augmented_together_is_refused(why, section):
    from docphim.recipe import validated

    with pytest.raises(UsageError, match=why):
        validated(Train, section, "train")


def compared(dataset, folder, text="Chỉ bệnh nhân thứ nhất có khối."):
    """The dataset with comparisons of its films."""
    shutil.copytree(dataset, folder)
    rows = []
    for one, other in itertools.pairwise(read_examples(dataset, "train")[:5]):
        messages = [Message("user", "<image> <image> So sánh."), Message("assistant", text, "comparison")]
        media = [*one.media, *other.media]
        rows.append(replace(one, id=f"{one.id}-{other.id}", task="comparison", messages=messages, media=media))
    write_jsonl(folder / "examples" / "comparisons.jsonl", map(to_row, rows))
    return folder


def test_comparisons_are_trained_on_where_the_recipe_asks_alone(dataset, tmp_path):
    folder = compared(dataset, tmp_path / "0123abcd")
    section = {"max_steps": 8, "evaluations": 1}
    for name, kinds in (("O", []), ("O-G", ["image", "text"]), ("O-G-C", ["image", "text", "comparison"])):
        train(folder, tmp_path / name, model=model_section(), train=train_section(**section, augment=kinds))
    seen = {name: {row["example"] for row in read_jsonl(tmp_path / name / "augment.jsonl")} for name in ("O-G", "O-G-C")}
    names = {e.id for e in read_examples(folder, "comparisons")}
    assert not names & seen["O-G"] and len(names & seen["O-G-C"]) >= 2
    assert not (tmp_path / "O" / "augment.jsonl").exists()


def test_both_films_of_a_comparison_are_shown_and_they_differ(loaded, dataset, tmp_path):
    folder = compared(dataset, tmp_path / "0123abcd")
    read = Examples(loaded, folder, read_examples(folder, "comparisons"), blind=False)
    frames = read[0].media["pixel_values"]
    assert len(frames) == 2 and not frames[0].equal(frames[1])


def test_comparisons_that_are_too_long_are_left_out_and_counted(dataset, tmp_path, caplog):
    folder = compared(dataset, tmp_path / "0123abcd", "Chỉ bệnh nhân thứ nhất có khối. " * 40)
    section = train_section(max_steps=4, evaluations=1, augment=["comparison"])
    with caplog.at_level("WARNING", "docphim"):
        train(folder, tmp_path / "run", model=model_section(), train=section)
    assert "comparisons are longer than train.max_length and are left out" in caplog.text


def test_a_dataset_without_comparisons_refuses_to_train_on_them(dataset, tmp_path):
    with pytest.raises(UsageError, match=r"train\.augment: the dataset holds no comparison"):
        train(dataset, tmp_path, model=model_section(), train=train_section(augment=["comparison"]))
