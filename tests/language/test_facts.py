"""Facts of a report, one row per thing that a report can say: chest films, chest CT and FDG PET/CT."""

import pytest

from docphim.language.facts import facts
from docphim.language.lexicon import load_lexicon
from docphim.language.measures import measured
from docphim.language.shorthand import shorthand as said

GOLDENS = [
    ("Không thấy tràn dịch, tràn khí màng phổi", ["pleura effusion -", "pleura pneumothorax -"]),
    ("Không thấy khối, dày nhẹ tổ chức kẽ đáy phổi", ["lung mass -", "interstitium thickening + base mild"]),
    ("không thấy hình đông đặc góc sườn hoành hai bên sáng", ["lung consolidation -", "costophrenic_angle clear normal both"]),
    ("Đám mờ không đồng nhất", ["lung opacity + ~heterogeneous"]),
    (
        "Góc sườn hoành phải tù, bên trái nhọn",
        ["costophrenic_angle blunted abnormal right", "costophrenic_angle sharp normal left"],
    ),
    ("Không thấy thay đổi nốt phổi phải", ["lung nodule + right unchanged"]),
    ("Không có sự thay đổi của nốt phổi phải", ["lung nodule + right unchanged"]),
    ("Hạch trung thất nhóm 7, SUVmax lớn nhất 9,3", ["mediastinum lymph_node + station_7 suv9.3"]),
    ("Hạch 4R không tăng chuyển hóa FDG", ["lymph_node lymph_node + station_4r", "lymph_node fdg_uptake - station_4r"]),
    ("Không thấy rõ tràn dịch màng phổi", ["pleura effusion + obscured"]),
    ("Không còn tràn dịch màng phổi trái", ["pleura effusion - left resolved"]),
    ("Nốt phổi phải không thay đổi", ["lung nodule + right unchanged"]),
    ("Theo dõi viêm phổi", ["lung pneumonia + possible"]),
    ("Đề nghị theo dõi", []),
    ("Không loại trừ lao", ["lung tuberculosis + not_excluded"]),
    ("Gãy xương sườn III", ["rib fracture + rib_3"]),
    ("Tràn khí dưới da", ["soft_tissue subcutaneous_emphysema +"]),
]

