import shutil
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_training import example, model_section

from docphim.errors import Refused
from docphim.files import read_examples
from docphim.train.ahead import Ahead
from docphim.train.batch import Examples, lengths, plan, share, steps_of
from docphim.train.model import open_model
from docphim.train.settings import TrainSettings, points


@pytest.fixture(scope="module")
def loaded(dataset):
    return open_model(model_section(), TrainSettings(), read_examples(dataset, "train"))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(5, 90), min_size=1, max_size=40), st.integers(1, 4), st.integers(1, 4), st.integers(0, 3))
def test_a_plan_passes_over_all_examples_again_and_again_in_full_batches(counts, batch_size, micro_batches, seed):
    steps = steps_of(len(counts), 2, None, batch_size * micro_batches)
    batches = plan(counts, steps=steps, batch_size=batch_size, micro_batches=micro_batches, seed=seed)
    assert len(batches) == steps * micro_batches
    assert {len(batch) for batch in batches} == {batch_size}
    seen = Counter(index for batch in batches for index in batch)
    assert set(seen) == set(range(len(counts)))
    assert min(seen.values()) >= 2
    assert batches == plan(counts, steps=steps, batch_size=batch_size, micro_batches=micro_batches, seed=seed)


@pytest.mark.parametrize("world", [1, 2, 4])
def test_processes_share_a_steps_batches_out_without_changing_them(world):
    batches = plan(list(range(32)), steps=3, batch_size=2, micro_batches=4, seed=0)
    shares = [share(batches, rank, world) for rank in range(world)]
    each = 4 // world
    for step in range(3):
        together = [batch for mine in shares for batch in mine[step * each : (step + 1) * each]]
        assert sorted(together) == sorted(batches[step * 4 : (step + 1) * 4])


def test_batches_of_like_length_waste_less_padding():
    counts = [10 + (i * 37) % 90 for i in range(256)]

    def padded(batches):
        return sum(max(counts[i] for i in batch) * len(batch) for batch in batches)

    ours = plan(counts, steps=16, batch_size=16, micro_batches=1, seed=0)
    alone = [list(range(start, start + 16)) for start in range(0, 256, 16)]
    assert padded(ours) < 0.8 * padded(alone)


def test_another_seed_is_another_order():
    assert plan([5] * 20, steps=2, batch_size=5, micro_batches=1, seed=0) != plan(
        [5] * 20, steps=2, batch_size=5, micro_batches=1, seed=1
    )


@pytest.mark.parametrize(
    ("steps", "count", "expected"), [(10, 5, [2, 4, 6, 8, 10]), (4, 3, [1, 3, 4]), (2, 5, [1, 2]), (1, 1, [1])]
)
def test_evaluations_are_evenly_spaced_and_the_last_step_is_one(steps, count, expected):
    assert points(steps, count) == expected


def test_lengths_are_those_of_the_encoded_examples_and_open_no_film(loaded, dataset, tmp_path):
    examples = read_examples(dataset, "train")
    read = Examples(loaded, dataset, examples, blind=False)
    without_films = Examples(loaded, tmp_path, examples, blind=False)
    assert lengths(without_films, 4096) == [read[i].length for i in range(len(read))]


def test_a_blind_batch_holds_no_image_and_is_shorter(loaded, dataset):
    examples = read_examples(dataset, "train")
    blind, seeing = (Examples(loaded, dataset, examples, blind=b) for b in (True, False))
    assert "pixel_values" in seeing[0].media
    assert "pixel_values" not in blind[0].media
    assert blind[0].length < seeing[0].length


@pytest.mark.parametrize("near", [0, 1])
def test_a_sample_over_the_length_budget_is_refused_by_name(loaded, dataset, near):
    examples = [example(0, "train", "Tim không to."), example(1, "train", "Tim không to. " * 40)]
    read = Examples(loaded, dataset, examples, blind=False)
    longest = max(lengths(read, 10_000))
    if not near:
        assert lengths(read, longest)[1] == longest
        return
    with pytest.raises(Refused) as refused:
        lengths(read, longest - 1)
    assert refused.value.reason == "too_long"
    assert refused.value.where == "train001-findings"
    assert f"1 samples would be cut at train.max_length {longest - 1}; the longest has {longest}" in refused.value.why


def test_memory_bounds_what_is_kept_and_changes_nothing(loaded, dataset):
    examples = read_examples(dataset, "train")
    remembered, forgotten = (Examples(loaded, dataset, examples, blind=False, memory=m) for m in (2**30, 0))
    assert remembered[3] is remembered[3]
    assert forgotten[3] is not forgotten[3]
    assert forgotten[3].input_ids.equal(remembered[3].input_ids)
    assert forgotten[3].media["pixel_values"].equal(remembered[3].media["pixel_values"])


def test_reading_ahead_gives_the_same_items_in_order_and_ends():
    ahead = Ahead(iter(range(20)))
    assert list(ahead) == list(range(20))
    with pytest.raises(StopIteration):
        next(ahead)
    ahead.close()


def test_an_error_while_reading_ahead_is_raised_where_the_item_is_wanted():
    def items():
        yield 1
        raise Refused("file_missing", "x")

    ahead = Ahead(items())
    assert next(ahead) == 1
    with pytest.raises(Refused):
        next(ahead)
    ahead.close()


def test_a_closed_reader_stops_though_items_are_left():
    ahead = Ahead(iter(range(10**9)))
    next(ahead)
    ahead.close()
    assert not ahead._thread.is_alive()


def test_films_that_were_exchanged_are_not_trained_on(dataset, loaded, tmp_path):
    copy = shutil.copytree(dataset, tmp_path / "data")
    examples = read_examples(copy, "train")
    first, second = (copy / item.media[0].volumes["xray"] for item in examples[:2])
    for source, target in ((first, copy / "kept"), (second, first), (copy / "kept", second)):
        source.rename(target)
    shown = Examples(loaded, copy, examples, blind=False)
    for index in (0, 1):
        with pytest.raises(Refused, match="file_changed"):
            shown[index]
    assert shown[2].length > 0
