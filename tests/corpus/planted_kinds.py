"""Kinds of identifiers as they stand in reports, one function a kind; `KINDS` lists them.

Each gives where the words stand (`head`, `body`, `signature`), the words, what of them is secret, and what is known already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from invented_people import GIVEN, Person, bare, person, syllable


@dataclass(frozen=True, slots=True)
class Plant:
    """Words of a report that give somebody away.

    Attributes
    ----------
    place : str
        `head`, `body` or `signature`.
    text : str
        The words as they stand in the report.
    words, digits : tuple of str
        What must not be left: words of names (or names glued), and numbers as they are written.
    names, numbers : tuple of str
        What header and table know.
    """

    place: str
    text: str
    words: tuple[str, ...] = ()
    digits: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


Kind = Callable[[Random, Person], Plant]
KINDS: dict[str, Kind] = {}


def kind(function: Kind) -> Kind:
    """List a kind under its function's name."""
    KINDS[function.__name__] = function
    return function


def dicom(p: Person) -> str:
    return f"{bare(p.family)}^{bare(p.middle)} {bare(p.given)}".upper()


# What header and table know.


@kind
def known_in_a_sentence(rng: Random, p: Person) -> Plant:
    text = rng.choice(["Phim của {}, tư thế thẳng.", "{} nhập viện vì khó thở.", "Kết quả của {} đã trả."]).format(p.name)
    return Plant("body", text, p.words, names=(p.name,))


@kind
def known_without_accents(rng: Random, p: Person) -> Plant:
    return Plant("body", f"Phim cua {bare(p.name)} chup lan 2.", p.words, names=(p.name,))


@kind
def known_only_by_the_header(rng: Random, p: Person) -> Plant:
    return Plant("body", f"Phim của {p.given} {p.family} {p.middle}.", p.words, names=(dicom(p),))


@kind
def known_initials(rng: Random, p: Person) -> Plant:
    letters = [bare(w)[0] for w in p.words]
    text = rng.choice([".".join(letters) + ".", ". ".join(letters) + "."])
    return Plant("body", f"Bệnh nhân {text} được chụp lại.", (text.replace(" ", "").strip("."),), names=(p.name,))


@kind
def known_glued(rng: Random, p: Person) -> Plant:
    glued = "".join(bare(w) for w in p.words)
    glued = rng.choice([glued, glued.lower()])
    return Plant("body", f"File ảnh {glued} đã lưu.", (glued,), names=(p.name,))


@kind
def known_underscored(rng: Random, p: Person) -> Plant:
    joint = rng.choice("_-.")
    joined = joint.join(bare(w) for w in p.words)
    return Plant("body", f"Ảnh {rng.choice([joined, joined.lower()])} đã lưu.", p.words, names=(p.name,))


@kind
def known_with_invisible_signs(rng: Random, p: Person) -> Plant:
    sign = rng.choice("\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u202c")
    name = " ".join(w[:1] + sign + w[1:] for w in p.words)
    return Plant("body", f"Phim của {name} tư thế thẳng.", p.words, names=(p.name,))


@kind
def known_in_entities(rng: Random, p: Person) -> Plant:
    name = "".join(c if c.isascii() else f"&#{ord(c)};" for c in p.name)
    return Plant("body", f"Phim của {name} tư thế thẳng.", p.words, names=(p.name,))


@kind
def known_in_capitals(rng: Random, p: Person) -> Plant:
    return Plant("body", f"Phim của {p.name.upper()} tư thế thẳng.", p.words, names=(p.name,))


@kind
def known_number(rng: Random, p: Person) -> Plant:
    digits = "00" + p.digits[:6]
    written = rng.choice([digits, digits.lstrip("0"), f"{digits[2:5]} {digits[5:]}", f"{digits[2:5]}.{digits[5:]}"])
    return Plant("body", f"Ảnh gốc {written} còn lưu.", (), (written,), numbers=(digits,))


# Signatures.

CHAINS = [
    "BS",
    "BS.",
    "Bs.",
    "BS.CKII.",
    "BS CKI.",
    "TS.BS.",
    "TS. BS.",
    "ThS.BSNT",
    "ThS.BS.",
    "PGS.TS",
    "PGS.TS.BS.",
    "BSCKI",
    "BSCKII.",
    "Bác sĩ",
    "Bác sỹ",
]


@kind
def signed_with_a_chain_of_titles(rng: Random, p: Person) -> Plant:
    return Plant("signature", f"{rng.choice(CHAINS)} {p.name}", p.words)


@kind
def signed_after_a_role(rng: Random, p: Person) -> Plant:
    role = rng.choice(
        [
            "BS CĐHA:",
            "BS đọc:",
            "BS đọc phim:",
            "Bác sĩ chẩn đoán:",
            "Trưởng khoa:",
            "Bác sĩ chuyên khoa:",
            "BS. X quang:",
            "Bác sĩ đọc kết quả",
        ]
    )
    return Plant("signature", f"{role} {p.name}", p.words)


