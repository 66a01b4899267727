"""The ways Docphim says no: bad input is `Refused` with a reason code, a wrong command or recipe is `UsageError`."""

from __future__ import annotations

import errno

#: Every reason code a rejection may carry, with the sentence that explains it.  One table, read by docs and tests.
REASONS: dict[str, str] = {
    # files
    "file_missing": "the file does not exist",
    "file_empty": "the file has no bytes",
    "file_truncated": "the file ends before its data does",
    "file_unreadable": "the file is not an image or a study that Docphim reads",
    "file_protected": "the file is protected by a password",
    "file_changed": "the file is not the one that was ingested",
    "executable_preamble": "the DICOM preamble holds an executable program",
    "unsafe_path": "a path leaves the folder it was given in, or its name is no text",
    # pixels
    "pixels_missing": "the file has no pixel data",
    "pixels_undecodable": "the pixel data cannot be decoded",
    "decoding_too_slow": "decoding the pixel data does not end in the time a film may take",
    "pixels_constant": "every pixel has the same value",
    "contrast_lost": "next to nothing of the film can be told apart: it is nearly all black and white, or nearly one grey",
    "pixels_not_finite": "the pixels hold NaN or infinity",
    "image_too_large": "the image claims more pixels than a film can have",
    "image_too_small": "the image is smaller than a film can be",
    "photometric_unknown": "the photometric interpretation is absent or not one of a film",
    "multiframe": "the file holds several frames where one film is expected",
    "no_geometry": "the file does not say where its voxels are",
    "slices_missing": "slices of the series are missing",
    "duplicate_position": "two slices of the series lie in the same place",
    "gantry_tilt": "the slices are sheared, as by a tilted gantry",
    "series_mixed": "the files are not of one series",
    "unit_unknown": "the file does not say what its numbers mean",
    "not_hu": "the values are no Hounsfield units of a chest",
    "suv_unknown": "the header does not say how the values become SUV",
    "suv_times": "the tracer was injected after the scan, or too long before it",
    "half_life_differs": "the half-life is not that of the nuclide that the header names",
    "suv_unbalanced": "the values cannot be SUV of a body",
    "not_attenuation_corrected": "the PET is not corrected for attenuation",
    "ct_missing": "the study has a PET and no CT that can be laid on it",
    "pet_missing": "the study has a CT and no PET",
    "liver_missing": "no liver is seen by whose uptake the scan could be judged",
    "overlap_missing": "the CT does not show what the PET shows",
    "volume_missing": "the study lacks a volume that the task needs",
    "no_question": "the report answers no question of the task, or none that is left to ask",
    "parts_unknown": "nothing says which slices show the parts of the body that the task asks about",
    "frame_of_reference_differs": "volumes to be shown together lie in different frames of reference",
    "shape_differs": "volumes to be shown together are not on one grid",
    "no_body": "no slice of the volume shows a body",
    "ct_flipped": "the CT shows the spine in front: front and back are changed",
    "volume_upside_down": "the volume shows the thighs at its top: head and feet are changed",
    "stack_empty": "no slice is left to show",
    "polarity_contradicts": "the header says one polarity and the pixels another",
    "upside_down": "the film shows a chest upside down",
    "sideways": "the film shows a chest lying on its side",
    "not_a_chest_film": "the picture is no frontal film of a chest: a drawing, a page of text, another part of the body",
    "burned_in_text": "text that may name somebody is burned into the film",
    # scope
    "modality_unsupported": "this version reads no study of this modality",
    "body_part_out_of_scope": "the header names, or the slices show, another body part than the chest",
    "view_out_of_scope": "the film is a lateral or oblique view",
    "species_out_of_scope": "the header names an animal",
    "quality_control": "the film was made to test the machine",
    "for_processing": "the film is FOR PROCESSING: raw detector values, not for display",
    # reports and studies
    "report_missing": "the image has no report",
    "report_empty": "the report has no text left",
    "identity_doubtful": "the report seems to hold a signature that the rules do not understand",
    "report_headings": "none of the report's headings opens a section that is known",
    "report_duplicate": "two rows give different reports for the same study",
    "report_ambiguous": "the report's id matches more than one study",
    "id_mangled": "a spreadsheet has turned the id into a rounded number",
    "id_unsafe": "the id is to be kept and cannot name a file, or would become another study's or patient's",
    "id_missing": "the row holds nothing by which its image could be found",
    "row_unreadable": "the row cannot be told from its neighbours: a stray quotation mark, shifted, missing or extra cells",
    "columns_unclear": "the sheet lacks a column that the recipe names, or two of its columns hold one part of the report",
    "report_encoding": "letters of the report are lost or stand for others",
    "report_not_text": "the document holds pictures of text, or tables alone",
    "document_mixed": "the document names several patients or studies",
    "image_missing": "the report has no image",
    "split_missing": "the source puts the study into no split",
    "patient_in_two_splits": "the source puts one patient into more than one split",
    "shard_repeated": "the shard holds the rows of another shard once more",
    "duplicate_uid": "two files share an instance UID and differ in pixels, patient or study",
    "study_mixed_patients": "one study holds images of different patients",
    "patient_mismatch": "the film's header names another patient than the report's row",
    "section_missing": "the report lacks a section that the task needs",
    # runs
    "too_many_rejected": "more studies were rejected than the recipe allows",
    "ambiguous_prompt": "two tasks would ask different things under the same words",
    "features_unfit": "stored features are of another study or shape",
    "too_long": "a sample does not fit the length budget",
    "weights_layout": "the checkpoint is not in the layout transformers loads",
    "weights_missing": "the weights are not on this machine",
    "weights_unsafe": "the checkpoint holds pickled weights or remote code",
    "weights_incomplete": "the checkpoint lacks weights that the model needs",
    "checkpoint_corrupt": "the checkpoint does not match its manifest",
    "loss_not_finite": "the training loss is NaN or infinite",
    "disk_full": "the disk is full",
    "memory_full": "this machine has not enough memory",
    "folder_unusable": "a folder or a file in it cannot be read or written",
    "worker_killed": "a worker process cannot be started, or was killed",
    "upload_not_allowed": "the recipe does not allow sending data to this host",
    "endpoint_failing": "the endpoint answers no request",
    "empty_dataset": "no study is left",
    "pairs_incomplete": "ids of the pairs file are missing, extra or double",
    "texts_unreadable": "the file is not JSONL of id and text",
    "labels_differ": "the classifier's labels are not those of the set",
    "pairs_unreadable": "the file is not JSONL, CSV or TSV of what it should hold",
    "signature_differs": "the scores were made under different conventions",
    "split_differs": "the runs were tested on different splits of the studies",
    "references_differ": "the runs were judged against different references",
    "ids_differ": "the runs did not answer the same examples",
    "scores_outdated": "an older version evaluated the run: evaluate it again",
    "marks_unreadable": "the file does not hold marks that a reader saved from the page",
    "marks_differ": "the marks were made on another run, other drafts or other references",
    "reading_unreadable": "the file does not hold what the page of a validation saves",
    "reading_version": "the file is of another version than is read here",
    "reading_open": "the file is not locked, or something in it is not decided",
    "reading_changed": "the file is not what was locked",
    "reading_differs": "the file belongs to another set, or to another reader",
}


