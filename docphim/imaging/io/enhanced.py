"""Enhanced multi-frame CT: one file holds a whole series, each frame described by its functional groups (PS3.3 C.7.6.16)."""

from __future__ import annotations

import pydicom
from pydicom import uid

from docphim.errors import Refused
from docphim.imaging import limits
from docphim.imaging.io import dicom

#: Enhanced CT, and what was made of single slices afterwards.
CLASSES = (uid.EnhancedCTImageStorage, uid.LegacyConvertedEnhancedCTImageStorage)
#: Enhanced PET, and what was made of single slices afterwards: what SUV needs stands elsewhere in them than in a single slice.
_PET = ("1.2.840.10008.5.1.4.1.1.130", "1.2.840.10008.5.1.4.1.1.128.1")
#: The groups in which a frame, or all frames together, say what a single slice says of itself.
_GROUPS = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "RescaleType"),
    "CTReconstructionSequence": ("ConvolutionKernel",),
    "CTImageFrameTypeSequence": ("FrameType",),
    "FrameContentSequence": ("FrameAcquisitionNumber", "TemporalPositionIndex"),
}
#: What the same thing is called of a single slice.
_SINGLE = {
    "FrameType": "ImageType",
    "FrameAcquisitionNumber": "AcquisitionNumber",
    "TemporalPositionIndex": "TemporalPositionIdentifier",
}
#: Tags that a header must have been read for.
TAGS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


def has_frames(header: pydicom.Dataset) -> bool:
    """Whether frames are described by groups, or there are several without."""
    return dicom.integer(header, "NumberOfFrames", 1) > 1 or dicom.text(header, "SOPClassUID") in CLASSES


def count(header: pydicom.Dataset) -> int:
    """How many frames a file holds.

    Raises
    ------
    Refused
        `multiframe`: it is an Enhanced PET, which is named.
    """
    if (kind := dicom.text(header, "SOPClassUID")) in _PET:
        name = uid.UID(kind).name
        raise Refused("multiframe", "", f"{name} is not read: its scanner or archive can write it as single slices")
    return dicom.integer(header, "NumberOfFrames", 1)


def frames(header: pydicom.Dataset) -> list[pydicom.Dataset]:
    """A header for each frame, as a file of its own would have it: the frame's groups before those that all share.

    Raises
    ------
    Refused
        `multiframe`: several frames of another kind of object; `file_unreadable`: more or fewer groups than frames;
        `image_too_large`.
    """
    count = dicom.integer(header, "NumberOfFrames", 1)
    if dicom.text(header, "SOPClassUID") not in CLASSES:
        raise Refused("multiframe", "", "a file of the series holds several frames and is no enhanced CT")
    limits.check_voxels((count, dicom.integer(header, "Rows", 0), dicom.integer(header, "Columns", 0)))
    shared, each = (dicom.items(header, keyword) for keyword in TAGS)
    if len(each) != count:
        raise Refused("file_unreadable", "", f"the file holds {count} frames and describes {len(each)}")
    common = pydicom.Dataset({element.tag: element for element in header if element.keyword not in (*TAGS, "NumberOfFrames")})
    common.file_meta = header.file_meta
    return [_single(common, [*shared[:1], frame]) for frame in each]


def _single(common: pydicom.Dataset, groups: list[pydicom.Dataset]) -> pydicom.Dataset:
    single = pydicom.Dataset({element.tag: element for element in common})
    single.file_meta = common.file_meta
    with dicom.quiet():
        for group in groups:
            for sequence, keywords in _GROUPS.items():
                for item in dicom.items(group, sequence)[:1]:
                    for keyword in keywords:
                        value = dicom.value_of(item, keyword)
                        if value is not None:
                            setattr(single, _SINGLE.get(keyword, keyword), value)
    return single