NEGATION = [
    ("Không thấy tràn dịch hay tràn khí màng phổi", ["pleura effusion -", "pleura pneumothorax -"]),
    ("Không thấy tràn dịch và tràn khí màng phổi", ["pleura effusion -", "pleura pneumothorax -"]),
    ("Không thấy tràn dịch - tràn khí màng phổi", ["pleura effusion -", "pleura pneumothorax -"]),
    ("Chưa thấy nốt, khối, đông đặc", ["lung nodule -", "lung mass -", "lung consolidation -"]),
    ("Chưa có tràn dịch màng phổi", ["pleura effusion -"]),
    ("Chưa loại trừ lao phổi", ["lung tuberculosis + not_excluded"]),
    ("Tràn khí màng phổi: không", ["pleura pneumothorax -"]),
    ("Tràn khí màng phổi (-)", ["pleura pneumothorax -"]),
    ("Không thấy tràn khí nhưng có tràn dịch màng phổi trái", ["pleura pneumothorax -", "pleura effusion + left"]),
    ("Phổi trái chưa thấy nốt mờ, có đông đặc thùy dưới", ["lung nodule - left", "lung consolidation + left lower_lobe"]),
    ("Không thấy bất thường xương", ["bone abnormality -"]),
    ("Không thấy nốt, đông đặc thùy dưới phổi trái", ["lung nodule -", "lung consolidation + left lower_lobe"]),
    ("Không thấy khối. Đông đặc thùy dưới phổi phải", ["lung mass -", "lung consolidation + right lower_lobe"]),
    ("Bóng tim không to", ["heart enlarged normal"]),
    ("Động mạch chủ không vôi hóa", ["aorta calcification -"]),
    ("Khí quản không lệch", ["trachea shift -"]),
    ("Không thấy hạch to", ["lymph_node lymphadenopathy -"]),
    ("Trung thất không rộng", ["mediastinum widened normal"]),
    ("Hai phổi không sáng", ["lung hazy abnormal both"]),
    ("Không rõ tổn thương dạng khối", ["lung mass + obscured"]),
    ("Chưa rõ tràn dịch màng phổi", ["pleura effusion + obscured"]),
    ("Nốt phổi phải, chưa rõ bản chất", ["lung nodule + right"]),  # what it is, is unclear, not whether it is there
    ("Khối phổi trái, nguyên nhân chưa xác định", ["lung mass + left"]),
    ("Tràn khí màng phổi trái đã hết", ["pleura pneumothorax - left resolved"]),
    ("Không thấy tràn dịch màng phổi, màng tim", ["pleura effusion -", "pericardium effusion -"]),
    (
        "Không thấy hạch to vùng cổ, thượng đòn hai bên",
        ["neck lymphadenopathy -", "supraclavicular_region lymphadenopathy - both"],
    ),
    ("Không thấy dày thành phế quản", ["bronchus peribronchial_thickening -"]),
    ("Không quan sát thấy hạch to, khí phế thũng", ["lymph_node lymphadenopathy -", "lung emphysema -"]),
    (
        "Phổi không có dày màng phổi, khí phế thũng và viêm phổi",
        ["pleura thickening -", "lung emphysema -", "lung pneumonia -"],
    ),
    (
        "Phổi phải không thấy tổn thương tăng chuyển hóa FDG, di căn xương",
        ["lung fdg_uptake - right", "bone metastasis -"],
    ),
    ("Động mạch chủ không vôi hóa, tràn dịch màng phổi", ["aorta calcification -", "pleura effusion +"]),
    ("Gan, lách, tụy không thấy bất thường", ["liver abnormality -", "spleen abnormality -", "pancreas abnormality -"]),
    ("Đã loại trừ lao phổi", ["lung tuberculosis -"]),
    ("Thoát vị hoành qua khe thực quản", ["esophagus hiatal_hernia +"]),
    ("Ko thấy tràn dịch màng phổi", ["pleura effusion -"]),
    ("Không có bằng chứng tràn khí màng phổi", ["pleura pneumothorax -"]),
    ("Tử cung không quan sát thấy", ["uterus absent abnormal"]),
    (
        "Màng phổi phải dày khí quản không lệch gan tăng chuyển hóa FDG",
        ["pleura thickening + right", "trachea shift -", "liver fdg_uptake +"],
    ),
    ("Màng phổi hai bên không dày", ["pleura thickening - both"]),
    ("Không thấy nốt nghi ngờ tổn thương thứ phát", ["lung nodule -", "lung metastasis -"]),
    ("Tim không to, không tràn dịch màng ngoài tim", ["heart enlarged normal", "pericardium effusion -"]),
    (
        "Nhu mô phổi không thấy tổn thương thâm nhiễm, đông đặc hay khối",
        ["lung infiltrate -", "lung consolidation -", "lung mass -"],
    ),
    ("Nốt thùy trên phổi phải, ít nghĩ đến ác tính", ["lung nodule + right upper_lobe", "lung cancer - right upper_lobe"]),
    ("Gan to, lách không to, không thấy sỏi mật", ["liver enlarged abnormal", "spleen enlarged normal", "bile_duct stone -"]),
    ("Nốt không đặc thùy dưới phổi trái 8 mm", ["lung nodule + left lower_lobe 8mm ~nonsolid"]),
    ("Ống nội khí quản có đầu tận ở phế quản gốc phải", ["bronchus .tip endotracheal_tube + right"]),
    ("Bắt FDG sinh lý đường tiêu hóa", ["bowel physiologic_uptake +"]),
    ("Nghĩ nhiều đến viêm hơn là u", ["? inflammation + probable", "? tumor -"]),
    ("Hai phổi sáng, trừ vài dải xơ đỉnh phổi phải", ["lung clear normal both", "lung fibrosis + right apex few"]),
]

