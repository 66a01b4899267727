"""English facts: one row per way of wording, in chest films, chest CT and FDG PET/CT."""

import pytest
from test_facts import said

from docphim.language.facts import facts

SENTENCES = [
    (
        "The spleen is not enlarged and the bile ducts are not dilated.",
        ["spleen enlarged normal", "bile_duct dilatation -"],
    ),
    ("The aorta is not dilated and the bile ducts are not dilated.", ["aorta dilatation -", "bile_duct dilatation -"]),
    ("The heart is not enlarged and the lungs are not hyperinflated.", ["heart enlarged normal", "lung hyperinflation -"]),
    ("Pleural effusion, none on the left.", ["pleura effusion +", "pleura effusion - left"]),
    (
        "Consolidation in the right lower lobe, none in the left lung.",
        ["lung consolidation + right lower_lobe", "lung consolidation - left"],
    ),
    ("Left effusion, decreased.", ["pleura effusion + left decreased"]),
    ("Right lower lobe nodule, decreased in size.", ["lung nodule + right lower_lobe decreased"]),
    ("Lung nodule, decreased from 28 to 12 mm.", ["lung nodule + 12mm decreased"]),
    ("Left effusion, decreased lung volumes.", ["pleura effusion + left", "lung hypoventilated abnormal"]),
    (
        "Compression fracture of T12 with cord compression.",
        ["vertebra vertebral_compression + vertebra_t12", "spinal_cord compression +"],
    ),
    ("Trachea and both main bronchi are open.", ["trachea patent normal", "bronchus patent normal both"]),
    ("Heart contour and size are normal.", ["heart .size normal normal"]),
    (
        "Calcific atheroma plaques in the aortic arch and coronary arteries.",
        ["aorta .arch atheroma +", "coronary_artery atheroma +"],
    ),
    (
        "Lymph nodes with a short axis of 12 mm in the right paratracheal area.",
        ["lymph_node lymph_node + right paratracheal 12mm"],
    ),
    ("Patchy ground-glass opacities in the lower lobes of both lungs.", ["lung ground_glass + both lower_lobe ~patchy"]),
    ("Interlobular septal thickening was not observed.", ["lung septal_thickening -"]),
    ("Linear atelectasis in the lingula.", ["lung atelectasis + lingula ~linear"]),
    ("Minimal pericardial effusion measuring 5 mm.", ["pericardium effusion + mild 5mm"]),
    ("Sliding hiatal hernia.", ["esophagus hiatal_hernia +"]),
    ("Centrilobular emphysema in both upper lobes.", ["lung emphysema + both centrilobular upper_lobe"]),
    ("Mosaic attenuation pattern in both lungs.", ["lung mosaic_attenuation + both"]),
    ("Traction bronchiectasis in the left lower lobe.", ["bronchus bronchiectasis + left lower_lobe ~traction"]),
    ("No pleural or pericardial effusion.", ["pleura effusion -", "pericardium effusion -"]),
    ("No lytic lesion in the bones.", ["bone osteolysis -"]),
    ("The lungs show no pleural thickening, emphysema.", ["pleura thickening -", "lung emphysema -"]),
    ("The lungs show no fracture, nodule or edema.", ["lung fracture -", "lung nodule -", "lung edema -"]),
    ("Decreased left pleural effusion.", ["pleura effusion + left decreased"]),
    ("Increased size of the right lower lobe nodule.", ["lung nodule + right lower_lobe increased"]),
    ("Increased size of the heart.", ["heart enlarged abnormal"]),
    ("Increased marrow activity.", ["bone_marrow fdg_uptake +"]),
    (
        "Bilateral effusions, the right decreased, the left increased.",
        ["pleura effusion + both", "pleura effusion + right decreased", "pleura effusion + left increased"],
    ),
    (
        "Bilateral pleural effusions, decreased on the right and increased on the left.",
        ["pleura effusion + both", "pleura effusion + right decreased", "pleura effusion + left increased"],
    ),
    (
        "Nodules in the right upper lobe and the left lower lobe, with calcification.",
        [
            "lung nodule + right upper_lobe",
            "lung nodule + left lower_lobe",
            "lung calcification + right upper_lobe",
            "lung calcification + left lower_lobe",
        ],
    ),
    ("The right upper lobe is collapsed.", ["lung collapsed abnormal right upper_lobe"]),
    ("The heart is normal and the right apex is obscured.", ["heart normal normal", "lung obscured abnormal right apex"]),
    ("Liver lesion, max SUV of 8.2.", ["liver lesion + suv8.2"]),
    ("Right effusion is not significantly changed.", ["pleura effusion + right unchanged"]),
    ("The left effusion has not resolved.", ["pleura effusion + left unchanged"]),
    ("No worsening of the left effusion.", ["pleura effusion + left unchanged"]),
    ("No evidence of interval change in the right nodule.", ["lung nodule + right unchanged"]),
    ("Pneumonia is unlikely.", ["lung pneumonia -"]),
    ("Unlikely to represent pneumonia.", ["lung pneumonia -"]),
    ("There is no change in the left nodule.", ["lung nodule + left unchanged"]),
    ("There is no significant change in the small right effusion.", ["pleura effusion + right mild unchanged"]),
    ("The aorta is not dilated, pleural effusion.", ["aorta dilatation -", "pleura effusion +"]),
    (
        "A 22 mm spiculated mass in the left upper lobe with SUVmax 8.4.",
        ["lung mass + left upper_lobe 22mm suv8.4 ~spiculated"],
    ),
    ("No hypermetabolic lesion in the liver.", ["liver fdg_uptake -"]),
    ("Physiologic FDG uptake in the brain and the bladder.", ["brain physiologic_uptake +", "bladder physiologic_uptake +"]),
    ("The nodule has increased in size from 4 mm to 7 mm.", ["lung nodule + 7mm increased"]),
    ("Stable 6 mm right middle lobe nodule.", ["lung nodule + right middle_lobe 6mm unchanged"]),
    (
        "New right lower lobe consolidation, likely pneumonia.",
        ["lung consolidation + right lower_lobe new", "lung pneumonia + right lower_lobe probable"],
    ),
    ("Mildly elevated right hemidiaphragm.", ["diaphragm elevated abnormal right mild"]),
    ("Compression fracture of T8.", ["vertebra vertebral_compression + vertebra_t8"]),
    ("Left chest tube was removed.", ["pleura chest_drain - left resolved"]),
    ("Several calcified nodules in both lungs.", ["lung nodule + both several ~calcified"]),
    ("Cardiothoracic ratio of 0.56.", ["heart enlarged abnormal"]),
    ("The cardiothoracic ratio is less than 0.5.", ["heart enlarged normal"]),
    ("Bibasilar atelectasis.", ["lung atelectasis + both base"]),
    (
        "A 6 mm nodule in the RUL and a 4 mm nodule in the LLL.",
        ["lung nodule + right upper_lobe 6mm", "lung nodule + left lower_lobe 4mm"],
    ),
    ("Tumor in the right hilum, invading the mediastinum.", ["hilum tumor + right", "mediastinum invasion +"]),
    ("Simple cyst in the right kidney measuring 3 cm.", ["kidney cyst + right 30mm ~simple"]),
    ("The mediastinum is shifted to the right.", ["mediastinum shift + right"]),
    ("Multiple bilateral rib fractures.", ["rib fracture + both multiple"]),
    ("Pulmonary edema has improved.", ["lung edema + decreased"]),
    ("Nodules in segments 6 and 10 of the right lung.", ["lung nodule + right segment_10 segment_6"]),
    ("No acute cardiopulmonary disease.", ["chest abnormality - ~acute"]),
    ("Follow-up CT is recommended.", []),
    ("An effusion is present in both hemithoraces.", ["pleura effusion + both"]),
    ("Calcified pleural plaques on the right.", ["pleura plaque + right ~calcified"]),
    ("Multiple metastatic nodules in both lungs.", ["lung metastasis + both", "lung nodule + both multiple"]),
    ("A left chest port terminates at the cavoatrial junction.", ["vena_cava central_line + left superior"]),
    ("Minor emphysema at the apices.", ["lung emphysema + both apex mild"]),
    ("Left hilar and subcarinal nodes.", ["hilum lymph_node + left", "lymph_node lymph_node + subcarinal"]),
    ("No PE.", ["pulmonary_artery embolism -"]),
    ("Debris in the left main bronchus.", ["bronchus mucus_plug + left"]),
    (
        "The right 5 mm nodule has grown, whereas the left is stable.",
        ["lung nodule + right 5mm increased", "lung nodule + left unchanged"],
    ),
    ("Non-avid cyst in the left kidney.", ["kidney fdg_uptake - left", "kidney cyst + left"]),
    ("Small effusions, larger on the right.", ["pleura effusion + both mild"]),
    ("Surgical clips in the left axilla after mastectomy.", ["axilla surgical_clip + left", "breast resection +"]),
    (
        "The lungs are hyperinflated with flattening of the diaphragm.",
        ["lung hyperinflation +", "diaphragm flattened abnormal"],
    ),
    (
        "Spiculated mass in the left lower lobe, abutting the pleura: most likely a primary lung malignancy.",
        ["lung mass + left lower_lobe subpleural ~spiculated", "lung cancer + left lower_lobe subpleural probable ~primary"],
    ),
    ("Splenic lesion, probably cystic.", ["spleen lesion +", "spleen cyst + probable"]),
    (
        "Probable basal fibrosis bilaterally, seen as coarse reticular change.",
        ["lung fibrosis + both base probable", "lung reticulation + both base"],
    ),
    (
        "Hilar nodes on both sides, the largest subcarinal node measuring 12 mm.",
        ["hilum lymph_node + both", "lymph_node lymph_node + subcarinal 12mm"],
    ),
    ("Metastases in the liver and of nodes in the left axilla.", ["liver metastasis +", "axilla metastasis + left"]),
    ("A right-sided Port-A-Cath terminates in the lower SVC.", ["vena_cava central_line + right superior"]),
    ("R chest tube, tip toward the apex.", ["pleura chest_drain + right apex"]),
    ("Pericardium dry.", ["pericardium clear normal"]),
    (
        "RV dilated, with signs of right heart strain.",
        ["heart_chamber enlarged abnormal right_ventricle", "heart_chamber enlarged abnormal right_ventricle"],
    ),
    ("Progressive disease with new liver metastases.", ["? progression +", "liver metastasis + new"]),
    ("More numerous lung metastases.", ["lung metastasis + increased"]),
    ("Central line from the left subclavian vein, tip projecting over the SVC.", ["vena_cava central_line + left superior"]),
    ("Trach OK.", ["? tracheostomy normal +"]),
    ("No PTX.", ["pleura pneumothorax -"]),
    ("Perihilar opacities bilaterally, better than before.", ["lung opacity + both perihilar decreased"]),
    ("Thickened pericardium with calcification.", ["pericardium thickening +", "pericardium calcification +"]),
    ("Acute embolus in the right interlobar artery.", ["pulmonary_artery embolism + right ~acute"]),
    ("Nonocclusive portal vein thrombus.", ["portal_vein thrombus + ~nonocclusive"]),
    ("Interlobular septa thickened.", ["lung septal_thickening +"]),
    ("Cavitary lesion of the RUL, wall thick.", ["lung cavity + right upper_lobe ~thick_walled"]),
    (
        "Marked enlargement of the cardiac silhouette, water-bottle shaped, raising concern for pericardial effusion.",
        ["heart enlarged abnormal severe ~globular", "pericardium effusion + possible"],
    ),
    ("Brown fat in the neck.", ["neck physiologic_uptake +"]),
    (
        "Decrease in mediastinal, hilar and axillary nodes.",
        ["mediastinum lymph_node + decreased", "hilum lymph_node + decreased", "axilla lymph_node + decreased"],
    ),
    ("Nothing focal in the left lung.", ["lung abnormality - left"]),
    ("The cardiac silhouette is borderline in size.", ["heart enlarged abnormal"]),
    ("Nodes: mildly enlarged in the mediastinum, probably reactive.", ["mediastinum lymphadenopathy + mild probable"]),
    ("Low lung volumes with bibasilar atelectasis.", ["lung hypoventilated abnormal", "lung atelectasis + both base"]),
    ("RIJ line with tip in the superior vena cava.", ["vena_cava central_line + superior"]),
    ("The aorta is tortuous with a calcified arch.", ["aorta tortuous abnormal", "aorta .arch calcification +"]),
    ("Findings atypical for sarcoidosis.", ["? sarcoidosis -"]),
    ("Muscle uptake in the neck, physiologic.", ["muscle physiologic_uptake +"]),
    ("Uptake in the heart, considered physiologic.", ["heart physiologic_uptake +"]),
    ("No FDG-avid disease above the diaphragm.", ["chest fdg_uptake -"]),
    ("Subpleural reticulation in both lower lobes.", ["lung reticulation + both lower_lobe subpleural"]),
]


@pytest.mark.parametrize(("text", "expected"), SENTENCES)
def test_sentence(text, expected):
    assert [said(fact) for fact in facts(text, "en")] == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ground-glass opacities in the left lung.", "ground glass opacities in the LEFT lung"),
        ("Small haemothorax on the left with oedema.", "Small hemothorax on the left with edema."),
        ("No effusion was detected.", "No effusion was seen."),
        ("Left-sided pleural effusion", "Left pleural effusion"),
    ],
)
def test_spelling_hyphens_and_case_change_nothing(one, other):
    assert [fact.strict for fact in facts(one, "en")] == [fact.strict for fact in facts(other, "en")]
