"""The last third of the kinds, written when the rules were done and before anybody looked at what they do with them."""

from random import Random

from invented_people import Person, bare, person
from planted_kinds import Kind, Plant, dicom

KINDS: dict[str, Kind] = {}


def late(function: Kind) -> Kind:
    """List a kind under its function's name."""
    KINDS[function.__name__] = function
    return function


@late
def stamp_with_place_and_date(rng: Random, p: Person) -> Plant:
    day = rng.randint(10, 28)
    text = f"Ngày {day} tháng {rng.randint(1, 12)} năm 2021\nBÁC SĨ CHUYÊN KHOA CĐHA\n(Đã ký)\n{p.name.upper()}"
    return Plant("signature", text, p.words, (str(day),))


@late
def signed_electronically(rng: Random, p: Person) -> Plant:
    text = rng.choice(["Ký điện tử bởi: {}", "Được ký bởi {} lúc 14:05", "Ký số: {}", "Người ký số: BS. {}", "Chữ ký số: {}"])
    return Plant("signature", text.format(p.name), p.words)


@late
def reader_and_approver(rng: Random, p: Person) -> Plant:
    other = person(rng)
    text = f"BS đọc: {p.name} / BS duyệt: {other.name}"
    return Plant("signature", text, (*p.words, *other.words))


@late
def signed_in_brackets(rng: Random, p: Person) -> Plant:
    return Plant("signature", rng.choice(["(BS {})", "[BS. {}]", "(ThS.BS {})", "- BS {} -"]).format(p.name), p.words)


@late
def head_of_department(rng: Random, p: Person) -> Plant:
    text = rng.choice(
        ["TS.BS {} - Trưởng khoa", "BS {} (Phó khoa CĐHA)", "Phó trưởng khoa: BSCKII. {}", "Trưởng khoa CĐHA: {}"]
    )
    return Plant("signature", text.format(p.name), p.words)


@late
def abbreviated_name(rng: Random, p: Person) -> Plant:
    letters = [w[0] + "." for w in p.words[:-1]]
    text = rng.choice(["BS. {} {}", "BS {} {}"]).format(" ".join(letters), p.words[-1])
    return Plant("signature", text, (p.words[-1],))


@late
def telephoned_to(rng: Random, p: Person) -> Plant:
    text = rng.choice(
        [
            "Đã báo BS {} lúc 10h30.",
            "Đã báo kết quả cho bác sĩ {}.",
            "Trao đổi qua điện thoại với BS. {}.",
            "Theo yêu cầu của BS {}.",
        ]
    )
    return Plant("body", text.format(p.name), p.words)


@late
def consulted_by_given_name(rng: Random, p: Person) -> Plant:
    given = p.given.split()[-1]
    text = rng.choice(["Đã hội chẩn BS {}.", "Ý kiến BS {}: theo dõi thêm.", "Đã báo bác sĩ {}.", "Cô {} xem lại giúp."])
    return Plant("body", text.format(given), (given,))


@late
def typist(rng: Random, p: Person) -> Plant:
    text = rng.choice(["Người nhập: {}", "Thư ký: {}", "Người đánh máy: {}", "NV tiếp nhận: {}", "Người in: {}"])
    return Plant("signature", text.format(p.name), p.words)


@late
def referring_doctor(rng: Random, p: Person) -> Plant:
    text = rng.choice(["BS chỉ định: {}", "Bác sĩ chỉ định: {}", "BSCĐ: {}", "Nơi gửi: BS {}", "Bác sĩ điều trị: ThS. {}"])
    return Plant("head", text.format(p.name), p.words)


@late
def name_with_age_and_sex(rng: Random, p: Person) -> Plant:
    text = rng.choice(["{}, nam, 67 tuổi.", "{} 67T", "BN: {} (1956).", "{}, sinh năm 1956.", "BN {} - nữ - 67 tuổi."])
    return Plant("head", text.format(p.name), p.words)


@late
def table_head_in_one_line(rng: Random, p: Person) -> Plant:
    text = f"Họ tên BN: {p.name.upper()} - Năm sinh: 1956 - Giới tính: Nữ - Mã BN: {p.digits[:8]} - ĐT: 09{p.digits[:8]}"
    return Plant("head", text, p.words, (p.digits[:8],))


@late
def known_with_year_glued(rng: Random, p: Person) -> Plant:
    glued = "".join(bare(w) for w in p.words).lower()
    return Plant("body", f"Ảnh {glued}_1956.dcm đã nhận.", (glued,), names=(dicom(p),))


@late
def known_family_last(rng: Random, p: Person) -> Plant:
    return Plant("body", f"Phim {p.given}, {p.family} {p.middle} đã lưu.", p.words, names=(p.name,))


@late
def known_spelled_apart(rng: Random, p: Person) -> Plant:
    text = " ".join(p.name.upper().replace(" ", "")) if len(p.words) < 3 else "  ".join(p.words)
    return Plant("body", f"Phim của {text}.", p.words, names=(p.name,))


@late
def passport_and_licence(rng: Random, p: Person) -> Plant:
    text = rng.choice(["Hộ chiếu C{}", "Hộ chiếu số: B{}", "CCHN: 00{}/HCM-CCHN", "Số CCHN: {}"]).format(p.digits[:7])
    return Plant("head", text, (), (p.digits[:7],))


@late
def numbers_in_brackets(rng: Random, p: Person) -> Plant:
    text = rng.choice(["(PID: {})", "[{}]", "(Mã BN {})", "#{}", "(ID {})"]).format(p.digits[:8])
    return Plant("body", f"So với ảnh gốc {text}.", (), (p.digits[:8],))


@late
def english_patient(rng: Random, p: Person) -> Plant:
    text = rng.choice(
        ["Patient: {}", "Name: {}", "Mr. {} has cough.", "Mrs. {} was seen.", "Patient name: {}   DOB: 03/12/1956"]
    )
    return Plant("head", text.format(p.english), tuple(p.english.split()))


@late
def english_doctor_in_the_text(rng: Random, p: Person) -> Plant:
    text = rng.choice(
        [
            "Findings discussed with Dr. {} at 10:30.",
            "Results were called to Dr. {}.",
            "Read by {} and approved.",
            "Dr. {} was notified.",
        ]
    )
    return Plant("body", text.format(p.english), tuple(p.english.split()))


@late
def english_date(rng: Random, p: Person) -> Plant:
    day = rng.randint(10, 28)
    text = rng.choice([f"March {day}, 2021", f"{day} Mar 2021", f"{day}-Mar-2021", f"03/{day}/2021", f"3/{day}/21"])
    return Plant("body", f"Film of {text}.", (), (str(day),))


@late
def minority_people(rng: Random, p: Person) -> Plant:
    name = rng.choice(
        ["Y Bhăm Niê", "H'Rưm Ksor", "K'Brếp", "Giàng A Tráng", "Sùng Thị Dợ", "Kim Sa Rêl", "Rơ Châm Hlút", "Điểu K'Rang"]
    )
    text = rng.choice(["BN {} ho.", "Họ tên: {}", "BS {}", "Ông {} khó thở."])
    return Plant("signature" if "BS" in text else "body", text.format(name), tuple(name.replace("'", " ").split()[-1:]))
