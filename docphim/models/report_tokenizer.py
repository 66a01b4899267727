"""What the family `aligned` encodes with: the decoder's tokenizer, the report encoder's, and the sizes of its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from docphim.errors import Refused
from docphim.models.report_parts import check_tokenizer, report_parts

#: Where the report encoder's tokenizer lies in the folder of a saved model.
FOLDER = "report_tokenizer"


def read_report_tokenizer(source: str, within: str = FOLDER) -> Any:
    """The tokenizer of a report encoder, from a saved model or (`within` empty) from published weights.

    Raises
    ------
    Refused
        `weights_layout`: there is none, or it does not tell accents apart.
    """
    folder = Path(source) / within
    if not folder.is_dir():
        raise Refused("weights_layout", Path(source).name, f"there is no {within}: the report encoder has no tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    check_tokenizer(tokenizer, Path(source).name)
    return tokenizer


class Processor:
    """The tokenizers and sizes; `reports` is None where a model has no report encoder.

    `image_processor` is what is saved beside a model besides its decoder's tokenizer.
    """

    def __init__(self, tokenizer: Any, config: Any, reports: Any) -> None:
        self.tokenizer, self.config, self.reports = tokenizer, config, reports

    @property
    def image_processor(self) -> Processor:
        """This: images need no settings of their own."""
        return self

    def save_pretrained(self, folder: Path) -> None:
        """Write the report encoder's tokenizer."""
        if self.reports is not None:
            self.reports.save_pretrained(Path(folder) / FOLDER)

    def parts(self, text: str) -> list[list[int]]:
        """A report's token ids as its encoder reads them (`report_parts`)."""
        return report_parts(text, self.reports, self.config.report_longest, self.config.report_words)
