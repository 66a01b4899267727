"""Films under names that tables write otherwise than the disk: found where one film alone can be meant, refused elsewhere."""

import unicodedata

import pytest
from films import Ingested, write_csv, write_png

from docphim.ingest.file_names import parts_of

ACCENTED = "Phổi thẳng.png"
CASES = [
    # films on disk, names in the table, what each row finds
    ([unicodedata.normalize("NFD", ACCENTED)], [ACCENTED], [0]),
    ([ACCENTED], [unicodedata.normalize("NFD", ACCENTED)], [0]),
    (["IM01.png"], ["IM01.PNG"], [0]),
    (["IM01.png"], ["im01.png"], [0]),
    (["IM01.png"], ["IM01.dcm"], [0]),
    (["IM01.png"], ["IM01.jpeg"], [0]),
    (["IM01.png"], ["IM01.png.dcm"], [0]),
    (["IM01.png"], [r"D:\Phim\IM01.png"], [0]),
    (["phim/IM01.png"], [r"\\server\share\phim\IM01.png"], [0]),
    (["IM01.png"], ["/mnt/data/phim/IM01.png"], [0]),
    (["IM01.png"], ["file:///D:/phim/IM01.png"], [0]),
    (["phim 2.png"], ["phim%202.png"], [0]),
    (["phim 2.png", "phim%202.png"], ["x/phim 2.PNG"], ["report_ambiguous"]),
    (["train/IM01.png"], ["images/train/IM01.png"], [0]),
    (["a/IM01.png", "b/IM01.png"], ["images/b/IM01.dcm"], [1]),
    (["files/p10/s1/IM.png", "files/p11/s1/IM.png"], ["p10/s1/IM.jpg", "p11/s1/IM.jpg"], [0, 1]),
    (["IM01.png", "IM02.png"], ["IM01.PNG;IM02.PNG"], [0]),
    (["IM01.png", "im01.png"], ["IM01.png"], [0]),
    (["a/IM01.png", "b/IM01.png"], [r"C:\x\IM01.png"], ["report_ambiguous"]),
    (["IM01.png", "im01.png"], ["Im01.png"], ["report_ambiguous"]),
    (["IM01.png"], ["x/IM01.png", "y/im01.PNG"], ["report_ambiguous", "report_ambiguous"]),
    (["IM01.png"], ["IM01.png", "y/im01.PNG"], [0, "image_missing"]),  # the film is the first row's
    (["IM01.png"], ["../IM01.png"], ["unsafe_path"]),
    (["IM01.png"], [r"a\..\IM01.png"], ["unsafe_path"]),
    (["IM01.png"], ["IM-01.png"], ["image_missing"]),
    (["IM01.png"], ["IM001.png"], ["image_missing"]),
    (["a/b.png"], ["b/a.png"], ["image_missing"]),
]


@pytest.mark.parametrize(("disk", "names", "expected"), CASES, ids=[f"{names[0]} on {disk}" for disk, names, _ in CASES])
def test_a_name_written_otherwise_finds_its_film_where_one_alone_can_be_meant(tmp_path, disk, names, expected):
    for number, name in enumerate(disk):
        write_png(tmp_path / "source" / name, number)
    same = len(set(expected)) < len(expected)
    rows = [[name, "Bóng tim to." if same else f"Bóng tim to. {'AB'[number]}."] for number, name in enumerate(names)]
    write_csv(tmp_path / "source/r.csv", ["image", "findings"], *rows)
    got = Ingested(tmp_path, without_report="keep")
    assert sorted(got.reasons) == sorted(r for r in expected if isinstance(r, str))
    with_report = [study for study in got.studies if study["report"]]
    assert len(with_report) == len({r for r in expected if not isinstance(r, str)})


@pytest.mark.parametrize(
    ("name", "parts"),
    [("", [""]), ("/", [""]), ("./a.PNG", ["a"]), ("C:a.png", ["c:a"]), ("a.b.png", ["a.b"]), (" IM 1 .png", ["im 1 "])],
)
def test_parts_of_a_name(name, parts):
    assert parts_of(name) == parts


