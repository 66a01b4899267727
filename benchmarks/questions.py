"""How long it takes to ask 10,000 reports, in processor seconds on one core: `python benchmarks/questions.py [REPORTS]`.

Reports of phantom films, CT and PET/CT, a third of each, every one drawn anew; they are read, and their questions chosen,
balanced and worded, as build does with a split.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

from docphim.build.questions import survey
from docphim.language.facts import facts
from docphim.phantom.body import make_body
from docphim.phantom.patient import sample_patient
from docphim.phantom.pet.places import places
from docphim.phantom.pet.reports import compose as compose_pet
from docphim.phantom.reports import compose
from docphim.study import Report, Study

#: How much longer than reading their facts alone it may take: how fast a machine is does not count.
MOST = 2.2


def report(index: int) -> dict[str, str]:
    """One phantom's report in Vietnamese: of a film, a CT or a PET/CT by turns."""
    kind = ("paper", "ct_paper", "pet_paper")[index % 3]
    patient = sample_patient(index, 7, kind)
    if kind == "pet_paper":
        return compose_pet(patient, places(patient, make_body(patient), kind), "vi", 0, kind)
    return compose(patient, patient.findings, None, "vi", 0, kind, "xray" if kind == "paper" else "ct")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    facts(" ".join(report(0).values()), "vi")  # the lexicon
    studies = [
        Study(str(n), str(n), None, None, None, [], Report("vi", report(n)), None, None, "phantom") for n in range(count)
    ]
    start = time.process_time()
    for study in studies:
        if study.report:
            facts(study.report.sections["findings"], "vi")
    read = time.process_time() - start
    chosen, counts = survey(studies, "vi", 0)  # sentences that were read before are not read again
    worded = Counter(question.kind for listed in chosen.values() for question in listed if question.text and question.typed)
    spent = time.process_time() - start
    different = len({str(study.report) for study in studies})
    print(f"{count} reports, {different} of them different: {spent:.1f} s, {read:.1f} s of it their facts")
    print(dict(worded), counts)
    sys.exit(spent > MOST * read)


if __name__ == "__main__":
    main()