CERTAINTY_AND_CHANGE = [
    ("Nghĩ nhiều đến tổn thương phổi kẽ", ["lung interstitial_disease + probable"]),
    ("Nghi ngờ nốt mờ thùy trên phổi phải", ["lung nodule + right upper_lobe possible"]),
    ("Khả năng do viêm phổi", ["lung pneumonia + possible"]),
    ("Có thể có tràn dịch màng phổi trái", ["pleura effusion + left possible"]),
    ("Đề nghị chụp CT ngực. Đông đặc phổi trái", ["lung consolidation + left"]),
    ("Đám mờ phổi phải, đề nghị theo dõi thêm", ["lung opacity + right"]),
    ("Tràn dịch màng phổi phải tăng so với phim trước", ["pleura effusion + right increased"]),
    ("Giảm tràn dịch màng phổi phải so với phim trước", ["pleura effusion + right decreased"]),
    ("Tăng kích thước nốt thùy trên phổi trái", ["lung nodule + left upper_lobe increased"]),
    ("Tim tăng kích thước", ["heart enlarged abnormal"]),
    (
        "Hạch nách hai bên, bên trái tăng, bên phải giảm",
        ["axilla lymph_node + both", "axilla lymph_node + left increased", "axilla lymph_node + right decreased"],
    ),
    (
        "Xẹp phổi kèm đông đặc thùy giữa phổi phải",
        ["lung atelectasis + right middle_lobe", "lung consolidation + right middle_lobe"],
    ),
    ("Kính mờ hai phổi, nghĩ do vi rút", ["lung ground_glass + both", "lung pneumonia + both probable ~viral"]),
    (
        "Nốt thùy trên phổi phải và thùy dưới phổi trái, không vôi hóa",
        [
            "lung nodule + right upper_lobe",
            "lung nodule + left lower_lobe",
            "lung calcification - right upper_lobe",
            "lung calcification - left lower_lobe",
        ],
    ),
    (
        "Đông đặc đáy phổi phải và nốt đỉnh phổi trái, vôi hóa",
        ["lung consolidation + right base", "lung nodule + left apex", "lung calcification + left apex"],
    ),
    ("Xẹp cũ thân đốt sống T11", ["vertebra vertebral_compression + vertebra_t11 ~old"]),
    ("Nốt và khối phổi phải tăng chuyển hóa FDG", ["lung nodule + right", "lung mass + right", "lung fdg_uptake + right"]),
    ("Đáy phổi trái khó đánh giá", ["lung obscured abnormal left base"]),
    (
        "Nốt phổi trái và hạch trung thất tăng chuyển hóa FDG",
        ["lung nodule + left", "mediastinum lymph_node +", "lung fdg_uptake + left", "mediastinum fdg_uptake +"],
    ),
    (
        "Tràn dịch màng phổi phải không đổi và nốt phổi trái bắt FDG",
        ["pleura effusion + right unchanged", "lung nodule + left", "lung fdg_uptake + left"],
    ),
    ("Tràn dịch màng phổi phải giảm so với phim trước", ["pleura effusion + right decreased"]),
    ("Nốt thùy trên phổi phải ổn định", ["lung nodule + right upper_lobe unchanged"]),
    ("Mới xuất hiện đám mờ đáy phổi trái", ["lung opacity + left base new"]),
    ("So với phim cũ, tràn dịch màng phổi phải giảm", ["pleura effusion + right decreased"]),
    ("Tràn dịch màng phổi phải tăng nhẹ so với phim trước", ["pleura effusion + right increased"]),
    ("Đám mờ thùy dưới phổi phải giảm nhiều", ["lung opacity + right lower_lobe decreased"]),
    (
        "So với phim chụp ngày 12/3, đám mờ đáy phổi trái giảm, tràn dịch màng phổi trái tăng",
        ["lung opacity + left base decreased", "pleura effusion + left increased"],
    ),
    ("Tưới máu phổi giảm", ["pulmonary_vessel decreased abnormal"]),
    ("Khối rốn phổi trái, tuần hoàn phổi trái giảm", ["hilum mass + left", "pulmonary_vessel decreased abnormal left"]),
    ("Tràn dịch màng phổi phải lượng ít, tăng", ["pleura effusion + right mild increased"]),
    ("Tràn dịch màng phổi phải chưa giảm so với phim cũ", ["pleura effusion + right unchanged"]),
]

