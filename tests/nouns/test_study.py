"""study: every noun survives the way to JSON and back; a wrong row is named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim import study
from docphim.study import Example, Labels, Media, Message, Prediction, Report, Series, Study

TEXT = st.text(max_size=8)
MESSAGES = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), TEXT, st.none() | TEXT)
MEDIA = st.builds(Media, st.just("image"), st.dictionaries(TEXT, TEXT, max_size=2))
STUDIES = st.builds(
    Study,
    id=TEXT,
    patient=TEXT,
    sex=st.sampled_from(["F", "M", None]),
    age=st.none() | st.integers(0, 120),
    date=st.none() | TEXT,
    series=st.lists(st.builds(Series, TEXT, TEXT, TEXT), max_size=2),
    report=st.none() | st.builds(Report, TEXT, st.dictionaries(TEXT, TEXT, max_size=2)),
    labels=st.none() | st.builds(Labels, TEXT, st.just("given"), st.dictionaries(TEXT, st.sampled_from([0, 1, -1, None]))),
    split=st.sampled_from(["train", "val", "test", None]),
    source=TEXT,
)
EXAMPLES = st.builds(
    Example, TEXT, TEXT, TEXT, st.just("train"), TEXT, TEXT, st.lists(MESSAGES, max_size=3), st.lists(MEDIA, max_size=2)
)


@given(noun=STUDIES | EXAMPLES)
def test_every_noun_survives_json(noun):
    assert study.from_row(type(noun), json.loads(json.dumps(study.to_row(noun)))) == noun


def test_a_message_says_from_in_json():
    assert study.to_row(Message("assistant", "x", "report:findings"))["from"] == "report:findings"


@pytest.mark.parametrize(
    ("row", "said"),
    [({"role": "user", "content": "x", "colour": 1}, "no field 'colour'"), ({"role": "user"}, "missing 1 required")],
)
def test_a_wrong_row_is_named(row, said):
    with pytest.raises(ValueError, match=said):
        study.from_row(Message, row)


def test_a_prediction_is_known_by_its_four_keys():
    made = Prediction("a", 1, "generated", "own", None, "s", "p", "findings", "x", "y", "stop", "m")
    assert made.key == ("a", 1, "generated", "own")