OTHER_FOLDERS = [
    # films on disk, (id, name in the table) of each row, what each row finds: a film's number, or a reason
    (["BN002/IM01.png"], [("", "BN001/IM01.png")], ["image_missing"]),
    (["BN002/IM01.png"], [("1", "BN001/IM01.png"), ("2", "BN002/IM01.png")], ["image_missing", 0]),
    (["BN002/IM01.png"], [("1", "BN001/IM01.png"), ("2", "BN002/IM01.dcm")], ["image_missing", 0]),
    (["p2/a.png"], [("1", r"D:\phim\p1\a.png"), ("2", r"D:\phim\p2\a.png")], ["image_missing", 0]),
    (["films/p2/a.png"], [("1", r"D:\phim\p1\a.png"), ("2", r"D:\phim\p2\a.png")], ["image_missing", 0]),
    (["BN2/a.png", "BN2/b.png"], [("1", "BN1/a.png"), ("1", "BN1/b.png")], ["image_missing", "image_missing"]),
    (["BN2/a.png", "BN2/b.png"], [("", "BN1/a.png"), ("", "BN1/b.png")], ["image_missing", "image_missing"]),
    (["binh/a.png", "binh/b.png"], [("", "lan/a.png"), ("", "lan/b.png")], ["image_missing", "image_missing"]),
    (["x/binh/a.png", "x/binh/b.png"], [("", "x/lan/a.png"), ("", "x/lan/b.png")], ["image_missing", "image_missing"]),
    (["x/a.png", "x/b.png"], [("", r"D:\Phim\a.png"), ("", r"D:\Phim\b.png")], [0, 1]),
    (["lan/a.png", "binh/b.png"], [("1", "binh/a.png"), ("2", "lan/b.png")], ["image_missing", "image_missing"]),
    (["films/a.png", "films/b.png"], [("1", r"D:\Phim\a.png"), ("2", r"D:\Phim\b.png")], [0, 1]),
    (["data/train/1.png", "data/test/2.png"], [("1", "images/train/1.png"), ("2", "images/test/2.png")], [0, 1]),
    (["f/p1/a.png", "f/p2/a.png"], [("1", "/mnt/x/p1/a.png"), ("2", "/mnt/x/p2/a.png")], [0, 1]),
    (["f/p1/a.png", "f/p2/a.png"], [("1", "/mnt/x/p1/a.png"), ("3", "/mnt/x/p3/a.png")], [0, "report_ambiguous"]),
    (["f/p1/a.png"], [("1", "mnt/x/p1/a.png"), ("3", "mnt/x/p3/a.png")], [0, "image_missing"]),
    (["anh/1.png", "anh/2.png", "anh/3.png"], [("1", "1.png"), ("2", "anh/2.png"), ("3", r"D:\Phim\3.png")], [0, 1, 2]),
    (["f/a/1.png", "f/b/2.png", "f/b/3.png"], [("1", "1.png"), ("2", "2.png"), ("3", "x/b/3.png")], [0, 1, 2]),
    (["f/a/1.png", "f/b/2.png", "f/b/3.png"], [("1", "1.png"), ("2", "2.png"), ("3", "c/3.png")], [0, 1, "image_missing"]),
    (["BN2/1.png", "BN2/2.png", "BN2/3.png"], [("2", "1.png;2.png"), ("3", "BN3/3.png")], [0, "image_missing"]),
    (["BN002/IM01.png"], [("1", "IM01.PNG")], [0]),
    (["IM01.png"], [("1", "BN001/IM01.png")], [0]),
]


