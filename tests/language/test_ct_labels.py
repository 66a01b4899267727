"""CT-RATE's labels of English sentences: one row per way that a chest CT report words, denies, hedges or sizes a finding."""

from pathlib import Path

import pytest

from docphim.language.labels import label_names, read_labels

#: `~` is a node as CT-RATE's marks count it, of any size, that a clinician does not.
SIGNS = {
    "ct_rate": {"+": "positive", "-": "negative", "?": "uncertain", "~": "positive"},
    "ct_rate_clinical": {"+": "positive", "-": "negative", "?": "uncertain", "~": "negative"},
}
SHORT = {
    "device": "Medical material",
    "arterial": "Arterial wall calcification",
    "heart": "Cardiomegaly",
    "pericardial": "Pericardial effusion",
    "coronary": "Coronary artery wall calcification",
    "hernia": "Hiatal hernia",
    "nodes": "Lymphadenopathy",
    "emphysema": "Emphysema",
    "atelectasis": "Atelectasis",
    "nodule": "Lung nodule",
    "opacity": "Lung opacity",
    "sequela": "Pulmonary fibrotic sequela",
    "effusion": "Pleural effusion",
    "mosaic": "Mosaic attenuation pattern",
    "bronchial": "Peribronchial thickening",
    "consolidation": "Consolidation",
    "bronchiectasis": "Bronchiectasis",
    "septal": "Interlobular septal thickening",
}

