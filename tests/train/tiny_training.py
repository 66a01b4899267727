"""Settings and examples of a training that takes a second."""

from docphim.recipe import Model, Train
from docphim.study import Example, Media, Message

SIZES = {"vocab": 300, "hidden": 32, "layers": 1, "heads": 2, "vision_hidden": 16, "vision_layers": 1}
TEXTS = ("Tim không to. Phổi sáng đều hai bên.", "Bóng tim to, chỉ số tim ngực lớn hơn 0.5.", "Tràn dịch màng phổi phải.")


def example(number: int, split: str, text: str) -> Example:
    study = f"{split}{number:03d}"
    messages = [
        Message("user", "<image>\nMô tả hình ảnh."),
        Message("assistant", text, "report:findings"),
    ]
    media = [Media(study, "image", {"xray": f"prepared/{study}.b2nd"})]
    return Example(f"{study}-findings", study, study, split, "findings", "vi", messages, media)


def model_section(**changes) -> dict:
    base = {"family": "qwen_vl", "tune": "full", "freeze": [], "image_size": 56, "tiny": SIZES}
    return Model.model_validate(base | changes).model_dump()


def train_section(**changes) -> dict:
    base = {"max_steps": 4, "batch_size": 2, "learning_rate": 1e-3, "evaluations": 2, "max_length": 200}
    return Train.model_validate(base | changes).model_dump()
