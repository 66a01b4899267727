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
    (["IM01.png"], ["IM01.png", "y/im01.PNG"], [0, 0]),
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
