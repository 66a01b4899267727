"""A small dataset and run on disk, made of known sentences, so that floors and reliance can be foretold."""

from pathlib import Path

import numpy as np
import pytest

from docphim.evaluate import evaluate
from docphim.files import write_jsonl
from docphim.study import Example, Media, Message, Prediction, Report, Series, Study, to_row

HEART = {True: "Bóng tim to.", False: "Bóng tim không to."}
SIDE = {"right": "Tràn dịch màng phổi phải.", "left": "Tràn dịch màng phổi trái.", None: "Không thấy tràn dịch màng phổi."}
LABELS = ("cardiomegaly", "effusion_right", "effusion_left")


def report(number: int) -> tuple[str, dict[str, int]]:
    """Report and truth of a study: six kinds in turn."""
    heart, side = number % 2 == 0, ("right", "left", None)[number % 3]
    labels = {"cardiomegaly": int(heart), "effusion_right": int(side == "right"), "effusion_left": int(side == "left")}
    return f"{HEART[heart]} {SIDE[side]}", labels


class Made:
    """Writes studies, examples, thumbnails and predictions; every study is its own patient."""

    def __init__(self, folder: Path, train: int, test: int) -> None:
        self.dataset, self.run = folder / "data", folder / "run"
        self.ids = {"train": [f"t{i}" for i in range(train)], "test": [f"s{i}" for i in range(test)]}
        write_jsonl(self.dataset / "studies.jsonl", (to_row(self.study(i)) for ids in self.ids.values() for i in ids))
        for split, ids in self.ids.items():
            write_jsonl(self.dataset / "examples" / f"{split}.jsonl", (to_row(self.example(i, split)) for i in ids))
        both = [*self.ids["train"], *self.ids["test"]]
        write_jsonl(
            self.dataset / "prepared" / "index.jsonl",
            ({"study": i, "modality": "xray", "path": f"prepared/{i}.b2nd"} for i in both),
        )
        np.save(self.dataset / "prepared" / "thumbs-xray.npy", np.stack([self.thumb(i) for i in both]))

    @staticmethod
    def thumb(study: str) -> np.ndarray:
        """The same pattern for the same kind of report, at another brightness and with a little noise."""
        number = int(study[1:])
        pattern = np.random.default_rng(number % 6).normal(size=(32, 32))
        noise = np.random.default_rng(100 + number + len(study)).normal(size=(32, 32))
        return (pattern + 0.1 * noise + number).astype(np.float32)

    def study(self, study: str) -> Study:
        number = int(study[1:])
        text, labels = report(number)
        truth = {"labels": labels, "reworded": {"findings": text.replace("Không thấy", "Chưa thấy"), "impression": ""}}
        sex, age = ("F", 60 + number % 10) if number % 2 else ("M", 70)
        series = [Series(study, "CR", f"prepared/{study}.b2nd")]
        return Study(
            study, f"p-{study}", sex, age, None, series, Report("vi", {"findings": text}), None, None, "phantom", truth
        )

    def example(self, study: str, split: str) -> Example:
        messages = [
            Message("user", "<image>\nMô tả hình ảnh."),
            Message("assistant", report(int(study[1:]))[0], "report:findings"),
        ]
        media = [Media(study, "image", {"xray": f"prepared/{study}.b2nd"})]
        return Example(f"{study}-findings", study, f"p-{study}", split, "findings", "vi", messages, media)

    def prediction(self, study: str, image: str, text: str, finish: str = "stop", **change) -> Prediction:
        reference = report(int(study[1:]))[0]
        row = [
            f"{study}-findings",
            0,
            "none",
            image,
            study,
            study,
            f"p-{study}",
            "findings",
            text,
            reference,
            finish,
            "tiny",
            False,
            None,
        ]
        return Prediction(**(dict(zip(Prediction.__slots__, row, strict=True)) | change))

    def predict(self, predictions: list[Prediction]) -> None:
        write_jsonl(self.run / "predictions.jsonl", map(to_row, predictions))


@pytest.fixture
def made(tmp_path) -> Made:
    """A dataset and run of its own for a test that changes them."""
    return perfect(tmp_path)


@pytest.fixture(scope="session")
def scored(tmp_path_factory) -> Made:
    """A dataset and run that has been evaluated; not to be changed."""
    made = perfect(tmp_path_factory.mktemp("scored"))
    evaluate(made.dataset, made.run, language="vi", resamples=200, seed=5)
    return made


def perfect(folder: Path) -> Made:
    """120 training and 60 test studies; the model is right on the own film and says the partner's report on another's."""
    made = Made(folder, 120, 60)
    rows = []
    for i, study in enumerate(made.ids["test"]):
        partner = made.ids["test"][(i + 7) % 60]
        rows.append(made.prediction(study, "own", report(i)[0]))
        rows.append(made.prediction(study, "noise", report(0)[0]))
        rows.append(made.prediction(study, "blank", ""))
        rows.append(made.prediction(study, "other", report(int(partner[1:]))[0], image_study=partner))
    made.predict(rows)
    return made
