"""findings: what counts as named, and from how many studies on a rate is shown."""

import pytest

from docphim.evaluate.findings import FEWEST, by_finding

TRUE, FALSE = {"cardiomegaly": 1}, {"cardiomegaly": 0}


def rates(sick: list[str], well: list[str]) -> dict:
    cases = [(text, TRUE, f"a{i}") for i, text in enumerate(sick)] + [(text, FALSE, f"b{i}") for i, text in enumerate(well)]
    return by_finding(cases, "vi", resamples=100, seed=1)


@pytest.mark.parametrize(
    ("text", "named"),
    [("Bóng tim to.", 1), ("Nghĩ đến bóng tim to.", 1), ("Theo dõi bóng tim to.", 1), ("Bóng tim không to.", 0), ("", 0)],
)
def test_a_finding_that_the_draft_hedges_counts_as_named(text, named):
    """On a film without it a suspicion is a false alarm, on a film with it a hit."""
    sick, well = ["Bóng tim to."] * 6, ["Bóng tim không to."] * 6
    assert rates([text] * 6, well)["cardiomegaly"].tpr == named
    assert rates(sick, [text] * 6)["cardiomegaly"].fpr == named


@pytest.mark.parametrize(("sick", "well", "shown"), [(5, 5, True), (4, 9, False), (9, 4, False)])
def test_no_rate_is_shown_of_fewer_studies_than_five(sick, well, shown):
    assert FEWEST == 5
    assert ("cardiomegaly" in rates(["Bóng tim to."] * sick, ["Bóng tim không to."] * well)) is shown
