"""The table of sources: known kinds, checked options, one wrong word told."""

import importlib
import inspect

import pytest

from docphim.errors import UsageError
from docphim.ingest import SOURCES, check
from docphim.recipe import Section


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_offers_the_same_three_names(kind):
    module = importlib.import_module(SOURCES[kind])
    assert issubclass(module.Options, Section)
    assert list(inspect.signature(module.fingerprint).parameters) == ["options"]
    assert list(inspect.signature(module.read).parameters) == ["options", "dataset", "notes", "language", "split_by_source"]


def test_an_unknown_kind_gets_the_nearest_name():
    with pytest.raises(UsageError, match="did you mean 'folder'"):
        check("folders", {})


def test_options_are_checked_and_filled_in():
    assert check("folder", {"path": "x"}).model_dump()["ids"] == "hash"
    with pytest.raises(UsageError, match=r"source\.path: required"):
        check("vix_ray", {})
