"""Films made for tests: a drawn chest with a marker on the patient's left, and its way into DICOM under any transfer syntax."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

from docphim.imaging.io.dicom import quiet

CR = "1.2.840.10008.5.1.4.1.1.1"


def chest(height: int = 240, width: int = 200) -> np.ndarray:
    """A frontal chest in float 0..1, white dense, upright; a white marker stands in the viewer's upper right."""
    y, x = np.mgrid[0:height, 0:width]
    y, x = (y + 0.5) / height, (x + 0.5) / width
    film = np.full((height, width), 0.05)
    film[(np.abs(x - 0.5) / 0.46) ** 4 + (np.abs(y - 0.55) / 0.55) ** 4 < 1] = 0.55
    for centre in (0.29, 0.71):
        film[((x - centre) / 0.15) ** 2 + ((y - 0.45) / 0.3) ** 2 < 1] = 0.15
    film[np.abs(x - 0.5) < 0.09] = 0.85
    film[y > 0.8] = 0.9
    film[(x > 0.9) & (x < 0.96) & (y > 0.04) & (y < 0.12)] = 1.0
    return film + 0.02 * np.sin(37 * x) * np.cos(29 * y)


def stored(bits: int = 12, *, negative: bool = False, signed: bool = False, height: int = 240, width: int = 200) -> np.ndarray:
    """`chest` as stored values of `bits` bits; `negative` for MONOCHROME1, `signed` centred on zero."""
    film = np.clip(chest(height, width) / 1.05, 0, 1)
    values = np.rint((1 - film if negative else film) * (2**bits - 1)).astype(np.int64)
    if signed:
        return (values - 2 ** (bits - 1)).astype(np.int16 if bits > 8 else np.int8)
    return values.astype(np.uint16 if bits > 8 else np.uint8)


def dataset(array: np.ndarray, bits: int, **tags: Any) -> Dataset:
    """A CR data set of stored values; `tags` by keyword replace or (None) remove attributes."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = CR
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = CR, "1.2.3.4", "CR"
    ds.PatientName, ds.PatientID = "Nguyễn^Văn Thử", "BN000123"
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.Rows, ds.Columns = array.shape[:2]
    ds.SamplesPerPixel = array.shape[2] if array.ndim == 3 else 1
    ds.PhotometricInterpretation = "RGB" if array.ndim == 3 else "MONOCHROME2"
    if array.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = array.dtype.itemsize * 8, bits, bits - 1
    ds.PixelRepresentation = int(array.dtype.kind == "i")
    ds.PixelData = array.tobytes() + b"\0" * (array.nbytes % 2)
    ds["PixelData"].VR = "OW" if array.dtype.itemsize > 1 else "OB"
    with quiet():  # the standard's limits on values are what some tests break
        for keyword, value in tags.items():
            if value is None:
                delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)
    return ds


def as_bytes(ds: Dataset) -> bytes:
    """The DICOM file of a data set."""
    out = io.BytesIO()
    with quiet():
        ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def film(bits: int = 12, **tags: Any) -> bytes:
    """The bytes of an uncompressed 240 x 200 film; MONOCHROME1 among the tags makes the stored values negative."""
    negative = tags.get("PhotometricInterpretation") == "MONOCHROME1" or tags.get("PresentationLUTShape") == "INVERSE"
    return as_bytes(dataset(stored(bits, negative=negative), bits, **tags))


def compressed(ds: Dataset, syntax: uid.UID) -> bytes:
    """The DICOM file of a data set under a compressed transfer syntax."""
    if syntax == uid.JPEGBaseline8Bit:
        out = io.BytesIO()
        Image.fromarray(ds.pixel_array).save(out, "JPEG", quality=98)
        ds.PixelData = encapsulate([out.getvalue()])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        ds.file_meta.TransferSyntaxUID = syntax
        return as_bytes(ds)
    if syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGExtended12Bit):
        return _by_gdcm(as_bytes(ds), syntax)
    ds.compress(syntax, generate_instance_uid=False)
    return as_bytes(ds)


def _by_gdcm(data: bytes, syntax: uid.UID) -> bytes:
    import gdcm

    names = {uid.JPEGLossless: "JPEGLosslessProcess14", uid.JPEGLosslessSV1: "JPEGLosslessProcess14_1"}
    name = names.get(syntax, "JPEGExtendedProcess2_4")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.dcm"
        path.write_bytes(data)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, name)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(path))
        assert writer.Write()
        return path.read_bytes()


def picture(array: np.ndarray, form: str = "PNG", **options: Any) -> bytes:
    """A picture file of an array (or PIL image)."""
    out = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(out, form, **options)
    return out.getvalue()
