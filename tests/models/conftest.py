"""One tiny model of every architecture, made once."""

from __future__ import annotations

import pytest
from tiny_models import ARCHITECTURES, make


@pytest.fixture(scope="session", params=ARCHITECTURES)
def loaded(request: pytest.FixtureRequest):
    return make(request.param)