SIDES_AND_PLACES = [
    ("TDMP (P)", ["pleura effusion + right"]),
    ("TDMP (T) lượng ít", ["pleura effusion + left mild"]),
    ("Tràn dịch màng phổi hai bên", ["pleura effusion + both"]),
    ("Dày màng phổi trái, phải", ["pleura thickening + both"]),
    ("Mờ phổi phải và hai bên", ["lung opacity + right", "lung opacity + both"]),
    (
        "Phổi phải: đông đặc thùy dưới, tràn dịch màng phổi lượng ít",
        ["lung consolidation + right lower_lobe", "pleura effusion + right mild"],
    ),
    ("Phổi phải có nốt mờ, phổi trái có khối mờ", ["lung nodule + right", "lung mass + left"]),
    (
        "Đông đặc thùy trên phổi phải và thùy dưới phổi trái",
        ["lung consolidation + right upper_lobe", "lung consolidation + left lower_lobe"],
    ),
    ("Nốt mờ đỉnh phổi trái", ["lung nodule + left apex"]),
    ("Đám mờ cạnh rốn phổi phải", ["lung opacity + right perihilar"]),
    ("Dải xơ thùy lưỡi phổi trái", ["lung fibrosis + left lingula"]),
    ("Nốt mờ 1/3 giữa phổi trái", ["lung nodule + left mid_zone"]),
    ("Nốt dưới màng phổi thùy dưới phổi trái", ["lung nodule + left lower_lobe subpleural"]),
    ("Đám mờ hạ đòn phải", ["lung opacity + right infraclavicular"]),
    ("Tràn dịch màng phổi phải, đẩy lệch trung thất sang trái", ["pleura effusion + right", "mediastinum shift + left"]),
    ("Vòm hoành phải cao", ["diaphragm elevated abnormal right"]),
    ("Tràn dịch màng phổi phải lượng nhiều", ["pleura effusion + right severe"]),
    ("Tràn dịch màng phổi trái lượng vừa", ["pleura effusion + left moderate"]),
    ("Gãy cung bên xương sườn từ số 5 đến số 8 trái", ["rib fracture + left lateral_arc rib_5 rib_6 rib_7 rib_8"]),
    ("Gãy sườn ngày thứ 3", ["rib fracture + ~3"]),
    ("Gãy sườn trái số 5", ["rib fracture + left rib_5"]),
    ("Các phế quản hai phổi giãn", ["bronchus dilatation + both"]),
    ("Thành phế quản thùy dưới phải dày", ["bronchus thickening + right lower_lobe"]),
    (
        "Nốt thùy trên phổi phải và thùy dưới phổi trái, kích thước lần lượt 8 mm và 11 mm",
        ["lung nodule + right upper_lobe 8mm", "lung nodule + left lower_lobe 11mm"],
    ),
    ("Xóa bờ tim phải", ["heart .margin obscured abnormal right"]),
    (
        "Vách liên tiểu thùy ở đáy phổi phải và đáy phổi trái dày",
        ["interstitium .septum thickening + right base", "interstitium .septum thickening + left base"],
    ),
    ("Tràn dịch màng phổi phải, phổi cùng bên xẹp", ["pleura effusion + right", "lung atelectasis + right"]),
    ("Tràn khí màng phổi trái, đẩy trung thất sang bên đối diện", ["pleura pneumothorax + left", "mediastinum shift + right"]),
    ("Đề nghị nội soi dạ dày: thành hang vị dày", ["stomach thickening +"]),
    (
        "Nốt thùy trên phổi phải và thùy dưới phổi trái, tăng chuyển hóa FDG",
        [
            "lung nodule + right upper_lobe",
            "lung nodule + left lower_lobe",
            "lung fdg_uptake + right upper_lobe",
            "lung fdg_uptake + left lower_lobe",
        ],
    ),
    ("Phổi trong.", ["lung clear normal"]),
    ("Khối trong phổi trái", ["lung mass + left"]),
    ("Hạch trung thất, rốn phổi không to", ["mediastinum lymphadenopathy -", "hilum lymphadenopathy -"]),
    (
        "Hạch trung thất, rốn phổi và hố nách hai bên không to",
        ["mediastinum lymphadenopathy -", "hilum lymphadenopathy - both", "axilla lymphadenopathy - both"],
    ),
    (
        "Hạch cổ, nách, bẹn không to",
        ["neck lymphadenopathy -", "axilla lymphadenopathy -", "inguinal_region lymphadenopathy -"],
    ),
    (
        "Hạch trung thất, rốn phổi không tăng chuyển hóa FDG",
        ["mediastinum lymph_node +", "hilum lymph_node +", "mediastinum fdg_uptake -", "hilum fdg_uptake -"],
    ),
    (
        "Hạch rốn phổi phải, rốn phổi trái và trung thất không to",
        ["hilum lymphadenopathy - right", "mediastinum lymphadenopathy - left"],
    ),
    ("Hạch trung thất, tim không to", ["mediastinum lymph_node +", "heart enlarged normal"]),
    ("Hạch trung thất 8 mm, rốn phổi không to", ["mediastinum lymph_node + 8mm", "hilum enlarged normal"]),
    ("Hạch nách, trung thất có kích thước bình thường", ["axilla lymph_node normal +", "mediastinum lymph_node normal +"]),
    (
        "Hạch cổ hai bên tăng chuyển hóa FDG (lớn nhất 21 mm bên phải)",
        ["neck lymph_node + both", "neck fdg_uptake + both", "neck lymph_node + right 21mm"],
    ),
    (
        "Thùy trên trái xẹp, kéo rốn phổi cùng bên lên cao, kéo nhẹ khí quản sang trái, cơ hoành trái lên cao",
        [
            "lung atelectasis + left upper_lobe",
            "hilum shift elevated + left",
            "trachea shift + left mild",
            "diaphragm elevated abnormal left",
        ],
    ),
    ("Kéo lệch trung thất sang phải", ["mediastinum shift + right"]),
    (
        "Mất góc sườn hoành trái, nghĩ đến tràn dịch màng phổi",
        ["costophrenic_angle obliterated abnormal left", "pleura effusion + left possible"],
    ),
    (
        "Hai thùy dưới có giãn phế quản hình trụ kèm dày thành phế quản",
        ["bronchus bronchiectasis + both lower_lobe", "bronchus peribronchial_thickening + both lower_lobe"],
    ),
    ("Cơ hoành hai bên thấp, phẳng", ["diaphragm flattened abnormal both"]),
    ("Mờ vùng cao phổi phải", ["lung opacity + right upper_zone"]),
]

