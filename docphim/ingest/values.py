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
_YEARS = r"(?P<y>\d{1,3})(?:[.,]\d)?\s*(?P<unit>y(ea)?rs?( old)?|y/?o|y|ans?|t|tuổi|tuoi|năm( tuổi)?)?"
_MONTHS = r"(?P<m>\d{1,3})\s*(m|mos?|months?|mois|th|thg|tháng|thang)"
_SHORTER = r"(?P<n>\d{1,4})\s*(?P<of>d|days?|jours?|ngày|ngay|w|wk|weeks?|tuần|tuan|hours?|giờ)"
#: '72', '072Y', '1 tuổi 6 tháng'; '006M', '18 tháng tuổi'; '010D', '3 giờ tuổi'.  The letters are DICOM's too (PS3.5 6.2).
_AGES = [re.compile(rf"{words}( tuổi| tuoi| old)?\.?") for words in (rf"{_YEARS}((?<=\D)\s*{_MONTHS})?", _MONTHS, _SHORTER)]
_A_YEAR = {"d": 365.25, "j": 365.25, "n": 365.25, "w": 52.18, "t": 52.18, "h": 8766, "g": 8766}
#: The oldest that a patient is taken to be; a greater age is a mistake, or a birth date that stands for none (1900-01-01).
_OLDEST = 120
#: '6T' is six years (tuổi) to some and six months (tháng) to others; of more months than these nobody speaks.
_MONTHS_AT_MOST = 36
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
_SOMETHING = re.compile(r"[^\W_]|\?")
_TIME = r"\d{1,2} ?(:|h|g|giờ) ?\d{0,2}(:\d{2}(\.\d+)?)?( ?[ap]m)?"
_DATES = (
    re.compile(r"(?P<y>(19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)(\d{4,6}(\.\d+)?)?"),
    re.compile(r"(?P<y>(19|20)\d\d)[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})([ t].*)?"),
    re.compile(r"(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})[-/.](?P<y>(19|20)\d\d)([ ,].*)?"),
    re.compile(r"(?P<d>\d{1,2}) tháng (?P<m>\d{1,2})( năm|,) (?P<y>(19|20)\d\d)"),
    # As databases and English programs write them: `05-MAR-2023 08:30`, `Mar 5, 2023`.
    re.compile(r"(?P<d>\d{1,2})[-/. ](?P<name>[a-z]{3,9})\.?[-/., ]{1,2}(?P<y>(19|20)\d\d)([ ,].*)?"),
    re.compile(r"(?P<name>[a-z]{3,9})\.? (?P<d>\d{1,2}),? (?P<y>(19|20)\d\d)([ ,].*)?"),
)
_MONTHS_IN_ENGLISH = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: `Thứ hai, ngày 05/03/2023`, `CN 05/03/2023`.
_BEFORE_A_DATE = re.compile(r"((thứ \w{1,4}|chủ nhật|t[2-7]|cn|mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}[,.]? )?(ngày )?")
# `08:30 05/03/2023`, `8h30 ngày 05/03/2023`: an information system may write the time first.
_TIME_FIRST = re.compile(rf"(lúc )?{_TIME}( phút)?( -|[,;])? (?P<date>.+)")
#: A date in a cell whose format was lost: days since 1899-12-30, of 1955 to 2064, the time as their fraction.
_SERIAL = re.compile(r"([2-5]\d{4}|60000)([.,]\d+)?")
_SERIAL_START = datetime.date(1899, 12, 30)


def is_nothing(text: str) -> bool:
    """Whether a cell says that there is nothing: 'nan', 'NULL', '#N/A', '-', '…'."""
    if len(text) > _LONGEST_NOTHING:
        return False
    lower = text.lower()
    if lower in _NOTHING or lower.rstrip(". ") in _NOTHING:
        return True
    return not text[:1].isalnum() and not _SOMETHING.search(text)  # most cells begin with a letter or a figure


def age_of(text: str) -> int | None:
    """Age in whole years of '72', '072Y', '72 tuổi', '006M' (0), '1 tuổi 6 tháng' (1); None where it cannot be an age.

    None too where two ages can be meant ('6T'), and beyond 120.
    """
    words = normalize(text).lower().removeprefix("tuổi:").strip()
    years, months, shorter = (form.fullmatch(words) for form in _AGES)
    if years and not (years["unit"] == "t" and int(years["y"]) <= _MONTHS_AT_MOST):
        return int(years["y"]) if int(years["y"]) <= _OLDEST else None
    if months:
        return int(months["m"]) // 12
    if shorter:
        return int(int(shorter["n"]) / _A_YEAR[shorter["of"][0]])
    return None


def age_in(stated: str, birth: str, day: str) -> int | None:
    """Age on the day of a study by what is stated and by the date of birth; None where the two contradict each other.

    Parameters
    ----------
    stated : str
        As people write it; a year or a date counts as the birth's.
    birth, day : str
        Dates as people write them, or '' where unknown; of a birth the year is enough.

    Examples
    --------
    >>> age_in("003Y", "19500101", "20230312") is None
    True
    >>> age_in("", "1950", "20230312")
    73
    """
    if year_of(stated):
        stated, birth = "", stated
    years, ages = age_of(stated), _ages_between(birth, day_of(day))
    if ages is None:
        # What scanners write where nobody typed an age; an infant's is in months or days.
        return None if stated.strip().upper() == "000Y" else years
    if years is None:
        return ages[1] if ages[1] >= 0 else None
    return years if ages[0] - 1 <= years <= ages[1] + 1 else None


def _ages_between(birth: str, day: str) -> tuple[int, int] | None:
    """The least and the greatest age on a day; None where a date is missing or the birth is nobody's."""
    year, born = year_of(birth), day_of(birth)
    if not (year and day):
        return None
    most = int(day[:4]) - int(year)
    if most > _OLDEST:
        return None
    least = most - 1 if not born else most - (day[4:] < born[4:])
    return least, most if not born else least


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
    spelled = _BEFORE_A_DATE.sub("", spelled, count=1)
    for form in _DATES:
        if match := form.fullmatch(spelled):
            try:
                return datetime.date(int(match["y"]), _month(match), int(match["d"])).strftime("%Y%m%d")
            except ValueError:
                continue
    return ""


def _month(match: re.Match[str]) -> int:
    """The month of a date, 0 where its name is none."""
    groups = match.groupdict()
    if "m" in groups:
        return int(groups["m"])
    name = groups["name"][:3]
    return _MONTHS_IN_ENGLISH.index(name) + 1 if name in _MONTHS_IN_ENGLISH else 0


def year_of(text: str) -> str | None:
    """The year of a date or of a bare year; None where there is none."""
    bare = re.fullmatch(r"((19|20)\d\d)(\.0)?", text.strip())
    return bare[1] if bare else day_of(text)[:4] or None