#: System errors that a machine, not Docphim, is to blame for, in words.
ENVIRONMENT: dict[int, str] = {
    errno.EACCES: "this user may not read or write it",
    errno.EPERM: "this user may not read or write it",
    errno.EROFS: "the file system is read-only",
    errno.ENOENT: "it is not there any more",
    errno.ENOTDIR: "a file stands where a folder is to be",
    errno.EISDIR: "a folder stands where a file is to be",
    errno.ENAMETOOLONG: "its name is longer than the file system takes",
    errno.ENOSPC: "the disk is full; the same command goes on from here",
    errno.EDQUOT: "the disk is full; the same command goes on from here",
    errno.EIO: "the disk cannot read or write it",
    errno.ENOLCK: "the file system keeps no locks",
    errno.ENOSYS: "the file system keeps no locks",
    errno.ENOTSUP: "the file system cannot do what is needed",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ESTALE: "the network folder is gone",
    errno.ENODEV: "the device is gone",
    errno.ENXIO: "the device is gone",
}

#: Those of them that one wrong path causes.
_OF_A_PATH = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


def environment(error: OSError, place: str = "") -> Refused | None:
    """An error of the system as a refusal, where this machine and not Docphim is to blame; its own message may hold a name."""
    if error.errno not in ENVIRONMENT:
        return None
    known = {errno.ENOSPC: "disk_full", errno.EDQUOT: "disk_full", errno.ENOENT: "file_missing"}
    return Refused(known.get(error.errno, "folder_unusable"), place, ENVIRONMENT[error.errno])


def machine(error: BaseException, place: str = "") -> Refused | None:
    """What of an exception, or of those it was raised from, this machine is to blame for: memory, a disk, permissions.

    A path at which something else stands than was meant, or nothing, says nothing of the machine: None.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return Refused("memory_full", place, "this machine has not enough memory; with fewer workers each has more")
        if isinstance(cause, OSError) and cause.errno not in _OF_A_PATH and (refusal := environment(cause, place)):
            return refusal
        cause = cause.__cause__ or cause.__context__
    return None


#: Letters of a value, and of a key, that a message repeats at most.
SHOWN = 80


def printable(text: object, most: int | None = None) -> str:
    """Words from outside as they may be shown: nothing that steers a terminal or turns a line, at most `most` letters.

    Letters that cannot be printed become U+FFFD, line ends and tabs a blank.

    >>> printable("a\x1b[2Jb", 5)
    'a\ufffd[2J…'
    """
    words = str(text)
    if most is not None and len(words) > most:
        words = words[:most] + "…"
    return "".join(c if c.isprintable() else " " if c in "\n\r\t" else "\N{REPLACEMENT CHARACTER}" for c in words)


class Refused(Exception):
    """Input that cannot be used, and why.

    Parameters
    ----------
    reason : str
        A code of `REASONS`.
    where : str
        What was refused: a hashed id or a name the user typed; never a patient's name or an original path.
    why : str
        One sentence with the value that was found.
    """

    def __init__(self, reason: str, where: str = "", why: str = "") -> None:
        if reason not in REASONS:
            raise ValueError(f"unknown reason code {reason!r}")
        self.reason, self.where, self.why = reason, where, why or REASONS[reason]
        super().__init__(reason, where, self.why)

    def __str__(self) -> str:
        place = f" {self.where}:" if self.where else ""
        return f"{self.reason}:{place} {self.why}"


class UsageError(Exception):
    """A command or recipe that is wrong; the message names the field and the allowed values (exit code 2)."""
