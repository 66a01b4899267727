"""What people write into the cells and headers that Docphim keeps: nothing, age, sex, view, split, date."""

from __future__ import annotations

import datetime
import re
from typing import Literal

from docphim.language.normalize import normalize

#: What programs write where there is nothing: pandas, databases, Excel's errors, people's dashes.
_NOTHING = {"nan", "<na>", "na", "n/a", "n.a.", "nat", "none", "null", "(null)", "[null]", "nil", "\\n", "undefined"}
_NOTHING |= {"#name?", "#n/a", "#value!", "#ref!", "#div/0!", "#null!", "#num!", "#spill!", "#calc!", "#getting_data"}
_NOTHING |= {'""', "''"}
_LONGEST_NOTHING = max(map(len, _NOTHING))
_AGE = re.compile(r"0*(\d{1,3})(?:[.,]0+)?\s*(y|yrs?|years?( old)?|t|tuổi)?", re.IGNORECASE)
_YOUNG_AGE = re.compile(r"0*(\d{1,4})\s*(d|w|m|days?|weeks?|months?|ngày|tuần|tháng)( tuổi| old)?", re.IGNORECASE)
_OLDEST = 130
_SEX: dict[str, Literal["F", "M"]] = {
    **dict.fromkeys(("m", "male", "man", "nam", "nam giới", "1m"), "M"),
    **dict.fromkeys(("f", "female", "woman", "nữ", "nu", "nữ giới"), "F"),
}
_VIEWS = {
    "PA": ("pa", "posteroanterior", "posterior anterior", "posterior-anterior", "sau trước", "sau-trước"),
    "AP": (
        "ap",
        "anteroposterior",
        "anterior posterior",
        "anterior-posterior",
        "trước sau",
        "trước-sau",
        "ap supine",
        "ap erect",
    ),
    "lateral": (
        "lateral",
        "lat",
        "ll",
        "rl",
        "l",
        "nghiêng",
        "nghieng",
        "nghiêng trái",
        "nghiêng phải",
        "lateral left",
        "left lateral",
    ),
    "oblique": ("oblique", "chếch", "rao", "lao", "rpo", "lpo", "chếch phải", "chếch trái"),
}
_VIEW = {name: view for view, names in _VIEWS.items() for name in names}
_SPLIT: dict[str, Literal["train", "val", "test"]] = {
    **dict.fromkeys(("train", "training", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "development"), "val"),
    **dict.fromkeys(("test", "testing", "te"), "test"),
}
_TIME = r"\d{1,2} ?(:|h|g|giờ) ?\d{0,2}(:\d{2}(\.\d+)?)?( ?[ap]m)?"
_DATES = (
    re.compile(r"(?P<y>(19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)(\d{4,6}(\.\d+)?)?"),
    re.compile(r"(?P<y>(19|20)\d\d)[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})([ t].*)?"),
    re.compile(r"(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})[-/.](?P<y>(19|20)\d\d)([ ,].*)?"),
    re.compile(r"(ngày )?(?P<d>\d{1,2}) tháng (?P<m>\d{1,2}) năm (?P<y>(19|20)\d\d)"),
)
# `08:30 05/03/2023`, `8h30 ngày 05/03/2023`: an information system may write the time first.
_TIME_FIRST = re.compile(rf"(lúc )?{_TIME}( phút)?[,;]?( ngày)? (?P<date>.+)")
#: A date in a cell whose format was lost: days since 1899-12-30, of 1955 to 2064, the time as their fraction.
_SERIAL = re.compile(r"([2-5]\d{4}|60000)([.,]\d+)?")
_SERIAL_START = datetime.date(1899, 12, 30)


def is_nothing(text: str) -> bool:
    """Whether a cell says that there is nothing: 'nan', 'NULL', '#N/A', '-', '…'."""
    if len(text) > _LONGEST_NOTHING:
        return False
    return text.lower() in _NOTHING or not any(c.isalnum() or c == "?" for c in text)


def age_of(text: str) -> int | None:
    """Age in whole years of '72', '72.0', '072Y', '72 tuổi', '006M' (0); None where it cannot be an age.

    The letters are those of DICOM's Age String (PS3.5 6.2).
    """
    text = normalize(text)
    if match := _AGE.fullmatch(text):
        years = int(match[1])
        return years if years <= _OLDEST else None
    if match := _YOUNG_AGE.fullmatch(text):
        per_year = {"d": 365.25, "n": 365.25, "w": 52.18, "m": 12}
        unit = "w" if match[2] == "tuần" else "m" if match[2] == "tháng" else match[2][0]
        return int(int(match[1]) / per_year[unit])
    return None


def age_between(birth: str, day: str) -> int | None:
    """Whole years between two dates as `day_of` gives them; None where one is missing or the order is wrong."""
    if not (birth and day):
        return None
    years = int(day[:4]) - int(birth[:4]) - (day[4:] < birth[4:])
    return years if 0 <= years <= _OLDEST else None


def sex_of(text: str) -> Literal["F", "M"] | None:
    """Sex of 'M', 'Nam', 'female', 'Nữ' …; None for anything else, DICOM's 'O' included."""
    return _SEX.get(normalize(text))


def view_of(text: str) -> str:
    """View of 'PA', 'AP', 'Posterior Anterior', 'nghiêng' …: PA, AP, lateral, oblique, else unknown."""
    return _VIEW.get(normalize(text), "unknown")


def split_of(text: str) -> Literal["train", "val", "test"] | None:
    """Split of 'train', 'validation', 'dev', 'test' …; None for anything else."""
    return _SPLIT.get(normalize(text))


def day_of(text: str) -> str:
    """A date as YYYYMMDD; '' where it is none.

    From DICOM's form, ISO, day/month/year as Vietnam writes it, `ngày 5 tháng 3 năm 2023`, a spreadsheet's serial number
    (`45000`), each with a time after it or before it.

    Examples
    --------
    >>> day_of("08:30 05/03/2023"), day_of("44990.35")
    ('20230305', '20230305')
    """
    spelled = normalize(text)
    if serial := _SERIAL.fullmatch(spelled):
        return (_SERIAL_START + datetime.timedelta(days=int(serial[1]))).strftime("%Y%m%d")
    if later := _TIME_FIRST.fullmatch(spelled):
        spelled = later["date"]
    for form in _DATES:
        if match := form.fullmatch(spelled):
            try:
                return datetime.date(int(match["y"]), int(match["m"]), int(match["d"])).strftime("%Y%m%d")
            except ValueError:
                continue
    return ""


def year_of(text: str) -> str | None:
    """The year of a date or of a bare year; None where there is none."""
    bare = re.fullmatch(r"((19|20)\d\d)(\.0)?", text.strip())
    return bare[1] if bare else day_of(text)[:4] or None
