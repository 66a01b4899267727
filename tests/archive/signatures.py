"""People in report texts: signatures, letterheads, numbers, dates and addresses as departments write them; all are invented.

Each takes them out again: the report must be what it was without them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from case import Case, Fault
from invented_people import bare


def _below(write: Callable[[Case], str]) -> Fault:
    """A line below the report."""

    def sign(case: Case) -> None:
        case.row["text"] = f"{case.text}\n{write(case)}"

    return Fault(True, sign)


def _within(write: Callable[[Case], str], known: bool = True) -> Fault:
    """A line within the findings, of whose patient the table knows, and the header, which names the doctor too."""

    def sign(case: Case) -> None:
        case.row["text"] = case.text.replace("\n", f"\n{write(case)}\n", 1)

    return Fault(not known, sign)


def _given(case: Case) -> str:
    """One word of the doctor's name; it may be a word of reports too, so it is looked for beside the clean report alone."""
    return case.doctor.given.split()[-1]


def _initials(case: Case) -> str:
    return case.plant(".".join(word[0] for word in case.patient.words)) + "."


def _glued(case: Case) -> str:
    return case.plant(bare(case.patient.name).lower().replace(" ", ""))


def _underscored(case: Case) -> str:
    return case.plant(bare(case.patient.name).replace(" ", "_"))


def _digits(case: Case, line: str) -> str:
    """A line in which each # stands for a digit of the patient's; its number is planted, its label is not."""
    digits = iter(case.patient.digits * 2)
    written = "".join(next(digits) if c == "#" else c for c in line)
    case.plant(re.split(r"(?:: |số |hệ |SĐT )", written)[-1])
    return written


def _day(case: Case, line: str) -> str:
    year, month, day = case.day
    written = line.format(y=year, yy=year % 100, m=month, d=day)
    case.plant(written[re.search(r"\d", written).start() :])
    return written


_TITLES = {
    "chained title": "ThS.BS.CKII. {}",
    "dotted title": "BS.CKI {}",
    "title of a professor": "PGS.TS.BS. {}",
    "resident": "ThS.BSNT {}",
    "role after the title": "BS CĐHA: {}",
    "role and a line break": "Bác sĩ X quang\n{}",
    "who read": "BS đọc: {}",
    "who signed": "Người ký: {}",
    "signed": "Đã ký: {}",
    "who took the film": "KTV chụp: {}",
    "consultation": "Hội chẩn với BS {} khoa Hô hấp.",
    "dictated": "Dictated by: {}",
}
_NUMBERS = {
    "insurance glued": "BHYT: GD4############",
    "insurance in groups": "Số thẻ BHYT: DN 4 01 ## ### #####",
    "identity card": "CCCD: ############",
    "mobile": "ĐT: 09## ### ###",
    "mobile abroad": "Liên hệ +84 9## ### ###",
    "line": "Điện thoại (028) #### ####",
    "pairs": "SĐT 09 ## ## ## ##",
    "patient number": "MBN: ########",
    "file number": "HSBA số 2#/####",
}
_DAYS = {
    "day with slashes": "Ngày chụp: {d}/{m}/{yy:02d}",
    "day with dashes": "Ngày {d:02d}-{m:02d}-{yy:02d}",
    "day in words": "TP.HCM, ngày {d} tháng {m} năm {y}",
    "day in one": "Chụp {y}{m:02d}{d:02d}",
}
SIGNATURES: dict[str, Fault] = {
    **{kind: _below(lambda case, line=line: line.format(case.doctor.name)) for kind, line in _TITLES.items()},
    **{kind: _below(lambda case, line=line: _digits(case, line)) for kind, line in _NUMBERS.items()},
    **{kind: _below(lambda case, line=line: _day(case, line)) for kind, line in _DAYS.items()},
    "one word after a title": _below(lambda case: f"BS. {_given(case)}"),
    "name in capitals": _within(lambda case: f"Bệnh nhân {case.patient.name.upper()}"),
    "name without accents": _within(lambda case: f"BN {bare(case.patient.name)}"),
    "name cut by an invisible sign": _within(lambda case: "BN " + "\u200b".join(case.patient.name)),
    "name in entities": _within(lambda case: "BN " + "".join(c if ord(c) < 128 else f"&#{ord(c)};" for c in case.patient.name)),
    "initials": _within(lambda case: f"BN {_initials(case)}"),
    "name in one word": _within(lambda case: f"PACS: {_glued(case)}"),
    "name underscored": _within(lambda case: f"Ảnh {_underscored(case)}"),
    "letterhead": _within(lambda case: f"Họ tên: {case.patient.name}   Tuổi: {case.age}   Giới: {case.sex}"),
    "address": _within(lambda case: f"ĐC: {case.plant(f'số {case.number + 3}/7 đường Hoàng Văn Thái')}, phường 4, quận 8"),
    "one word after a title, in a sentence": _within(
        lambda case: f"Đã trao đổi với BS {_given(case)} khoa Nội, theo dõi thêm.", False
    ),
    "one word after a relative": _within(lambda case: f"Người nhà là bà {_given(case)} đưa vào.", False),
    "technician in a sentence": _within(lambda case: f"Phim do KTV {_given(case)} chụp tại giường.", False),
    "mother": _within(lambda case: f"Con bà {case.doctor.name}"),
}
