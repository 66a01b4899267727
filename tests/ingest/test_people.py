"""People go from report texts, findings stay, and a signature that is not understood stops its report."""

import sys
import types

import pytest
from films import Ingested, write_csv, write_png
from hypothesis import given
from hypothesis import strategies as st

from docphim.errors import UsageError
from docphim.ingest.names import announced, remove_identities
from docphim.ingest.names.letters import folded, lowered
from docphim.ingest.names.page import opened
from docphim.ingest.names.recogniser import recogniser
from docphim.ingest.names.words import table

#: Findings that hold words which are names elsewhere, and a header that makes them so.
ANATOMY = [
    ("Phúc mạc không dày. Trung thất cân đối.", "TRAN^PHUC TRUNG"),
    ("Tâm thất trái giãn. Thùy trên phổi phải xẹp.", "LE^THUY TAM"),
    ("Vôi hóa mai rùa. Kim loại vùng ngực. Thành ngực bình thường.", "MAI^KIM THANH"),
    ("TRUNG THẤT KHÔNG LỆCH. PHÚC MẠC KHÔNG DÀY.", "TRAN^PHUC TRUNG"),
    ("Trung that can doi. Thuy giua phoi phai xep.", "LE^THUY TRUNG"),
    ("Hồng cầu bình thường. Sơ bộ chưa thấy bất thường.", "HỒ^HỒNG SƠ"),
    ("Bệnh nhân: nam, 67 tuổi, tràn dịch màng phổi phải. Tim to.", "NGUYEN^VAN NAM"),
    ("BN nữ 72 tuổi, đau ngực. Nốt 12-15-18 mm.", ""),
    ("Gãy xương sườn 10-11-12 bên phải. Dải xơ 1/3 giữa.", ""),
    ("Đốt sống D12 - L1 xẹp. Hạch nhóm 4R, 7, 10L. SUVmax 5,2.", ""),
    ("Bác sĩ lâm sàng lưu ý vùng đỉnh phổi phải.", ""),
    ("Điều dưỡng đã thay ống dẫn lưu.", ""),
    ("BN sau mổ ngày thứ 5, chụp lại sau 6 tháng 2 lần.", ""),
    ("BN TÂM THẤT TRÁI GIÃN.", ""),
    ("BỆNH NHÂN HẬU PHẪU NGÀY THỨ 5.", ""),
    ("Tái phân bố tuần hoàn phổi.", "Hồ Kim An"),
    ("BN SAU MỔ NGÀY THỨ 5.", "Sùng Kim Sậu"),
    ("Bệnh nhân: Nam, tràn dịch màng phổi.", ""),
    ("Địa chỉ: tràn dịch màng phổi phải.", ""),
    ("Tăng Đậm Rốn Phổi Hai Bên. Tim To.", ""),
    ("Hình Ảnh Kim Loại Cản Quang.", ""),
    ("Phúc Mạc Bình Thường.", ""),
    ("BN Chuyển Từ Tuyến Dưới.", ""),
    ("Dung Tích Bình Thường.", ""),
    ("Khoa 1: Tim to.", ""),
    ("Khoa: Trung thất rộng.", ""),
    ("PHÒNG 2: ĐÁM MỜ THÙY GIỮA.", ""),
    ("Phòng: 2 nốt vôi.", ""),
    ("Đường Kerley A, B.", ""),
    ("Hở Van Hai Lá.", "NGUYEN VAN HAI"),
    ("PHÂN THÙY 6 MỜ.", "PHAN THÙY DƯƠNG"),
    ("MỜ CẢN QUANG.", "VU QUANG CAN"),
    ("Tim to. Hở van động mạch chủ.", "HO^VAN^DONG"),
    ("HỞ VAN BA LÁ.", "HO^VAN^BA"),
    ("BN hở van hai lá nhẹ.", "HO^VAN^HAI"),
    ("Vỡ thành ngực.", "VO^THANH^NGUC"),
    ("Khí quản lệch, lệ trung thất.", "LE^TRUNG^THAT"),
    ("Mờ LAN TỎA hai phổi.", "MAI LAN TOA"),
    ("Tai nan giao thong. Cap cuu.", "TAI NAN GIAO THONG 3"),
    ("BN vào Cấp Cứu.", "CAP^CUU^12"),
    ("Theo dõi 3 tháng 6 tháng.", ""),
    ("Tái khám sau 6 tháng 12 tháng và 24 tháng.", ""),
    ("Theo dõi 6 - 12 tháng 3 năm.", ""),
    ("Gãy cung sau xương sườn phải 8-9-10, sườn trái 9-10-11, sườn 5, 6, 9-10-11.", ""),
    ("Phân thùy 5-6-10 mờ.", ""),
    ("Lao phổi điều trị 6 tháng từ năm 2019.", ""),
    ("Tái phát ngay hai tháng sau mổ. Hôm 3 tháng nằm viện.", ""),
    ("Phổi sáng, ba tháng hai lần chụp. Màng phổi mỏng 5 tháng trước. Phim 2/2.", ""),
    ("Bệnh nhân nam, 67 tuổi.", "LE^VAN^NAM"),
    ("Mờ ngay 1/3 phổi phải. Phim tối 1/3 dưới. Dẫn lưu tới 10/12 phân thùy.", ""),
    ("Sau 6 tháng 2 nốt không đổi.", ""),
    ("Đọc phim: Tim to.", ""),
    ("ĐỌC PHIM: TĂNG ĐẬM RỐN PHỔI", ""),
    ("ĐỌC PHIM: CAO ÁP PHỔI", ""),
    ("BN Fallot.", ""),
    ("BN Hậu Covid.", ""),
    ("BN Ewing xương sườn.", ""),
    ("BN Bí tiểu.", ""),
    ("BN - Tim to.", ""),
]