@pytest.mark.parametrize("rule", ["refused", "joined"])
@pytest.mark.parametrize(("disk", "rows", "expected"), OTHER_FOLDERS, ids=range(len(OTHER_FOLDERS)))
def test_a_film_in_another_folder_is_not_taken_for_the_one_named(tmp_path, disk, rows, expected, rule):
    for number, name in enumerate(disk):
        write_png(tmp_path / "source" / name, number)
    lines = [[number, name, f"Bóng tim to. {'ABC'[place]}."] for place, (number, name) in enumerate(rows)]
    write_csv(tmp_path / "source/r.csv", ["id", "image", "findings"], *lines)
    got = Ingested(tmp_path, rows=rule, match="file_name", without_report="keep")
    assert sorted(got.reasons) == sorted(r for r in expected if isinstance(r, str))
    texts = sorted(study["report"]["sections"]["findings"] for study in got.studies if study["report"])
    assert texts == [lines[place][2] for place, film in enumerate(expected) if not isinstance(film, str)]


FOR_AN_ID = [
    # films on disk, columns of the row, its films or a reason
    (["khoa_noi/01/x.png", "khoa_ngoai/01/x.png"], {"id": "01"}, "report_ambiguous"),
    (["khoa_noi/01/x.png", "khoa_ngoai/01/y.png"], {"id": "01"}, "report_ambiguous"),
    (["noi/12_1.png", "ngoai/12_2.png"], {"id": "12"}, "report_ambiguous"),
    (["12_1.png", "ngoai/12_2.png"], {"id": "12"}, "report_ambiguous"),
    (["2022/7_pa.png", "2023/7_ap.png"], {"id": "7"}, "report_ambiguous"),
    (["noi/12_1.png", "noi/12_2.png"], {"id": "12"}, 2),
    (["noi/01/x.png", "noi/01/y.png"], {"id": "01"}, 2),
    (["noi/01/x.png", "noi/02/x.png"], {"id": "01"}, 1),
    (["12_1.png", "12_2.png"], {"id": "12"}, 2),
    (["12_1.png"], {"image": "12"}, "image_missing"),
    (["12_1.png"], {"image": "12.png"}, "image_missing"),
    (["01/x.png"], {"image": "01"}, "image_missing"),
    (["12_1.png"], {"id": "12", "image": "x.png"}, "image_missing"),
    (["12_1.png"], {"id": "12", "image": ""}, 1),
    (["12_1.png", "12_2.png"], {"id": "12", "image": "12_2.png"}, 1),
]


@pytest.mark.parametrize(("disk", "row", "expected"), FOR_AN_ID, ids=range(len(FOR_AN_ID)))
def test_an_id_finds_numbered_films_and_a_folder_of_one_place_alone(tmp_path, disk, row, expected):
    for number, name in enumerate(disk):
        write_png(tmp_path / "source" / name, number)
    write_csv(tmp_path / "source/r.csv", [*row, "findings"], [*row.values(), "Bóng tim to."])
    got = Ingested(tmp_path, match="file_name", without_report="keep")
    films = [len(study["series"]) for study in got.studies if study["report"]]
    assert (got.reasons, films) == (([expected], []) if isinstance(expected, str) else ([], [expected]))


@pytest.mark.parametrize(
    ("films", "name", "text", "expected"),
    [
        (["12_1.png"], "12.txt", "Mô tả: Tim to.", 1),
        (["12_1.png"], "12.txt", "Số phiếu: A77\nMô tả: Tim to.", 1),
        (["12_1.png", "12_2.png"], "x.txt", "Số phiếu: 12\nMô tả: Tim to.", 2),
        (["noi/12/a.png"], "12.txt", "Mô tả: Tim to.", 1),
        (["noi/12_1.png", "ngoai/12_2.png"], "12.txt", "Mô tả: Tim to.", "report_ambiguous"),
    ],
)
def test_a_documents_name_and_number_find_films_as_an_id_does(tmp_path, films, name, text, expected):
    for number, film in enumerate(films):
        write_png(tmp_path / "source" / film, number)
    (tmp_path / "source" / name).write_text(text, encoding="utf-8")
    got = Ingested(tmp_path, without_report="keep")
    counts = [len(study["series"]) for study in got.studies if study["report"]]
    assert (got.reasons, counts) == (([expected], []) if isinstance(expected, str) else ([], [expected]))
