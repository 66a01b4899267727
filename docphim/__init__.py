"""Docphim: radiology studies with reports in, an audited dataset, a fine-tuned model, drafted reports and scores out."""

__version__ = "0.1.0"