@pytest.mark.parametrize(("text", "name"), ANATOMY)
def test_no_finding_is_lost(text, name):
    assert remove_identities(text, [name])[:2] == (text, False)


GONE = [
    ("Tim to.\nBS.CKII. Ung Thị Lành", (), "Tim to."),
    ("Tim to.\nThS.BSNT Lò Văn Pánh", (), "Tim to."),
    ("Đã hội chẩn BSCK2 Hùng.", (), "Đã hội chẩn BSCK2."),
    ("BS1: Hùng - BS2: Mai", (), "BS1: - BS2:"),
    ("BS đọc: Hùng, Mai, Lan. Tim to.", (), "BS đọc. Tim to."),
    ("Tim to.\nDuyệt: Phèo", (), "Tim to."),
    ("Tim to.\nNgười trả KQ: Phèo", (), "Tim to."),
    ("Bệnh nhân - Phèo", (), "Bệnh nhân -"),
    ("Khoa: Tim mạch can thiệp. Tim to.", (), "Tim to."),
    ("phim hoa hai, ha trong da luu", ("HA TRONG HOA HAI",), "phim da luu"),
    ("Clear lungs.\nSigned: Xuan Le MD", (), "Clear lungs."),
    ("Clear lungs.\nXuan Le, radiologist", (), "Clear lungs."),
    ("Chụp 12.03.23, phim 12-Mar-23, 12 tháng ba năm 2023.", (), "Chụp, phim, 2023."),
    ("Tel +1 212 555 0123. Gọi 3822 1234.", (), "Tel. Gọi."),
    ("Phim của Lê Hải Sơn", ("LE HAI SON",), "Phim của"),
    ("BN Hồ Văn Động đau ngực.", ("HO^VAN^DONG",), "BN đau ngực."),
    ("HO VAN DONG, 67T", ("HO^VAN^DONG",), "67T"),
    ("ho van dong, 67 tuoi. tim to.", ("HO^VAN^DONG",), "67 tuoi. tim to."),
    ("phim hồ văn hai", ("HO^VAN^HAI",), "phim"),
    ("Tim to.\nBác sĩ X quang\n(Ký, ghi rõ họ tên)\n\nSùng A Dế", (), "Tim to."),
    ("Tim to. BS CĐHA: Tôn Thất Đoan", (), "Tim to. BS CĐHA:"),
    ("Đã hội chẩn với BS Quàng Thị Xôm khoa Ngoại.", (), "Đã hội chẩn với BS khoa Ngoại."),
    ("Bà Nụ sốt. Ông H'Blơ ho.", (), "Bà sốt. Ông ho."),
    ("Clear lungs.\nDictated by: Edric Farnaby, M.D.", (), "Clear lungs."),
    ("Phim của N.V.K. và nguyenvankhoai", ("Nguyễn Văn Khoái",), "Phim của và"),
    ("Ảnh Nguyen_Van_Khoai", ("NGUYEN^VAN KHOAI",), "Ảnh"),
    ("Phim của Nguy&#7877;n V\u200băn Khoái", ("NGUYEN^VAN KHOAI",), "Phim của"),
    ("Tim to.\nBác sĩ đọc phim\nQuạm Zhưng", (), "Tim to."),
    ("BN TRẦN VĂN LAN VÀO VIỆN", (), "BN VÀO VIỆN"),
    ("Phim của Q\u200euạm Zhư\u202cng Xiêp", ("Quạm Zhưng Xiêp",), "Phim của"),
    ("Gọi +84 912 345 678 hoặc (028) 3822 1234.", (), "Gọi hoặc."),
    ("Thẻ GD4010123456789, CCCD 012 345 678 901.", (), ""),
    ("Chụp 12-03-23 và 20230312, tái khám 12 tháng 3.", (), "Chụp và 2023, tái khám."),
    ("Con bà Thạch Thị Xíu. Tim to.", (), "Con bà. Tim to."),
    ("Tim to. BS Lò Văn Nụ, Ung Thị Lành và BS Sùng A Dế", (), "Tim to. BS, và BS"),
    ("Tim to. Họ tên: K i m  S a  R ê l", (), "Tim to. Họ tên:"),
    ("Ảnh nguyen_van_khoai_1.jpg, tài khoản an.lovan đã duyệt.", (), "Ảnh _1.jpg, tài khoản đã duyệt."),
    ("Họ tên: Sùng Thị Dợ Theo Fleischner 2017.", (), "Theo Fleischner 2017."),
    ("Phim 12 thg 3, 2021, N21 tháng 5 năm 2024, chụp 26/5 vừa rồi.", (), "Phim 2021, 2024, vừa rồi."),
    ("1 | LỤC THỊ OANH | 67", (), "1 | | 67"),
    ("Phim cua Tong  Phuong  Phuc. Duong Kerley B hai day.", ("Tống Phương Phúc",), "Phim cua. Duong Kerley B hai day."),
    ("Benh su: Lo Hong Loan Duong ho sot.", ("LO^HONG LOAN DUONG",), "Benh su: ho sot."),
    ("Phim trước 12-03-21, ngay 12/3, sườn phải 12-03-21, chụp 8h 12/3.", (), "Phim trước, sườn phải, chụp."),
    ("15 tháng 3 nốt to hơn.", (), "nốt to hơn."),
    ("Rút ngày mười hai tháng ba, hôm 30 tháng tư, mồng 5 tháng giêng.", (), "Rút."),
    ("Mổ sáng hai mốt tháng chạp, mùng 2 Tết, rằm tháng bảy.", (), "Mổ."),
    (
        "Trước mổ 28/2 tim to. CN 17/3, xuất viện 02/11. Lúc 12h45' 03/05, 8 giờ 3/5.",
        (),
        "Trước mổ tim to. CN, xuất viện. Lúc.",
    ),
    ("Phim 3/2: tim to. Phim 12/3: tim nhỏ hơn.", (), "tim to. tim nhỏ hơn."),
    ("Zalo Lò Văn Pánh Giãn phế quản.", (), "Zalo Giãn phế quản."),
    ("Tim to.\nĐỌC PHIM: HOA", (), "Tim to."),
    ("Phim do đ/c Sơn đọc.", (), "Phim do đ/c đọc."),
    ("Khám ngày mười hai tháng ba năm 2021.", (), "Khám năm 2021."),
    ("ĐC: 12 Lê Lợi, P. Bến Nghé, Q.1, TP HCM. Tim to.", (), "Tim to."),
    ("Khám tại số nhà 12 đường Hoa Lư phường Đông Quỳ quận Năm Bảy.", (), "Khám tại."),
]