NUMBERS = [
    ("Nốt thùy trên phổi phải kích thước 12 x 14 mm", ["lung nodule + right upper_lobe 12x14mm"]),
    ("Nốt thùy trên phổi phải kích thước 12x14mm", ["lung nodule + right upper_lobe 12x14mm"]),
    ("Nốt phổi phải đường kính 1,2 cm", ["lung nodule + right 12mm"]),
    ("Nốt phổi phải đường kính 1.2cm", ["lung nodule + right 12mm"]),
    ("Nốt phổi phải tăng chuyển hóa FDG (SUVmax 5,2)", ["lung nodule + right", "lung fdg_uptake + right suv5.2"]),
    ("Nốt phổi phải tăng chuyển hóa FDG, SUVmax = 5.2", ["lung nodule + right", "lung fdg_uptake + right suv5.2"]),
    ("Nốt phổi phải tăng chuyển hóa FDG, SUVmax 3,1 - 5,2", ["lung nodule + right", "lung fdg_uptake + right suv5.2"]),
    ("Gãy xương sườn số 6 bên trái", ["rib fracture + left rib_6"]),
    ("Gãy cung sau xương sườn V, VI bên phải", ["rib fracture + right posterior_arc rib_5 rib_6"]),
    ("Gãy cung bên các xương sườn 3, 4, 5 bên trái", ["rib fracture + left lateral_arc rib_3 rib_4 rib_5"]),
    ("Xẹp thân đốt sống D12", ["vertebra vertebral_compression + vertebra_t12"]),
    ("Xẹp đốt sống L1", ["vertebra vertebral_compression + vertebra_l1"]),
    ("Nốt phân thùy S6 phổi phải", ["lung nodule + right segment_6"]),
    ("Nốt phân thùy 6 phổi phải", ["lung nodule + right segment_6"]),
    ("Nốt thùy dưới phổi trái (S8)", ["lung nodule + left lower_lobe segment_8"]),
    ("Hạch nhóm 7", ["lymph_node lymph_node + station_7"]),
    ("Hạch nhóm 4R, 10L", ["lymph_node lymph_node + station_10l station_4r"]),
    ("Hai nốt mờ thùy dưới phổi trái", ["lung nodule + left lower_lobe 2"]),
    ("Vài nốt mờ rải rác hai phổi", ["lung nodule + both few ~scattered"]),
    ("Nhiều nốt mờ hai phổi", ["lung nodule + both multiple"]),
    ("Chỉ số tim/ngực 0,58", ["heart enlarged abnormal"]),
    ("Chỉ số tim ngực 48%", ["heart enlarged normal"]),
]

FILMS = [
    ("Lồng ngực cân đối", ["chest symmetric normal"]),
    ("Quai động mạch chủ vồng", ["aorta .arch bulging abnormal"]),
    ("Vôi hóa thành quai ĐMC", ["aorta .arch calcification +"]),
    ("Rốn phổi hai bên tăng đậm", ["hilum prominent abnormal both"]),
    ("Bờ vòm hoành hai bên đều", ["diaphragm .margin smooth normal both"]),
    ("Tim bình thường", ["heart normal normal"]),
    ("Bóng tim trong giới hạn bình thường", ["heart normal normal"]),
    ("Khí quản nằm ở giữa", ["trachea central normal"]),
    ("Dày dính màng phổi trái", ["pleura adhesion + left"]),
    ("Dày tổ chức kẽ hai đáy phổi", ["interstitium thickening + both base"]),
    ("Ống nội khí quản đúng vị trí", ["? endotracheal_tube normal +"]),
    ("Máy tạo nhịp thành ngực trái", ["heart pacemaker + left"]),
    ("Buồng tiêm dưới da ngực phải", ["chest central_line + right"]),
    ("Dẫn lưu màng phổi phải", ["pleura chest_drain + right"]),
    ("Chỉ thép xương ức", ["sternum sternotomy_wires +"]),
    ("Gù vẹo cột sống", ["spine kyphosis +", "spine scoliosis +"]),
    ("Thoái hóa cột sống ngực", ["spine degenerative_change + thoracic_spine"]),
    ("Gãy xương đòn trái", ["clavicle fracture + left"]),
    ("Tràn dịch màng ngoài tim", ["pericardium effusion +"]),
    ("Hang lao đỉnh phổi phải", ["lung cavity + right apex", "lung tuberculosis + right apex"]),
    ("Hiện tại chưa thấy bất thường trên phim X-quang ngực thẳng", ["? abnormality -"]),
    ("Phế huyết quản hai bên tăng đậm", ["lung_marking prominent abnormal both"]),
    ("Trung thất cân đối", ["mediastinum symmetric normal"]),
    ("Phần mềm thành ngực bình thường", ["chest_wall normal normal"]),
    ("Tim to toàn bộ, ứ huyết phổi", ["heart enlarged abnormal", "lung congestion +"]),
    ("Cung dưới trái phồng", ["heart .arc bulging abnormal lower_left_arc"]),
    ("Tái phân bố mạch máu phổi vùng đỉnh", ["pulmonary_vessel redistribution + apex"]),
    ("Xơ sẹo cũ đỉnh phổi hai bên", ["lung fibrosis + both apex ~old"]),
    ("Vôi hóa màng phổi trái", ["pleura calcification + left"]),
    ("Tràn dịch - tràn khí màng phổi trái", ["pleura effusion + left", "pleura pneumothorax + left"]),
    ("Tim phổi bình thường", ["heart normal normal", "lung normal normal"]),
    ("Theo dõi lao phổi, đề nghị xét nghiệm đờm", ["lung tuberculosis + possible"]),
    ("Viêm phổi?", ["lung pneumonia + possible"]),
    ("Dày vách liên tiểu thùy ngoại vi hai đáy phổi", ["lung septal_thickening + both base peripheral"]),
    (
        "Phổi phải sáng, phổi trái mờ không đồng nhất thùy dưới",
        ["lung clear normal right", "lung opacity + left lower_lobe ~heterogeneous"],
    ),
]

