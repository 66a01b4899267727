"""The published lesion scorer's way of counting, fault by fault, on rows counted by hand."""

import pytest

import docphim
from docphim.errors import UsageError
from docphim.metrics.vipet import FDG, PLACE, TYPE, by_place, classes, counts


def row(type="Hình ảnh khối mờ", place="thùy trên phổi phải", uptake="Có tăng", key="Tăng chuyển hoá FDG"):
    return {TYPE: type, PLACE: place, FDG: {"SUVmax": 3, key: uptake}}


def f1(reference, draft):
    return {key: f"{right}/{ours}/{theirs}" for key, (right, ours, theirs) in counts(reference, draft).items()}


def test_there_are_14_types_6_places_and_2_uptakes():
    from docphim.metrics.vipet import PATH
    from docphim.package_data import packaged

    assert [len(table) for table in packaged(PATH).values()] == [14, 6, 2]


def test_uptake_is_looked_up_under_a_key_that_tables_do_not_have():
    """So every uptake is unknown, and unknown equals unknown: TF is T, whatever the uptakes are."""
    assert classes(row())["uptake"] == "không rõ"
    assert classes(row(key="Tăng chuyển hóa FDG"))["uptake"] == "có tăng"
    values = f1([row(uptake="Có tăng")], [row(uptake="Không tăng")])
    assert values["lesion_tf"] == values["lesion_t"] == "1/1/1"
    spelled = f1([row(key="Tăng chuyển hóa FDG")], [row(key="Tăng chuyển hóa FDG", uptake="Không tăng")])
    assert (spelled["lesion_t"], spelled["lesion_tf"]) == ("1/1/1", "0/1/1")


def test_unknown_equals_unknown():
    one, other = row("điều lạ", "nơi nào đó"), row("điều khác hẳn", "một chỗ khác")
    assert f1([one], [other])["lesion_tpf"] == "1/1/1"


@pytest.mark.parametrize(
    ("place", "rows"),
    [
        ("Trước khí quản, dưới carina", ["trước khí quản", "dưới carina"]),
        ("thùy trên phổi phải và thùy dưới phổi trái", ["thùy trên phổi phải", "thùy dưới phổi trái"]),
        ("đoạn cao và thấp", ["đoạn cao và thấp"]),
        ("ở thùy trên phổi phải", ["thùy trên phổi phải"]),
        ("gan phải; thận trái, cực trên", ["gan phải", "thận trái, cực trên"]),
        ("gan", []),
        ("", []),
    ],
)
def test_a_row_counts_once_for_each_place_and_not_at_all_for_a_single_word(place, rows):
    assert [one[PLACE] for one in by_place([row(place=place)])] == rows


def test_matching_is_greedy_and_one_to_one():
    """The draft's rows are taken in their order, each with the first row of the reference that is left."""
    reference = [row(), row(place="thùy dưới phổi trái")]
    draft = [row(place="thùy dưới phổi trái"), row(place="thùy giữa phổi phải"), row()]
    assert f1(reference, draft) == {
        "lesion_t": "2/2/3", "lesion_tp": "2/2/3", "lesion_tf": "2/2/3", "lesion_tpf": "2/2/3",
    }  # fmt: skip


def test_the_convention_scores_texts_and_says_so():
    text = "Khối thùy trên phổi phải 40 mm, tăng chuyển hóa FDG, SUVmax 12,0. Hạch nhóm 4R 12 mm."
    draft = "Khối thùy trên phổi trái 40 mm, không tăng chuyển hóa FDG. Hạch nhóm 4R 12 mm."
    scores = docphim.score([text], [draft], convention="vipet")["scores"]
    assert {key: scores[key]["value"] for key in ("lesion_t", "lesion_tp", "lesion_tf", "lesion_tpf")} == {
        "lesion_t": 100, "lesion_tp": 50, "lesion_tf": 100, "lesion_tpf": 50,
    }  # fmt: skip
    signature = scores["lesion_tf"]["signature"]
    assert "|convention:vipet|tool:vipet-reportgen|" in signature
    assert "|match:greedy|unknown:equal|fdg:key-hóa|classes:" in signature
    ours = docphim.score([text], [draft], metrics=["lesions"])["scores"]
    assert (ours["lesion_tp"]["value"], ours["lesion_tf"]["value"]) == (100, 0)


def test_reports_of_another_language_are_refused():
    with pytest.raises(UsageError, match="its classes are Vietnamese"):
        docphim.score(["A nodule."], ["A nodule."], "en", convention="vipet")