@pytest.mark.parametrize(("text", "names", "expected"), GONE)
def test_people_go(text, names, expected):
    assert remove_identities(text, names)[:2] == (expected, False)


@pytest.mark.parametrize("entry", [*table("signers"), *table("degrees")])
def test_every_title_takes_its_name_out(entry):
    for typed in (entry, entry.upper()):
        assert "Hùng" not in remove_identities(f"Tim to.\n{typed} Hùng").text


@pytest.mark.parametrize("run", ["x", "1", "a1", "a_", "a.", "A.", "1-", "0(", "12/", "N-", "bs ", "6-7-10 "])
def test_long_runs_come_to_an_end(run):
    assert remove_identities(run * 10_000 + " a@b.vn", ["NGUYEN VAN AN"], ["HS12345"]).removed


#: What may be a name and may be a word of reports, by what makes it doubtful.
DOUBTFUL = {
    "a signature that no rule knows": ["Tim to.\nBS zhuqxw", "Tim to.\nNgười ký: xkwpt", "Tim to.\nZhuq Xwalb"],
    "a word of reports behind a title": [
        "KTV Chấn",
        "BN Xoan",
        "ÔNG XEN ĐÃ MỔ",
        "Đã báo bác sĩ Khoa.",
        "ông xiên sốt",
        "KTV CHẤN",
    ],
    "a word of reports behind kin": [
        "Co Phanh xem lai",
        "CÔ CẢI XEM LẠI",
        "theo lời cô hậu, bn ngã",
        "BA NHAN SOT",
        "bà nam ho",
    ],
    "the rest of a name": [
        "BỆNH NHÂN SÙNG THANH KHO ĐAU NGỰC",
        "BN LÊ ĐỨC DŨNG LAN VÀO VIỆN",
        "So sanh phim Deo Manh Khoi Ma nam 2019.",
        "HỌ TÊN: Y BHĂM NIÊ TIM, PHỔI BÌNH THƯỜNG",
        "CON BÀ BẾ KIM VY HANG",
        "KÝ SỐ: ĐẶNG GIA LONG AN",
        "bs hoa/siên",
        "ĐẶNG TRẦN HỒNG HOA - 67T",
    ],
    "a finding in a name": ["BN Trung Hải Tim To", "Ông Sơn Tim To"],
    "a name alone": [
        "QUÀNG BẢO HỌC 67T",
        "[10:32] KIM ĐỨC THEN: CA NÀY TRÀN DỊCH",
        "SO SÁNH PHIM LẠI XUÂN ÚT NĂM 2019.",
        "DO QUOC BAN - TRUONG KHOA CDHA",
        "MA HỒNG LAN ĐÃ GỬI MỘT ẢNH QUA MẠNG HÔM NAY.",
        "Kết luận: tim to.\nKính thư,\nBọc",
        "Tim to.\nQuýnh Thoảng",
        "Kết luận: tim to.\nKính thư,\nHoành",
    ],
    "a label's value": ["ho ten: mua ba oanh", "họ tên: pavelko phommavanh"],
    "a place": ["ĐẾN TỪ XÃ HUNG CUNG, HUYỆN CAN."],
    "somebody from elsewhere": ["Bệnh nhân người Lào Somphetra Zelenchuk sốt."],
    "initials in small letters": ["bs v. p. bem"],
    "one case without accents": [
        "vo kim trieu duoc chup lai.",
        "TRA THE GOC (DT: 0942 334 668)",
        "chong ten ta.",
        "chau ngoai ong tham.",
        "anh dieu va chi khen cung ho.",
        "co hoanh xem lai giup.",
        "DEN TU XA CAN NON, HUYEN GOI.",
        "nha o so 978 nganh bam, phuong tung.",
        "phim de ten nong thanh long thanh.",
        "kip doc: nguy gia tuan buon, ca thu chu",
        "bscki dang tran thu vuong son",
        "BENH NHAN: DANG TRAN THI MINH",
        "bs: do kim dung - hoang van dong",
        "con trai thach di cung.",
        "mr marisoleta grudnikov, 45 tuoi",
        "ho ten: chau thanh mai",
        "ktv nho",
        "Zalo Nguyễn Hòa Phổi Sáng Đều",
        "tran binh ky ten",
        "nguyen van hai la benh nhan cu",
    ],
}