SENTENCES = [
    # devices
    ("The tip of the port catheter lies in the superior vena cava.", "+device"),
    ("Pacemaker leads end in the right ventricle.", "+device"),
    ("Metallic sutures of an earlier sternotomy.", "+device"),
    ("Tracheostomy cannula in place.", "+device"),
    ("Stents were placed in the LAD and RCA.", "+device"),
    ("Surgical clips in the left axilla after mastectomy.", "+device"),
    ("The right breast was operated.", ""),
    ("Bilateral breast prostheses are present.", "+device"),
    ("Posterior stabilization material is seen in the thoracic vertebrae.", "+device"),
    # vessels
    ("Calcific plaques are seen in the walls of the aorta and coronary arteries.", "+arterial +coronary"),
    ("Wall calcifications in the aortic arch and its branches.", "+arterial"),
    ("Atheromatous changes in the thoracic aorta.", "+arterial"),
    ("Calcified atherosclerotic plaques were observed in the LAD.", "+coronary"),
    ("Coronary artery calcifications.", "+coronary"),
    ("No calcification was observed in the coronary arteries.", "-coronary"),
    ("Aortic valve calcification is present.", ""),
    ("Calcified pleural plaques on the right.", ""),
    ("The calibration of the thoracic aorta is normal.", ""),
    # heart and pericardium
    ("Heart size has increased.", "+heart"),
    ("The heart is enlarged.", "+heart"),
    ("Heart dimensions are above normal.", "+heart"),
    ("The cardiothoracic index is increased in favor of the heart.", "+heart"),
    ("Heart contour and size are natural.", "-heart"),
    ("Heart size is within normal limits.", "-heart"),
    ("The heart is not enlarged.", "-heart"),
    ("No cardiomegaly.", "-heart"),
    ("Pericardial effusion-thickening was not detected.", "-pericardial"),
    ("Minimal fluid is seen in the pericardial space.", "+pericardial"),
    ("Pericardial effusion reaching 12 mm at its deepest point.", "+pericardial"),
    ("No pleural or pericardial effusion.", "-effusion -pericardial"),
    ("No pericardial, pleural effusion or thickening was found.", "-effusion -pericardial"),
    # pleura
    ("Pleural effusion was not observed on either side.", "-effusion"),
    ("Bilateral pleural effusion, more on the right.", "+effusion"),
    ("Free fluid measuring 3 cm is observed in the left pleural space.", "+effusion"),
    ("An effusion is present in both hemithoraces.", "+effusion"),
    ("The pleural effusion seen before has resolved.", "-effusion"),
    ("Pleural thickening at the left apex.", ""),
    ("Free fluid in the abdomen.", ""),
    # hernia
    ("A sliding hiatal hernia is seen at the lower end of the esophagus.", "+hernia"),
    ("Hiatus hernia.", "+hernia"),
    ("Hiatal hernia was not observed.", "-hernia"),
    ("Bochdalek hernia on the left.", ""),
    # nodes
    ("No lymph nodes of pathological size and appearance were detected in the mediastinum.", "-nodes"),
    ("No enlarged lymph nodes in the prevascular, paratracheal, subcarinal, hilar or axillary regions.", "-nodes"),
    ("Lymph nodes with short axes up to 7 mm are seen in the mediastinum.", "~nodes"),
    ("Lymph nodes that do not reach pathological dimensions are present in the mediastinum.", "-nodes"),
    ("A lymph node of 16x11 mm in the subcarinal area.", "+nodes"),
    ("A lymph node of 16x8 mm in the subcarinal area.", "~nodes"),
    ("Multiple lymphadenopathies in the mediastinum, the largest with a short axis of 18 mm.", "+nodes"),
    ("Enlarged hilar lymph nodes are observed.", "+nodes"),
    ("There is no lymphadenopathy.", "-nodes"),
    ("Small lymph nodes at stations 4R and 7.", "~nodes"),
    ("Few normal-sized mediastinal nodes.", "~nodes"),
    ("Prevascular lymph nodes under 1 cm are noted.", "~nodes"),
    ("Prevascular lymph nodes of up to 10 mm are noted.", "+nodes"),
    ("Mediastinal lymph nodes are normal.", "-nodes"),
    ("Lymph nodes: none enlarged.", "-nodes"),
    ("A 6 mm lymph node in the mesentery.", ""),
    ("Conglomerate lymph nodes in the left axilla.", "+nodes"),
    # emphysema
    ("Centriacinar emphysema in the upper lobes.", "+emphysema"),
    ("Emphysematous changes are seen in both lungs.", "+emphysema"),
    ("A few bullae in the apices.", "+emphysema"),
    ("Subcutaneous emphysema in the right chest wall.", ""),
    # atelectasis and sequelae
    ("Linear atelectasis in the middle lobe.", "+atelectasis"),
    ("Subsegmental atelectatic changes at both lung bases.", "+atelectasis"),
    ("The left lower lobe is collapsed.", "+atelectasis"),
    ("Subpleural bands and fibrolinear densities at the bases.", "+sequela"),
    ("Passive atelectasis next to the effusion.", "+atelectasis +effusion"),
    ("Fibroatelectatic changes in the lingula.", "+atelectasis +sequela"),
    ("Pleuroparenchymal sequelae changes in both apices.", "+sequela"),
    ("Fibrotic bands are observed in the lower lobes.", "+sequela"),
    ("Sequela parenchymal changes in the right lung.", "+sequela"),
    ("No atelectasis.", "-atelectasis"),
    # nodules
    ("Millimetric nonspecific nodules in both lungs.", "+nodule"),
    ("A 4 mm subpleural nodule in the left lower lobe.", "+nodule"),
    ("Calcific nodule in the right middle lobe.", "+nodule"),
    ("Tree in bud opacities in the lingula.", "+nodule"),
    ("A density of 7 mm in the middle lobe, nodular.", "+nodule"),
    ("No nodule, mass or infiltration was observed in the lung parenchyma.", "-nodule -opacity"),
    ("No mass lesion or active infiltration was detected in the lungs.", "-nodule -opacity"),
    ("Hypodense nodules in the thyroid gland.", ""),
    ("A 12 mm nodule in the left adrenal gland.", ""),
    ("A nodular lesion is seen in the right breast.", ""),
    ("There are no suspicious pulmonary nodules.", "-nodule"),
    # opacities and consolidation
    ("Ground-glass opacities in both lungs.", "+opacity"),
    ("Ground glass density increases in the lower lobes, peripherally.", "+opacity"),
    ("Infiltration areas in the right upper lobe.", "+opacity"),
    ("Crazy paving pattern in the left lung.", "+opacity +septal"),
    ("Patchy consolidation with air bronchograms in the right lower lobe.", "+consolidation"),
    ("Consolidation areas suspicious for pneumonia.", "+consolidation"),
    ("Consolidation cannot be excluded in the left base.", "?consolidation"),
    ("Possible ground-glass opacity in the lingula.", "?opacity"),
    ("No consolidation or ground-glass opacity.", "-consolidation -opacity"),
    ("The consolidation in the right lower lobe was not observed in the current examination.", "-consolidation"),
    ("A density is seen in the left lower lobe.", ""),
    ("Density increases in the right lower lobe.", "+opacity"),
    ("Density increases consistent with sequelae in the right apex.", "+sequela"),
    ("Dependent density increase compatible with atelectasis.", "+atelectasis"),
    ("Increased density in the perirenal fat.", ""),
    ("Increased density in the mesenteric fat.", ""),
    ("Bone densities are normal.", ""),
    ("Both lungs are clear.", "-opacity"),
    ("Aeration of both lungs is normal.", "-opacity"),
    # airways
    ("Mosaic attenuation pattern in both lungs.", "+mosaic"),
    ("Mosaic density differences are seen in the lower lobes.", "+mosaic"),
    ("Peribronchial thickness increases in the central airways.", "+bronchial"),
    ("Bronchial walls are thickened.", "+bronchial"),
    ("Thickening of the bronchial walls in both lower lobes.", "+bronchial"),
    ("Traction bronchiectasis in the upper lobes.", "+bronchiectasis"),
    ("Bronchiectatic changes and peribronchial thickening in the right lower lobe.", "+bronchiectasis +bronchial"),
    ("The bronchi are dilated in the middle lobe.", "+bronchiectasis"),
    ("No bronchiectasis was found.", "-bronchiectasis"),
    ("Trachea and both main bronchi are open.", ""),
    ("Interlobular septal thickening in the lower lobes.", "+septal"),
    ("Interlobular septa are thickened.", "+septal"),
    ("Smooth thickening of the interlobular septa.", "+septal"),
    ("No interlobular septal thickening.", "-septal"),
    ("Interlobular septal and interstitial thickening at the bases.", "+septal"),
    ("Interstitial thickening in the upper lobes.", "+septal"),
    ("Kerley B lines.", "+septal"),
    # technique, advice, history
    ("As no contrast was given, the mediastinum could not be evaluated optimally.", ""),
    ("Control CT is recommended for follow-up of nodules.", ""),
    ("History of pneumonia.", ""),
]