CT = [
    ("Đám kính mờ rải rác hai phổi", ["lung ground_glass + both ~scattered"]),
    ("Nốt bán đặc thùy trên phổi phải", ["lung nodule + right upper_lobe ~part_solid"]),
    ("Khối thùy trên phổi trái bờ tua gai", ["lung mass + left upper_lobe ~spiculated"]),
    ("Giãn phế quản thùy giữa phổi phải", ["bronchus bronchiectasis + right middle_lobe"]),
    ("Không thấy hình giãn phế quản phế nang", ["bronchus bronchiectasis -", "lung emphysema -"]),
    ("Khí phế thũng cạnh vách hai đỉnh phổi", ["lung emphysema + both apex paraseptal"]),
    ("Dày vách liên tiểu thùy ở đỉnh phổi phải", ["lung septal_thickening + right apex"]),
    ("Tổn thương dạng nụ trên cành thùy dưới phổi trái", ["lung tree_in_bud + left lower_lobe"]),
    ("Khí quản và phế quản gốc hai bên thông thoáng", ["trachea patent normal", "bronchus patent normal both"]),
    ("Không thấy hạch to trung thất và rốn phổi hai bên", ["mediastinum lymphadenopathy -", "hilum lymphadenopathy - both"]),
    ("Xơ vữa động mạch chủ ngực", ["aorta .thoracic atheroma +"]),
    ("Vôi hóa động mạch vành", ["coronary_artery calcification +"]),
    ("Xẹp thùy dưới phổi trái", ["lung atelectasis + left lower_lobe"]),
    ("Nang gan phân thùy 6", ["liver cyst + segment_6"]),
    ("Tuyến thượng thận hai bên bình thường", ["adrenal normal normal both"]),
    ("Thoát vị khe hoành", ["esophagus hiatal_hernia +"]),
    ("Huyết khối động mạch phổi phải", ["pulmonary_artery embolism + right"]),
    ("Vài nốt vôi hóa rải rác hai phổi", ["lung nodule + both few", "lung calcification + both ~scattered"]),
    ("Túi mật không sỏi, đường mật không giãn", ["gallbladder stone -", "bile_duct dilatation -"]),
    ("Gan không to, nhu mô đồng nhất", ["liver enlarged normal", "liver homogeneous normal"]),
    ("Các mạch máu lớn trung thất bình thường", ["great_vessel normal normal"]),
    ("Nốt mờ nhỏ trung tâm tiểu thùy thùy dưới hai phổi", ["lung nodule + both centrilobular lower_lobe ~small"]),
    ("Sau phẫu thuật cắt thùy trên phổi phải", ["lung resection + right upper_lobe"]),
    ("Tổn thương thứ phát xương sườn 5 bên phải", ["rib metastasis + right rib_5"]),
    (
        "Phổi trái: thể tích thùy trên giảm do xẹp; rốn phổi lệch lên trên, hoành trái cao; khối mờ vùng rốn 5 cm.",
        [
            "lung .volume decreased abnormal left upper_lobe",
            "lung atelectasis + left upper_lobe",
            "hilum shift + left",
            "diaphragm elevated abnormal left",
            "lung mass + left perihilar 50mm",
        ],
    ),
    (
        "Gan: không to; nhu mô đều; có nang 20 mm. Lách bình thường",
        ["liver enlarged normal", "liver smooth normal", "liver cyst + 20mm", "spleen normal normal"],
    ),
    ("Giãn buồng thất phải", ["heart_chamber dilatation + right_ventricle"]),
    ("Màng phổi vùng đỉnh phải và đỉnh trái dày", ["pleura thickening + right apex", "pleura thickening + left apex"]),
    ("Bóc tách động mạch chủ, chỗ rộng nhất động mạch chủ xuống 45 mm", ["aorta dissection +", "aorta .descending + 45mm"]),
    ("Phổi phải thùy dưới có nốt 9 mm, trước đây 6 mm, nay to lên", ["lung nodule + right lower_lobe 9mm increased"]),
    (
        "Kính mờ xen đông đặc thùy dưới phổi phải",
        ["lung ground_glass + right lower_lobe", "lung consolidation + right lower_lobe"],
    ),
    (
        "Hạch bắt FDG: cạnh thực quản 11 mm (SUVmax 5,0), hố thượng đòn trái 13 mm (SUVmax 6,2).",
        [
            "lymph_node lymph_node + paraesophageal",
            "lymph_node fdg_uptake + paraesophageal 11mm suv5",
            "supraclavicular_region lymph_node + left 13mm suv6.2",
        ],
    ),
    ("Thân đốt sống D9 xẹp nhẹ", ["vertebra vertebral_compression + vertebra_t9 mild"]),
    ("Đốt sống L1, L2 không xẹp", ["vertebra vertebral_compression - vertebra_l1 vertebra_l2"]),
    (
        "Thùy trên phải và thùy trên trái dày kẽ",
        ["interstitium thickening + right upper_lobe", "interstitium thickening + left upper_lobe"],
    ),
    ("Đề nghị siêu âm nốt tuyến giáp thùy trái: 14 mm", ["thyroid nodule + left 14mm"]),
    ("Thâm nhiễm lưới nốt hai đáy phổi", ["lung reticulation + both base"]),
    ("Huyết khối ở các nhánh phân thùy đáy bên phải", ["lung thrombus + right base"]),
    ("Hai phổi mờ lan tỏa, phù hợp ARDS", ["lung opacity + both ~diffuse", "lung ards + both probable"]),
    (
        "Hạch cổ trái nhóm IV (2 cm, SUVmax 9,5) và thượng đòn trái (1,5 cm, SUVmax 6,0)",
        ["neck lymph_node + left level_4 20mm suv9.5", "supraclavicular_region lymph_node + left 15mm suv6"],
    ),
    (
        "Hạch rốn phổi và trung thất phải không bắt FDG",
        ["hilum lymph_node +", "mediastinum lymph_node + right", "hilum fdg_uptake -", "mediastinum fdg_uptake - right"],
    ),
    ("Động mạch chủ lên 36 mm, không bóc tách", ["aorta .ascending + 36mm", "aorta .ascending dissection -"]),
    (
        "Nốt thùy dưới phải 9 mm, tăng nhẹ chuyển hóa FDG (SUVmax: 2,6), tăng kích thước so với phim trước (6 mm)",
        ["lung nodule + right lower_lobe 9mm increased", "lung fdg_uptake + right lower_lobe mild suv2.6"],
    ),
    ("Đa nhân giáp", ["thyroid nodule + multiple"]),
    ("Tăng nhẹ FDG ở hạch bẹn hai bên", ["inguinal_region fdg_uptake + both mild"]),
    (
        "Đông đặc thùy dưới hai bên có phế quản khí",
        ["lung consolidation + both lower_lobe", "lung air_bronchogram + both lower_lobe"],
    ),
    (
        "Xẹp thùy giữa phổi phải dạng đám mờ hình tam giác bờ rõ",
        ["lung atelectasis + right middle_lobe ~wedge ~well_defined"],
    ),
    (
        "Giãn phế quản thùy dưới trái, đọng nhầy",
        ["bronchus bronchiectasis + left lower_lobe", "bronchus mucus_plug + left lower_lobe"],
    ),
    ("Nốt thùy trên phổi phải bờ rõ", ["lung nodule + right upper_lobe ~well_defined"]),
    ("Khối thùy trên phổi trái bờ không đều", ["lung mass + left upper_lobe ~irregular_margin"]),
    ("Gan bờ không đều", ["liver irregular abnormal"]),
    ("Tràn dịch màng phổi phải, góc sườn hoành trái rõ", ["pleura effusion + right", "costophrenic_angle sharp normal left"]),
    ("Vòm hoành trái có thoát vị", ["diaphragm diaphragmatic_hernia + left"]),
    ("Nốt phổi thùy dưới phải giảm kích thước", ["lung nodule + right lower_lobe decreased"]),
    (
        "Các hạch trung thất, rốn phổi hai bên tăng chuyển hóa FDG",
        ["mediastinum lymph_node +", "hilum lymph_node + both", "mediastinum fdg_uptake +", "hilum fdg_uptake + both"],
    ),
    (
        "Hang thùy trên phổi phải có u nấm bên trong",
        ["lung cavity + right upper_lobe", "lung fungal_infection + right upper_lobe"],
    ),
    ("Vòm hoành hai bên không thấp", ["diaphragm flattened normal both"]),
    (
        "Hạch tăng FDG: cạnh khí quản phải 1,5 cm, SUVmax 9,1; rốn phổi phải 1,2 cm, SUVmax 6,4.",
        [
            "lymph_node lymph_node + right paratracheal",
            "lymph_node fdg_uptake + right paratracheal 15mm suv9.1",
            "hilum lymph_node + right",
            "hilum fdg_uptake + right 12mm suv6.4",
        ],
    ),
    ("Trực tràng có thành dày trên đoạn 6 cm, tăng FDG", ["rectum thickening + 60mm", "rectum fdg_uptake +"]),
    ("Khoang liên sườn giãn rộng", ["lung hyperinflation +"]),
    (
        "Giãn thất phải, thân động mạch phổi đường kính 31 mm",
        ["heart_chamber dilatation + right_ventricle", "pulmonary_artery .trunk + 31mm"],
    ),
]