@pytest.mark.parametrize("text", [text for texts in DOUBTFUL.values() for text in texts])
def test_what_may_be_a_name_and_is_not_understood_is_doubted(text):
    assert remove_identities(text).doubtful


@pytest.mark.parametrize(
    ("text", "name", "left"),
    [
        ("ho van hai la nhe", "HO^VAN^HAI", ""),
        ("Tim to. Ho van dong mach chu.", "HO^VAN^DONG", ""),
        ("Tăng sinh mạch.", "TANG SINH MACH", ""),
        ("bn tran dich mang phoi phai", "TRAN^DICH", ""),
        ("Cháu nắng chụp lại phim.", "LE^THI^NANG", ""),
        ("Xếp ho, xẹp phổi.", "Lò Thị Xếp", ""),
        ("bn ho van hai la nhe", "HO^VAN^HAI", "bn la nhe"),
    ],
)
def test_what_may_be_a_known_name_or_a_finding_is_doubted_and_stays_but_behind_a_title(text, name, left):
    assert remove_identities(text, [name])[:2] == (left or text, True)


#: What reports say behind titles: in any typing it stays, and raises no doubt.
SAID_OF_PEOPLE = [
    "BN phù hai chi dưới.",
    "Bệnh nhân ung thư vú phải đã xạ trị.",
    "BN hen phế quản từ nhỏ.",
    "Bố trí ống dẫn lưu hợp lý.",
    "Cô đặc dịch màng phổi.",
    "KTV đã hướng dẫn nín thở.",
    "Đề nghị bác sĩ lâm sàng đối chiếu.",
    "Điều dưỡng hỗ trợ giữ tư thế.",
    "BN Basedow đang điều trị.",
]