@kind
def signed_after_a_line_break(rng: Random, p: Person) -> Plant:
    role = rng.choice(
        [
            "Bác sĩ X quang",
            "BÁC SĨ ĐỌC PHIM",
            "Bác sĩ chẩn đoán",
            "TRƯỞNG KHOA",
            "BS CĐHA",
            "Bác sĩ chuyên khoa\n(Ký, ghi rõ họ tên)",
        ]
    )
    return Plant("signature", f"{role}\n{rng.choice(['', '', 'ThS. ', 'BS. '])}{p.name}", p.words)


@kind
def signed_by_label(rng: Random, p: Person) -> Plant:
    label = rng.choice(["Người ký:", "Đã ký:", "Ký tên:", "Người đọc:", "Người đọc kết quả:", "Đã ký: BS.", "Ký bởi"])
    return Plant("signature", f"{label} {p.name}", p.words)


@kind
def technician(rng: Random, p: Person) -> Plant:
    label = rng.choice(["KTV chụp:", "KTV:", "KTV", "Kỹ thuật viên:", "Điều dưỡng:", "ĐD", "CN. KTV chụp"])
    return Plant("signature", f"{label} {p.name}", p.words)


@kind
def consulted(rng: Random, p: Person) -> Plant:
    text = rng.choice(
        ["Đã hội chẩn với BS {} khoa Ngoại.", "Hội chẩn với BS. {}, khoa Hô hấp.", "Đã trao đổi với bác sĩ {} khoa Cấp cứu."]
    )
    return Plant("body", text.format(p.name), p.words)


@kind
def signed_with_a_given_name(rng: Random, p: Person) -> Plant:
    given = p.given.split()[-1]
    text = rng.choice(["BS {}", "Bs. {}", "BS {} đọc.", "KTV {}", "BS.{}"])
    return Plant("signature", text.format(given), (given,))


@kind
def alone_on_the_last_line(rng: Random, p: Person) -> Plant:
    return Plant("signature", p.name, p.words)


@kind
def english_signature(rng: Random, p: Person) -> Plant:
    text = rng.choice(
        [
            "Dictated by: {}",
            "Electronically signed by {}",
            "Electronically signed by: {}, MD",
            "Reported by {}",
            "Dr. {}",
            "{}, MD",
            "{}, M.D.",
            "Dr {}",
            "Read by: Dr. {}",
        ]
    )
    return Plant("signature", text.format(p.english), tuple(p.english.split()))


# Patients in the text.


@kind
def patient_after_a_title(rng: Random, p: Person) -> Plant:
    text = rng.choice(
        [
            "BN {} vào viện vì ho.",
            "Bệnh nhân {} đau ngực.",
            "Bà {} khó thở.",
            "Ông {} sốt.",
            "BN tên {}, ho kéo dài.",
            "Bệnh nhân: {}, ho ra máu.",
        ]
    )
    return Plant("body", text.format(p.name), p.words)


@kind
def patient_by_given_name(rng: Random, p: Person) -> Plant:
    given = rng.choice([*[g for g in GIVEN if g not in ("Kim", "Út")], syllable(rng)])
    text = rng.choice(["BN {} đau ngực.", "Bà {} sốt nhẹ.", "Chị {} mang thai.", "Cháu {} ho.", "Ông {} đã mổ."])
    return Plant("body", text.format(given), (given,))


@kind
def letterhead_name(rng: Random, p: Person) -> Plant:
    label = rng.choice(["Họ tên:", "Họ và tên:", "HỌ TÊN:", "Tên BN:", "Họ tên BN:", "Bệnh nhân:", "Tên người bệnh:"])
    return Plant("head", f"{label} {rng.choice([p.name, p.name.upper()])}   Tuổi: 67   Giới: Nam", p.words)


@kind
def name_in_head_and_body(rng: Random, p: Person) -> Plant:
    return Plant("head", f"Họ tên: {p.name}\nBệnh sử: {p.name} ho hai tuần.", p.words)


@kind
def relative(rng: Random, p: Person) -> Plant:
    text = rng.choice(["Con bà {}.", "Vợ ông {} đi cùng.", "Mẹ: {}.", "Người nhà: {}.", "Bố: {}, đi cùng.", "Con ông {}, ho."])
    return Plant("body", text.format(p.name), p.words)


# Numbers.


@kind
def insurance(rng: Random, p: Person) -> Plant:
    number = rng.choice(["GD", "HT", "DN", "HN", "TE"]) + "4" + p.digits[:12]
    text = rng.choice(["Số thẻ BHYT: {}", "BHYT: {}", "Thẻ {}", "BHYT {}"]).format(number)
    return Plant("head", text, (), (number[2:],))