PET = [
    ("Không thấy ổ tăng chuyển hóa FDG khu trú bất thường", ["? fdg_uptake -"]),
    ("Bắt FDG sinh lý ở não", ["brain physiologic_uptake +"]),
    ("Tổn thương gan tăng chuyển hóa FDG", ["liver lesion +", "liver fdg_uptake +"]),
    (
        "Khối thùy trên phổi phải kích thước 32 x 28 mm tăng chuyển hóa FDG mạnh, SUVmax 12,4",
        ["lung mass + right upper_lobe 32x28mm", "lung fdg_uptake + right upper_lobe severe suv12.4"],
    ),
    (
        "Hạch thượng đòn trái không tăng chuyển hóa FDG",
        ["supraclavicular_region lymph_node + left", "supraclavicular_region fdg_uptake - left"],
    ),
    ("Không thấy tăng chuyển hóa FDG bất thường ở gan và lách", ["liver fdg_uptake -", "spleen fdg_uptake -"]),
    (
        "Tổn thương xương chậu phải tăng chuyển hóa FDG (SUVmax: 8,1)",
        ["pelvic_bone lesion + right", "pelvic_bone fdg_uptake + right suv8.1"],
    ),
    ("Hạch rốn phổi hai bên tăng nhẹ chuyển hóa FDG", ["hilum lymph_node + both", "hilum fdg_uptake + both mild"]),
    ("Không tăng chuyển hóa FDG ở tuyến thượng thận hai bên", ["adrenal fdg_uptake - both"]),
    ("Tăng chuyển hóa FDG lan tỏa tủy xương", ["bone_marrow fdg_uptake + ~diffuse"]),
    ("Phổi: không thấy tăng chuyển hóa FDG khu trú bất thường", ["lung fdg_uptake -"]),
    (
        "Xẹp thân đốt sống T7, tăng chuyển hóa FDG (SUVmax: 5)",
        ["vertebra vertebral_compression + vertebra_t7", "vertebra fdg_uptake + vertebra_t7 suv5"],
    ),
]