def read(text: str, set_: str) -> dict[str, str]:
    return {name: state for name, state in read_labels(text, "en", set_).items() if state != "unmentioned"}


def marked(row: str, set_: str) -> dict[str, str]:
    return {SHORT[word[1:]]: SIGNS[set_][word[0]] for word in row.split()}


def test_every_short_name_is_a_label():
    assert tuple(SHORT.values()) == label_names("ct_rate") == label_names("ct_rate_clinical")


@pytest.mark.parametrize("set_", SIGNS)
@pytest.mark.parametrize(("text", "row"), SENTENCES)
def test_sentence(text, row, set_):
    assert read(text, set_) == marked(row, set_)


def rows(name: str) -> list[list[str]]:
    lines = (Path(__file__).parents[1] / "data" / name).read_text(encoding="utf-8").splitlines()
    return [[part.strip() for part in line.split("|")] for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("set_", SIGNS)
@pytest.mark.parametrize(("row", "text"), rows("ct_sentences.txt"))
def test_sentence_affirms_just_these_labels(row, text, set_):
    expected, found = marked(row, set_), read(text, set_)
    assert {n: s for n, s in found.items() if s != "negative"} == {n: s for n, s in expected.items() if s != "negative"}
    assert expected.items() <= found.items()


@pytest.mark.parametrize("set_", SIGNS)
def test_labels_of_whole_reports_are_those_marked(set_):
    """Macro-F1 of what is affirmed or suspected, over the labels that are marked."""
    counts = {name: [0, 0] for name in label_names(set_)}  # read rightly; marked and read
    for row, text in rows("ct_reports.txt"):
        expected = {name for name, state in marked(row, set_).items() if state == "positive"}
        found = {name for name, state in read(text, set_).items() if state != "negative"}
        for name, count in counts.items():
            count[0] += name in expected & found
            count[1] += (name in expected) + (name in found)
    assert min(both for _, both in counts.values()) >= 4
    assert sum(200 * right / both for right, both in counts.values()) / len(counts) >= 96