@pytest.mark.parametrize("typed", [str, str.upper, str.lower])
@pytest.mark.parametrize("text", SAID_OF_PEOPLE)
def test_what_reports_say_of_patients_and_doctors_stays(text, typed):
    assert remove_identities(typed(text))[:2] == (typed(text), False)


@pytest.mark.parametrize(
    "text",
    [
        "BN CHAY THAN NHAN TAO CHU KY.",
        "benh nhan co tien su lao, dang dieu tri.",
        "ba not mo thuy tren. ho van hai la.",
        "S I Ê U  Â M  T I M",
        "CHUYỂN TỪ BỆNH VIỆN QUẬN THEO YÊU CẦU.",
    ],
)
def test_what_only_looks_like_a_title_a_name_or_an_address_stays(text):
    result = remove_identities(text)
    assert result.text.split() == text.split() and not result.doubtful


@pytest.mark.parametrize(
    "text",
    [
        "Discussed with the ordering physician. Normal heart.",
        "PATIENT DENIES TRAUMA.",
        "Dr. on call was notified.",
        "Nodule seen on 2/3 views, on 1.5 magnification.",
    ],
)
def test_what_english_reports_say_of_patients_and_doctors_stays(text):
    assert remove_identities(text, language="en")[:2] == (text, False)


def test_behind_mister_nam_is_a_name_and_no_sex():
    assert remove_identities("Mr. Nam was notified.", language="en").text == "Mr. was notified."


def test_two_strangers_in_an_english_report_are_doubted():
    assert remove_identities("Seen along: Fenella Inglewood 10:22", language="en").doubtful


def test_what_was_taken_out_is_counted_by_kind():
    removed = remove_identities("Họ tên: Lò Văn Pánh\nBS Lò Thị Nụ gọi 0912345678 ngày 12/3/2023").removed
    assert removed["name"] >= 2 and removed["number"] == 1 and removed["date"] == 1


def test_a_field_announces_as_much_as_is_a_name():
    assert announced("Bệnh nhân: nam, tràn dịch") == ([], [])
    assert announced("Họ tên: Lò Văn Pánh Nghề nghiệp: nông dân") == (["Lò Văn Pánh"], [])
    assert announced("HỌ TÊN: LÒ VĂN PÁNH   MBN: BN 0012345") == (["LÒ VĂN PÁNH"], ["BN 0012345"])


@given(st.text())
def test_letters_keep_their_places(text):
    assert len(folded(text)) == len(lowered(text)) == len(text)
    assert opened(opened(text)) == opened(text) or "&" in text or "\\u" in text


def report(tmp_path, text, **options):
    write_png(tmp_path / "source/a.png")
    write_png(tmp_path / "source/b.png", 1)
    write_csv(tmp_path / "source/r.csv", ["id", "findings"], ["a", text], ["b", "Hai phổi sáng."])
    got = Ingested(tmp_path, **options)
    texts = [study["report"]["sections"]["findings"] for study in got.studies]
    return sorted(texts), [row["reason"] for row in got.rejected]


def test_a_doubtful_report_is_refused_unless_the_recipe_keeps_it(tmp_path):
    text = "Tim to.\nBS zhuqxw"
    assert report(tmp_path / "1", text) == (["Hai phổi sáng."], ["identity_doubtful"])
    assert report(tmp_path / "2", text, doubtful="keep") == (["Hai phổi sáng.", text], [])