ENGLISH = [
    ("No pleural effusion or pneumothorax.", ["pleura effusion -", "pleura pneumothorax -"]),
    ("The heart is enlarged.", ["heart enlarged abnormal"]),
    ("The heart is not enlarged.", ["heart enlarged normal"]),
    ("Small left pleural effusion.", ["pleura effusion + left mild"]),
    ("A 12 x 14 mm nodule in the right upper lobe.", ["lung nodule + right upper_lobe 12x14mm"]),
    ("Blunted right costophrenic angle.", ["costophrenic_angle blunted abnormal right"]),
    ("Possible pneumonia in the left lower lobe.", ["lung pneumonia + left lower_lobe possible"]),
    ("Fracture of the right third rib.", ["rib fracture + right rib_3"]),
    ("Pneumothorax was not observed.", ["pleura pneumothorax -"]),
    ("No nodule, mass or consolidation.", ["lung nodule -", "lung mass -", "lung consolidation -"]),
    ("The lungs are clear.", ["lung clear normal"]),
    ("Right pleural effusion has resolved.", ["pleura effusion - right resolved"]),
    ("Tuberculosis cannot be excluded.", ["lung tuberculosis + not_excluded"]),
    ("Subcutaneous emphysema.", ["soft_tissue subcutaneous_emphysema +"]),
    ("Calcification of the aortic arch.", ["aorta .arch calcification +"]),
    ("Moderate right pleural effusion.", ["pleura effusion + right moderate"]),
]  # fmt: skip

ROWS = [*GOLDENS, *NEGATION, *CERTAINTY_AND_CHANGE, *SIDES_AND_PLACES, *NUMBERS, *FILMS, *CT, *PET]


@pytest.mark.parametrize(("text", "expected"), ROWS)
def test_vietnamese_sentence(text, expected):
    assert [said(fact) for fact in facts(text, "vi")] == expected


@pytest.mark.parametrize(("text", "expected"), ENGLISH)
def test_english_sentence(text, expected):
    assert [said(fact) for fact in facts(text, "en")] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("suvmax 3,1 - 5,2", (4, (5.2,))),  # of a range the greatest
        ("suvmax 5,2 5,9", (2, (5.2,))),
        ("suvmax 5,2 x 3", (2, (5.2,))),
        ("suvmax : 5,2", (3, (5.2,))),
        ("suvmax ( 5,2 ) và", (4, (5.2,))),
        ("nốt 5,2", None),
    ],
)
def test_a_standardised_uptake_is_one_number_or_the_greatest_of_a_range(text, expected):
    item = measured(text.split(), load_lexicon("vi")).get(0)
    assert (item and (item.end, item.values)) == expected
