"""The page as a file: whole, closed to the outside, within its size, and the same text that the run wrote, never run."""

import re
from html.parser import HTMLParser

import pytest
import yaml

from docphim.errors import REASONS, Refused, UsageError
from docphim.files import read_json, read_jsonl, write_json, write_jsonl
from docphim.page import page

DRAFT = "BẢN NHÁP DO MÁY TẠO – CHƯA ĐƯỢC BÁC SĨ DUYỆT. Không dùng để chẩn đoán."
VOID = {"meta", "link", "img", "br", "wbr", "input"}


class Reader(HTMLParser):
    """Collects elements and addresses; every end tag must close the tag that is open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.counts: dict[str, int] = {}
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        given = dict(attrs)
        assert not [name for name in given if name.startswith("on") or name == "style"]
        self.addresses += [given[name] or "" for name in ("src", "href", "srcset", "action", "poster", "data") if name in given]
        self.ids += [given["id"]] if "id" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def written(made, **settings):
    page(made.dataset, made.run, **{"megabytes": 8, "studies": 4, **settings})
    return (made.run / "index.html").read_text(encoding="utf-8")


def parsed(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return reader


WHOLE = {"studies": 32}
VARIANTS = {
    "findings": {},
    "impression": {"tasks": ("impression",)},
    "dialogue": {"tasks": ("dialogue",)},
    "two tasks": {"tasks": ("findings", "impression")},
    "no truth, no ceiling": {"truth": False, "ceiling": False},
    "fewer than 30 studies": {"studies": 8},
    "no validation": {"validation": False},
    "blind": {"blind": True},
    "one study": {"studies": 1},
    "does not read": {"reads": False},
    "no facts": {"facts": False},
    "with the dataset's tables": {"stats": True},
}


@pytest.mark.parametrize("knobs", VARIANTS.values(), ids=VARIANTS)
def test_every_kind_of_run_gives_a_whole_page(make, knobs):
    reader = parsed(written(make(**{**WHOLE, **knobs})))
    assert len(reader.ids) == len(set(reader.ids))
    assert {"answer", "scores", "studies", "training", "data", "recipe"} <= set(reader.ids)
    assert not [text for text in reader.text if re.search(r"\{\w*\}|Undefined|None\b", text)]


@pytest.mark.parametrize(
    "absent",
    ["run/log.jsonl", "run/recipe.yaml", "run/scores.json", "run/predictions.jsonl", "data/leaks.json", "data/rejected.jsonl"],
)
def test_a_page_is_made_without_a_part(make, absent):
    made = make(studies=6)
    place, _, name = absent.partition("/")
    ((made.run if place == "run" else made.dataset) / name).unlink()
    parsed(written(made))


def test_a_film_that_cannot_be_opened_leaves_its_study_readable(make):
    made = make(studies=4)
    films = sorted((made.dataset / "prepared").glob("*.b2nd"))
    films[0].unlink()
    for film in films[1:]:
        film.write_bytes(b"no film")
    html = written(made)
    assert "Không mở được phim" in html
    assert parsed(html).counts.get("img", 0) == 0


def test_films_that_were_exchanged_are_named_and_not_shown(make):
    made = make(studies=4, grain=0.01)
    films = sorted((made.dataset / "prepared").glob("*.b2nd"))
    contents = [film.read_bytes() for film in films]
    for film, content in zip(films, contents[1:] + contents[:1], strict=True):
        film.write_bytes(content)
    with pytest.raises(Refused, match="file_changed"):
        written(made)


def test_the_draft_mark_stands_in_both_languages_before_everything_else(make):
    html = written(make(studies=4))
    assert DRAFT in html
    assert html.index(DRAFT) < html.index("Not for diagnosis") < html.index("<h1>")


def test_burned_in_text_is_announced_but_on_phantoms(make, make_in, tmp_path):
    html = written(make(studies=4, truth=False))
    assert "CHƯA được xóa" in html
    assert "NOT removed yet" in html
    phantoms = written(make_in(tmp_path / "phantoms", studies=4))
    assert "NOT removed yet" not in phantoms
    assert "not films of real patients" in phantoms


def seen(made, facts):
    """Say of every film what was found on it."""
    index = made.dataset / "prepared" / "index.jsonl"
    write_jsonl(index, [row | {"how": {"burned_in": facts(n)}} for n, row in enumerate(read_jsonl(index))])


def test_masked_text_is_announced_counted_and_listed(make):
    made = make(studies=4, truth=False)
    seen(made, lambda n: {"rule": "mask", "texts": [[1, 2, 3, 4]] if n == 0 else [], "markers": []})
    html = written(made)
    assert "looked for by machine on all 16 films and masked on 1" in html
    assert "NOT removed yet" not in html
    assert "films with text that was masked" in html and "films not looked through" not in html
    study = next(read_jsonl(made.dataset / "prepared" / "index.jsonl"))["study"]
    assert f'<p class="ids"><code>{study}</code> </p>' in html
    parsed(html)


def test_text_that_was_left_is_announced(make):
    made = make(studies=4, truth=False)
    seen(made, lambda n: {"rule": "keep", "texts": [[1, 2, 3, 4]] if n < 3 else [], "markers": []})
    assert "stands on 3 of 16 films and was LEFT" in (html := written(made))
    assert "taken for wires" not in html


def test_wires_that_were_left_are_announced_beside_what_was_masked(make):
    made = make(studies=4, truth=False)
    seen(made, lambda n: {"rule": "mask", "texts": [], "markers": [], "wires": [[1, 2, 3, 4]] if n < 2 else []})
    html = written(made)
    assert "On 2 films some marks were taken for wires" in html and "masked on 0" in html


def test_one_film_that_was_not_looked_through_is_enough_to_say_so(make):
    made = make(studies=4, truth=False)
    seen(made, lambda n: {"rule": "mask", "texts": [], "markers": []} if n else None)
    assert "NOT removed yet" in written(made)


def judge_row():
    def score(value):
        return {"value": value, "low": value - 3, "high": value + 3, "n": 38}

    kappa = {"kappa": {"value": 0.61, "low": 0.5, "high": 0.7}, "ac1": {}, "observed": 0.8, "n": 150, "left_out": 4}
    nothing = {"kappa": {"value": None, "low": None, "high": None, "why": "nothing"}, "ac1": {}, "observed": None, "n": 0}
    scores = {"f1": score(61.5), "precision": score(66.2), "recall": score(57.4), "f1_macro": score(60.0)}
    other = {key: {"value": None, "low": None, "high": None, "n": 0} for key in scores}
    return {
        **scores,
        "model": "judge<b>",
        "prompt": "0123abcd",
        "n": 38,
        "failed": 2,
        "failures": {},
        "kappa": {"reference": kappa, "prediction": nothing},
        "floors": {"constant": scores},
        "reliance": {"other": other},
    }


def test_a_judge_is_shown_where_there_is_one(make):
    made = make(studies=40)
    assert "A language model as judge" not in written(made)
    scores = read_json(made.run / "scores.json")
    scores["by_task"]["findings/test"]["judge"] = judge_row()
    write_json(made.run / "scores.json", scores)
    html = written(made)
    assert html.count("A language model as judge") >= 2
    assert "judge&lt;b&gt; judged 38 reports, 2 failed." in html
    assert "61.5" in html
    assert "κ = <b>" in html
    assert "κ has no value" in html
    assert html.count("150 sentences of the references") == 1


def test_a_study_that_the_dataset_does_not_know_is_not_called_synthetic(make):
    made = make(studies=4)
    (made.dataset / "studies.jsonl").write_text("", encoding="utf-8")
    assert "not films of real patients" not in written(made)


def test_a_signature_stands_once_for_the_scores_that_share_it(make):
    html = written(make(studies=40))
    assert html.count("<code>docphim:KEY|<wbr>norm:nfc|<wbr>n:40</code>") == 1


def test_nothing_is_fetched_from_outside(make):
    reader = parsed(written(make()))
    assert reader.addresses
    assert {a[:5] for a in reader.addresses} <= {"data:"} | {a[:5] for a in reader.addresses if a.startswith("#")}
    assert not {"iframe", "object", "embed", "base", "form", "video"} & set(reader.counts)


def test_the_policy_lets_in_only_the_page_itself(make):
    html = written(make(studies=4))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html).group(1)
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert policy.count("sha256-") == 2


PLANTED = ' <script>document.title="run"</script><img src=x onerror="alert(1)"> {{ 7 * 7 }} </p> & "'


def test_markup_in_a_report_is_shown_not_run(make):
    html = written(make(studies=4, planted=PLANTED))
    reader = parsed(html)
    assert reader.counts["script"] == 1
    assert "x" not in reader.addresses
    shown = "".join(reader.text)
    assert '<script>document.title="run"</script>' in shown
    assert "{{ 7 * 7 }}" in shown


def test_nothing_in_a_report_turns_its_letters_round(make):
    html = written(make(studies=4, planted=" \u202ephải\u2066 "))
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", html)
    assert "\ufffdphải" in html
    # What a reader marks is kept as the model wrote it.
    assert re.search(r"data-text='[^']*\\u202eph", html)


@pytest.mark.parametrize("megabytes", [0.8, 1.5])
def test_a_page_of_many_large_films_keeps_its_size(make, megabytes):
    made = make(studies=12, film=(900, 760), grain=0.12)
    html = written(made, megabytes=megabytes, studies=4)
    assert len(html.encode()) <= megabytes * 1_000_000
    assert parsed(html).counts["img"] > 5


def test_studies_are_left_out_and_counted_when_small_films_are_still_too_much(make):
    made = make(studies=12, film=(900, 760), grain=0.12)
    html = written(made, megabytes=0.4, studies=8)
    assert len(html.encode()) <= 400_000
    assert "để trang không quá" in html


def test_long_reports_are_shortened_and_say_so(make):
    html = written(make(studies=4, planted=" Phổi sáng." * 1_500), megabytes=1)
    assert len(html.encode()) <= 1_000_000
    assert "cắt bớt cho vừa trang" in html


def test_a_size_that_nothing_fits_is_refused_with_the_setting_s_name(make):
    made = make(studies=4)
    with pytest.raises(UsageError, match=r"page\.megabytes"):
        written(made, megabytes=0.01)
    assert not (made.run / "index.html").exists()


def test_no_path_of_the_source_reaches_the_page(make):
    made = make(studies=4, recipe={"model": {"family": "llava", "weights": "/srv/NGUYEN-VAN-AN/llava", "image_size": 112}})
    html = written(made)
    assert "NGUYEN-VAN-AN" not in html
    assert str(made.dataset) not in html


def test_an_answer_that_was_cut_is_marked(make):
    made = make(studies=8)
    assert "bị cắt: hết số chữ" in written(made)
    rows = [{**row, "finish": "stop"} for row in read_jsonl(made.run / "predictions.jsonl")]
    write_jsonl(made.run / "predictions.jsonl", rows)
    assert "bị cắt: hết số chữ" not in written(made)


def test_no_interval_is_printed_below_thirty_studies(make):
    few, enough = (written(make(studies=n, truth=False)) for n in (8, 32))
    assert 'class="interval">–</span>' in few
    assert not re.search(r"\[[−\d]+,\d+; ", few)
    assert "dưới 30 người bệnh không in khoảng tin cậy" in few
    assert re.search(r"\[[−\d]+,\d+; ", enough)


def test_numbers_have_a_decimal_comma_in_vietnamese_and_a_point_in_english(make):
    html = written(make())
    assert '<span class="vi" lang="vi">74,6</span><span class="en" lang="en">74.6</span>' in html


def test_the_answer_on_another_film_stands_with_that_film(make):
    html = written(make(studies=4))
    assert "Máy viết gì khi đưa phim người khác" in html
    assert parsed(html).counts["img"] == 8


def test_equal_inputs_give_equal_pages(make):
    made = make(studies=6)
    assert written(made) == written(made)


def test_rejections_are_explained_in_both_languages(make):
    html = written(make(studies=4))
    assert "phim nghiêng hoặc chếch" in html
    assert REASONS["view_out_of_scope"] in html


def test_films_whose_pixels_tell_nothing_are_counted_and_listed(make):
    made = make(studies=4)
    assert "nên xem lại" not in written(made)
    path = made.dataset / "prepared" / "index.jsonl"
    rows = list(read_jsonl(path))
    rows[0]["how"], rows[1]["how"] = {"unchecked": ["polarity", "position"]}, {"unchecked": ["position"]}
    write_jsonl(path, rows)
    html = written(made)
    assert "2 phim được nhận mà điểm ảnh không cho biết phim có đặt đúng chiều (2) hay có bị âm bản (1)" in html
    assert all(f"<code>{row['study']}</code>" in html for row in rows[:2])


def test_the_recipe_is_shown_whole_but_for_paths(make):
    made = make(studies=4)
    shown = re.search(r'<pre class="yaml">(.*?)</pre>', written(made), re.DOTALL).group(1)
    recipe = yaml.safe_load((made.run / "recipe.yaml").read_text(encoding="utf-8"))
    recipe["source"]["path"] = "…"
    assert yaml.safe_load(shown.replace("&#39;", "'")) == recipe


def test_films_are_called_synthetic_only_when_every_film_shown_is(make):
    notice = "không phải phim của người bệnh thật"
    made = make(**WHOLE)
    assert notice in written(made)
    shown = {row["study"] for row in read_jsonl(made.run / "predictions.jsonl")}
    rows = [{**row, "truth": None} if row["id"] in shown else row for row in read_jsonl(made.dataset / "studies.jsonl")]
    write_jsonl(made.dataset / "studies.jsonl", rows)
    assert any(row["truth"] for row in rows), "the model was trained on phantoms"
    assert notice not in written(made)


def test_fact_f1_stands_first_beside_its_floors_and_wrong_films(make):
    html = written(make(**WHOLE))
    answer = html[html.index('<section id="answer"') : html.index('<section id="scores"')]
    assert "68,7" in answer
    assert answer.index("F1 theo ý, thang") < answer.index("Phim người khác") < answer.index("Theo phim giống nhất</tspan>")
    assert "Trong 100 ý máy viết có 71,2 ý đúng" in answer
    assert "Bản nháp khác báo cáo gốc thế nào: 101 ý" in answer


def test_errors_to_act_on_are_counted_and_lead_to_their_studies(make):
    html = written(make(**WHOLE))
    answer = html[html.index('<section id="answer"') : html.index('<section id="scores"')]
    assert "Lỗi cần sửa: 1,2 mỗi báo cáo" in answer and "Dương tính giả" in answer and "Bỏ sót" in answer
    leads = set(re.findall(r'href="#study-([^"]+)"', answer))
    assert leads and leads <= set(re.findall(r'<article class="study" id="study-([^"]+)"', html))
    assert re.search(r"tràn khí.*?<td>6</td><td><b>2</b></td><td>5</td><td><b>1</b></td>", answer, re.DOTALL)


def test_what_is_wrong_is_told_by_colour_by_line_and_in_words(make):
    html = written(make(**WHOLE))
    for kind in ("right", "wrong", "missing", "hallucinated"):
        assert f'<mark class="fact {kind}" data-line=' in html
    assert re.search(
        r'<sup class="kind wrong" data-line="\d+">\d+ <span class="vi" lang="vi">sai (bên|mức độ|có/không)</span>', html
    )
    assert re.search(r'class="fact-counts"><span class="vi" lang="vi">\d đúng</span>', html)
    assert "So từng chữ" in html


def test_a_run_without_facts_is_compared_word_by_word(make):
    html = written(make(**WHOLE, facts=False))
    assert '<mark class="fact' not in html
    assert '<del class="differ">' in html
    assert "ROUGE-L, thang 0–100" in html[: html.index('<section id="scores"')]


def test_labels_unknown_words_and_the_dataset_s_tables_are_shown(make):
    assert "Cơ quan hay được nói tới" not in written(make(**WHOLE))
    html = written(make(**WHOLE, stats=True))
    assert "Cơ quan hay được nói tới" in html
    assert "khoảng (5), chỉ (3)" in html
    assert "Từng nhãn của phantom" in html
    assert "sai bên 2, sai có/không 5" in html
