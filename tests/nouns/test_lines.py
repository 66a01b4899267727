"""Rows of JSON lines, CSV and TSV: what is a row, and what is refused by its line's number."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim.errors import Refused
from docphim.lines import rows


def write(path, text):
    path.write_bytes(text.encode())
    return path


VALID = [
    ("p.csv", 'id,reference,prediction\ns1,"Bóng tim to.\nTim, phổi, trung thất bình thường.",x\n'),
    ("p.csv", 'id,reference,prediction\ns1,"a","Phổi sáng.\nTim, to, rõ."\n'),
    ("p.csv", 'id,reference,prediction\n12,"Nốt:\n2,5 x 3,1 cm",x\n'),
    ("p.csv", 'id,text\n7,"Khối mờ.\n2,5 cm"\n'),
    ("p.csv", 'id,reference,prediction\ns1,"Phim.\nTim,phổi,trung thất bình thường.",x\n'),
    ("p.csv", 'id,text\nCXR-1,"Tim.\nPhổi, xương."\n'),
    ("p.csv", 'id,reference,prediction,patient\ns1,"Tim.\na1, b, c, d",x,p\n'),
    ("p.tsv", 'id\treference\tprediction\ns1\t"Tim.\ns2,a,b"\tx\n'),
    ("p.csv", 'reference,prediction,id\n"Tim.\nTim,phổi,xương",x,s1\n'),
]


@pytest.mark.parametrize(("name", "text"), VALID, ids=range(len(VALID)))
def test_a_report_of_several_lines_may_have_as_many_commas_as_it_likes(tmp_path, name, text):
    read = list(rows(write(tmp_path / name, text), name))
    cells = next(row for row in list(csv.reader(io.StringIO(text), delimiter="\t" if name == "p.tsv" else ","))[1:])
    assert [list(row.values()) for _, row in read] == [cells]


ASTRAY = [
    ("p.csv", 'id,reference,prediction\na,b,"c\nd,e,f\ng,h,i"\n'),
    ("p.csv", 'id,reference,prediction\ns1,b,"c\ns20,e,f\ns3,h,i"\n'),
    ("p.csv", 'id,text\nCXR-0001,"Tim.\nCXR-0002,Phổi.\nCXR-0003,Xương."\n'),
    ("p.tsv", 'id\treference\tprediction\ns1\tb\t"c\ns2\te, f\tg\ns3\th\ti"\n'),
    ("p.csv", 'reference,prediction,id\n"Tim.,Tim.,s1\nPhổi.,Phổi.,s2\nXương.",Xương.,s3\n'),
]


@pytest.mark.parametrize(("name", "text"), ASTRAY, ids=range(len(ASTRAY)))
def test_a_quote_astray_that_swallowed_rows_is_refused(tmp_path, name, text):
    with pytest.raises(Refused, match=r"^pairs_unreadable: pairs: line \d has a cell that holds other rows: a quote is astray"):
        list(rows(write(tmp_path / name, text), "pairs"))


@pytest.mark.parametrize("name", ["p.csv", "p.tsv"])
def test_a_column_that_stands_twice_is_refused_and_columns_without_a_name_are_not(tmp_path, name):
    sign = "," if name == "p.csv" else "\t"
    with pytest.raises(Refused, match="line 1 has two columns 'prediction'"):
        list(rows(write(tmp_path / name, sign.join(["id", "prediction", " prediction"]) + "\n"), name))
    assert list(rows(write(tmp_path / name, f"id{sign}{sign}\na{sign}{sign}\n"), name)) == [(2, {"id": "a", "": ""})]


@pytest.mark.parametrize("reason", ["pairs_unreadable", "texts_unreadable"])
def test_a_file_is_refused_under_the_name_and_reason_of_who_reads_it(tmp_path, reason):
    with pytest.raises(Refused, match=r"^file_missing: drafts"):
        list(rows(tmp_path / "none.csv", "drafts", reason))
    for raw, why in ((b'{"id": 1}\n{', "line 2 is not JSON"), (b'{"id": 1}\n\xe6\n', "line 2 is not UTF-8")):
        path = tmp_path / "d.jsonl"
        path.write_bytes(raw)
        with pytest.raises(Refused, match=f"^{reason}: drafts.*{why}"):
            list(rows(path, "drafts", reason))
    with pytest.raises(Refused, match=f"^{reason}: drafts.*the file cannot be read"):
        list(rows(tmp_path, "drafts", reason))


@given(st.lists(st.text(alphabet='abé ,"\n2', max_size=12), min_size=1, max_size=4))
def test_what_a_csv_writer_wrote_is_read_as_it_was(texts):
    import tempfile
    from pathlib import Path

    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["id", "text"])
    writer.writerows([f"S-{i}", text] for i, text in enumerate(texts))
    with tempfile.TemporaryDirectory() as folder:
        read = [row for _, row in rows(write(Path(folder) / "d.csv", table.getvalue()), "d")]
        lines = "".join(json.dumps({"id": f"S-{i}", "text": text}) + "\n" for i, text in enumerate(texts))
        assert read == [row for _, row in rows(write(Path(folder) / "d.jsonl", "\ufeff" + lines), "d")]