@kind
def identity_card(rng: Random, p: Person) -> Plant:
    d = "0" + p.digits[:11]
    number = rng.choice(
        [
            d,
            d[:9],
            f"{d[:3]} {d[3:6]} {d[6:9]}",
            f"{d[:3]}.{d[3:6]}.{d[6:9]}",
            f"{d[:3]} {d[3:6]} {d[6:9]} {d[9:12]}",
            f"{d[:4]} {d[4:8]} {d[8:12]}",
        ]
    )
    return Plant("head", rng.choice(["CCCD: {}", "CMND {}", "Số CCCD: {}", "Căn cước: {}", "{}"]).format(number), (), (number,))


@kind
def phone(rng: Random, p: Person) -> Plant:
    d = p.digits
    number = rng.choice(
        [
            f"+84 9{d[0:2]} {d[2:5]} {d[5:8]}",
            f"(028) {d[:4]} {d[4:8]}",
            f"09 {d[:2]} {d[2:4]} {d[4:6]} {d[6:8]}",
            f"0{d[:3]}.{d[3:6]}.{d[6:9]}",
            f"0{d[:3]} {d[3:6]} {d[6:9]}",
            f"0{d[:9]}",
            f"(+84) {d[:9]}",
            f"028-{d[:4]}-{d[4:8]}",
        ]
    )
    return Plant(
        "body",
        rng.choice(["Điện thoại {}.", "Liên hệ {}.", "SĐT: {}.", "Gọi {} khi cần.", "ĐT {}."]).format(number),
        (),
        (number.replace("84", "", 1) if "84" in number[:4] else number,),
    )


@kind
def mail(rng: Random, p: Person) -> Plant:
    name = bare(p.given.split()[-1]).lower() + "." + bare(p.family.split()[0]).lower()
    return Plant("body", f"Gửi kết quả về {name}{p.digits[:3]}@thudientu.example.vn giúp.", (name,), (p.digits[:3],))


@kind
def short_date(rng: Random, p: Person) -> Plant:
    day, month, year = rng.randint(10, 28), rng.randint(1, 12), rng.randint(15, 24)
    text = rng.choice(
        [
            f"{day}/{month}/{year}",
            f"{day}-{month:02}-{year}",
            f"20{year}{month:02}{day}",
            f"{day}/{month:02}/20{year}",
            f"{day}.{month}.20{year}",
            f"20{year}-{month:02}-{day}",
        ]
    )
    secret = text if len(text) == 8 and text.isdigit() else text.replace(f"20{year}", "")
    return Plant("body", f"Chụp ngày {text}." if rng.random() < 0.5 else f"Phim {text} còn lưu.", (), (secret,))


@kind
def date_in_words(rng: Random, p: Person) -> Plant:
    day, month, year = rng.randint(10, 28), rng.randint(1, 12), rng.randint(2015, 2024)
    text = rng.choice(
        [
            f"{day} tháng {month}",
            f"ngày {day} tháng {month} năm {year}",
            f"Ngày {day} tháng {month}",
            f"ngày {day}/{month}",
            f"{day} tháng {month:02} năm {year}",
        ]
    )
    return Plant("body", f"Phim chụp {text}.", (), (f"{day} {month}",))


@kind
def labelled_number(rng: Random, p: Person) -> Plant:
    number = rng.choice([p.digits[:7], f"BN{p.digits[:6]}", f"{p.digits[:2]}.{p.digits[2:8]}", f"XQ-{p.digits[:5]}"])
    label = rng.choice(
        ["MBN:", "Mã BN:", "Mã BN", "HSBA số", "HSBA số:", "Số NB:", "PID:", "PID", "SHS:", "Số phiếu:", "Số phiếu", "Mã BA:"]
    )
    return Plant("head", f"{label} {number}", (), (number,))


@kind
def address(rng: Random, p: Person) -> Plant:
    street, ward, district = f"{syllable(rng)} {syllable(rng)}", syllable(rng), f"{syllable(rng)} {syllable(rng)}"
    number = p.digits[:3]
    text = rng.choice(
        [
            "ĐC: số {n} {s}, phường {w}, quận {d}",
            "Địa chỉ: {n} đường {s}, P. {w}, Q. {d}, TP. {w}",
            "Địa chỉ: thôn {w}, xã {s}, huyện {d}",
            "Số nhà {n} đường {s} phường {w} quận {d}",
            "Nơi ở: {n}/12 {s}, {d}",
        ]
    ).format(n=number, s=street, w=ward, d=district)
    return Plant("head", text, tuple(f"{street} {ward} {district}".split()), (number,))


@kind
def ward_and_bed(rng: Random, p: Person) -> Plant:
    return Plant("head", f"Giường: {p.digits[:2]}A   Buồng: {p.digits[2:5]}", (), (p.digits[2:5],))


@kind
def two_signatures(rng: Random, p: Person) -> Plant:
    other = person(rng)
    return Plant("signature", f"KTV: {p.name}    BS đọc: {other.name}", (*p.words, *other.words))