#: Rows about one film, (table's header, its rows, a document beside it), that name somebody elsewhere than in the report.
ELSEWHERE = {
    "a blank report beside a document": (
        ["id", "Họ tên", "findings"],
        [["a", "Đỗ Thị Hoài Cát", ""]],
        "Mô tả: Tim to. Hoài Cát hít kém.",
    ),
    "the doctor's cell beside a document": (
        ["id", "Bác sĩ", "findings"],
        [["a", "Quàng Văn Dếnh", ""]],
        "Mô tả: Tim to. Văn Dếnh đã xem.",
    ),
    "a name in the first row": (
        ["id", "Họ tên", "findings"],
        [["a", "Sùng Thị Xíu", "Tim to."], ["a", "", "Tim to. Thị Xíu hít kém."]],
        "",
    ),
    "a name in the second row": (
        ["id", "Họ tên", "findings"],
        [["a", "", "Tim to. Ksor Pleng hít kém."], ["a", "Ksor Pleng", "Phổi sáng."]],
        "",
    ),
    "a second doctor": (
        ["id", "Bác sĩ", "findings"],
        [["a", "Lò Văn Nụ", "Tim to."], ["a", "Thạch Sol", "Phổi sáng, Thạch Sol hội chẩn."]],
        "",
    ),
    "a letterhead in another cell": (
        ["id", "findings", "impression"],
        [["a", "Tim to. Dợ hít kém.", ""], ["a", "Phổi sáng.", "Họ tên: Giàng Thị Dợ"]],
        "",
    ),
    "a number in another row": (["id", "patient", "findings"], [["a", "7731904", ""], ["a", "", "Tim to. Mã 7731904."]], ""),
}


@pytest.mark.parametrize("rule", ["refused", "last", "joined"])
@pytest.mark.parametrize("kind", ELSEWHERE)
def test_whom_any_row_or_document_of_a_study_names_goes_from_its_report(tmp_path, kind, rule):
    header, rows, document = ELSEWHERE[kind]
    write_png(tmp_path / "source/a.png")
    write_png(tmp_path / "source/b.png", 1)
    write_csv(tmp_path / "source/r.csv", header, *rows, ["b", *[""] * (len(header) - 2), "Hai phổi sáng."])
    if document:
        (tmp_path / "source/a.txt").write_text(document, encoding="utf-8")
    got = Ingested(tmp_path, rows=rule, doubtful="keep")
    text = str([study["report"] for study in got.studies])
    assert "Hai phổi sáng." in text
    assert not any(part in text for part in ("Hoài", "Cát", "Dếnh", "Xíu", "Pleng", "Sol", "Dợ", "7731904"))
    assert rule == "refused" or len(got.studies) == 2


def test_published_sources_keep_their_texts_unless_told(tmp_path):
    text = "Tim to. BS Lò Thị Nụ"
    assert report(tmp_path / "1", text, ids="keep")[0][1] == text
    assert "Nụ" not in report(tmp_path / "2", text, ids="keep", deidentify=True)[0][1]


def test_a_recogniser_reads_beside_the_rules_and_takes_no_words_of_reports(monkeypatch):
    def ner(line):
        return [("Zhuq Xwalb", "Np", "B-NP", "B-PER"), ("BN", "Np", "B-NP", "B-PER"), ("Hà Nội", "Np", "B-NP", "B-LOC")]

    monkeypatch.setitem(sys.modules, "underthesea", types.SimpleNamespace(ner=ner))
    recogniser.cache_clear()
    text = "Ghi nhận của Zhuq Xwalb, BN từ Hà Nội."
    assert remove_identities(text).text == text
    assert remove_identities(text, recogniser="underthesea").text == "Ghi nhận của, BN từ Hà Nội."
    recogniser.cache_clear()


def test_the_library_itself_knows_a_name():
    pytest.importorskip("underthesea")
    text = "Mô tả: phim do Hồ Thị Nở gửi, bóng tim to."
    assert "Nở" not in remove_identities(text, recogniser="underthesea").text


def test_a_recogniser_that_is_not_there_names_its_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "underthesea", None)
    recogniser.cache_clear()
    with pytest.raises(UsageError, match=r"docphim\[deid\]"):
        report(tmp_path, "Tim to.", recogniser="underthesea")
    with pytest.raises(UsageError, match="known: underthesea"):
        report(tmp_path, "Tim to.", recogniser="other")
