"""The pixels of a DICOM image: claims checked before anything is allocated, one decoder a format."""

from __future__ import annotations

import numpy as np
import pydicom
from pydicom import uid
from pydicom.encaps import generate_frames
from pydicom.pixels import apply_color_lut, pixel_array

from docphim.errors import Refused
from docphim.imaging import limits
from docphim.imaging.io import codestream
from docphim.imaging.io.bits import stored_bits
from docphim.imaging.io.bounded import array_of, silent
from docphim.imaging.io.dicom import integer, quiet, text

_PIXELS = 0x7FE00010
_FLOATS = (0x7FE00008, 0x7FE00009)
_JPEG12 = uid.JPEGExtended12Bit
#: One decoder a format, tried alone: where pydicom falls back to GDCM, a damaged JPEG-LS stream ends the process.
_DECODERS = {
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGExtended12Bit: "pillow",
    uid.JPEGLossless: "gdcm",
    uid.JPEGLosslessSV1: "gdcm",
    uid.JPEGLSLossless: "pyjpegls",
    uid.JPEGLSNearLossless: "pyjpegls",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
    uid.HTJ2KLossless: "pylibjpeg",
    uid.HTJ2KLosslessRPCL: "pylibjpeg",
    uid.HTJ2K: "pylibjpeg",
    uid.RLELossless: "pydicom",
}
#: Formats of which a stream can keep a decoder busy for half a minute or for ever: a damaged one, or one of a thousand tiles.
_MAY_HANG = {uid.JPEGLSLossless, uid.JPEGLSNearLossless, *uid.JPEG2000TransferSyntaxes}
#: All others end with their data; that takes long for more pixels than a detector has, and where the data is longer than the
#: image it holds (RLE in runs of one byte).
_LARGE, _LONGER = 20_000_000, 1.1


def decode(ds: pydicom.Dataset, least: int = limits.MIN_SIDE) -> tuple[np.ndarray, str]:
    """The stored values of a single-frame image as (rows, columns[, 3]), and the name of what compressed it.

    Colour comes as RGB; greyscale is untouched (no rescale, no window, no inversion).  `least` as of `limits.check_size`.

    Raises
    ------
    Refused
        `multiframe`, `pixels_missing`, `image_too_large`, `image_too_small`, `file_truncated`, `decoding_too_slow` or
        `pixels_undecodable`.
    """
    _check_claims(ds, least)
    syntax = _syntax(ds)
    name = syntax.name if syntax.is_compressed else "uncompressed"
    try:
        with quiet(), silent():
            if syntax == _JPEG12 and integer(ds, "BitsStored", 0) > 8:
                return stored_bits(_decode_jpeg12(ds), ds), name
            if any(tag in ds for tag in _FLOATS):
                return _plain_array(ds), name
            slow = _may_be_slow(ds, syntax)
            array = array_of(_plain_array, _pixel_part(ds), limits.MAX_SECONDS) if slow else _plain_array(ds)
            if array.ndim == 2 and array.dtype.kind in "iu":
                array = stored_bits(array, ds)
            if text(ds, "PhotometricInterpretation") == "PALETTE COLOR":
                array = apply_color_lut(array, ds)
            return array, name
    except Refused:
        raise
    except Exception as error:
        raise Refused("pixels_undecodable", "", f"the pixel data cannot be decoded ({name})") from error


def _may_be_slow(ds: pydicom.Dataset, syntax: uid.UID) -> bool:
    """Whether decoding may take longer than a film is worth, so that it is done where it can be ended."""
    if syntax in _MAY_HANG or not syntax.is_encapsulated:
        return syntax in _MAY_HANG
    pixels = integer(ds, "Rows", 0) * integer(ds, "Columns", 0)
    raw = pixels * max(1, integer(ds, "SamplesPerPixel", 1)) * integer(ds, "BitsAllocated", 16) / 8
    return pixels > _LARGE or len(ds[_PIXELS].value) > _LONGER * raw + 1024


def _plain_array(ds: pydicom.Dataset) -> np.ndarray:
    """The words as they are, what lies above BitsStored included; colour as RGB."""
    with quiet():
        plugin = _DECODERS.get(ds.file_meta.TransferSyntaxUID, "")
        if plugin == "gdcm":  # it masks by itself what BitsStored leaves out
            ds = _as_deep_as_stream(ds)
        return pixel_array(ds, decoding_plugin=plugin, correct_unused_bits=False)


def _as_deep_as_stream(ds: pydicom.Dataset) -> pydicom.Dataset:
    """The data set, its BitsStored as many as its stream has, where these are more."""
    claim = codestream.claim_of(next(generate_frames(ds[_PIXELS].value, number_of_frames=1)))
    if claim is None or claim.bits <= integer(ds, "BitsStored", 16):
        return ds
    part = _pixel_part(ds)
    part.add_new("BitsStored", "US", claim.bits)  # elements are shared, and not to be changed
    part.add_new("HighBit", "US", claim.bits - 1)
    return part


def _pixel_part(ds: pydicom.Dataset) -> pydicom.Dataset:
    """What decoding needs of a data set: the group of the image, and its data; no patient."""
    part = pydicom.Dataset({element.tag: element for element in ds.group_dataset(0x0028)})
    part.add(ds[_PIXELS])
    part.file_meta = pydicom.dataset.FileMetaDataset()
    part.file_meta.TransferSyntaxUID = ds.file_meta.TransferSyntaxUID
    return part


def _syntax(ds: pydicom.Dataset) -> uid.UID:
    """The transfer syntax; a file without one is read as pydicom has already guessed it."""
    meta = getattr(ds, "file_meta", None)
    syntax = meta.get("TransferSyntaxUID") if meta is not None else None
    if syntax is None:
        implicit, little = ds.original_encoding
        syntax = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian
        if meta is None:
            ds.file_meta = pydicom.dataset.FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = syntax
    if not isinstance(syntax, uid.UID) or not syntax.is_transfer_syntax or syntax.is_private:
        raise Refused("pixels_undecodable", "", "the transfer syntax is not one of the standard")
    return syntax


def _check_claims(ds: pydicom.Dataset, least: int) -> None:
    """Hold what the header claims against the limits and the bytes there are, before a decoder allocates."""
    frames = integer(ds, "NumberOfFrames", 1)
    if frames > 1:
        raise Refused("multiframe", "", f"the file holds {frames} frames where one film is expected")
    rows, columns = integer(ds, "Rows", 0), integer(ds, "Columns", 0)
    floats = any(tag in ds for tag in _FLOATS)
    if (_PIXELS not in ds and not floats) or rows < 1 or columns < 1:
        raise Refused("pixels_missing")
    limits.check_size(rows, columns, least)
    if not floats:
        _check_data(ds, rows, columns)


def _check_data(ds: pydicom.Dataset, rows: int, columns: int) -> None:
    """Refuse pixel data that is absent or shorter than the header claims."""
    try:
        with quiet():
            data = ds[_PIXELS].value
    except Exception as error:
        raise Refused("file_unreadable", "", "the pixel data element cannot be read") from error
    if not data:
        raise Refused("pixels_missing")
    if _syntax(ds).is_encapsulated:
        _check_stream(ds, rows, columns)
        return
    bits = integer(ds, "BitsAllocated", 16) * max(1, integer(ds, "SamplesPerPixel", 1))
    if "422" in text(ds, "PhotometricInterpretation"):
        bits = bits * 2 // 3
    if len(data) * 8 < rows * columns * bits:
        raise Refused("file_truncated", "", "the pixel data is shorter than the header says")


def _check_stream(ds: pydicom.Dataset, rows: int, columns: int) -> None:
    """Refuse a compressed stream that claims another image than the header: decoders trust the stream, to a crash."""
    try:
        with quiet():
            stream = next(generate_frames(ds[_PIXELS].value, number_of_frames=1))
            claim = codestream.claim_of(stream)
    except Exception as error:
        raise Refused("file_truncated", "", "the compressed pixel data has no whole frame") from error
    codestream.check_scans(stream)
    if claim is None:
        if _syntax(ds) != uid.RLELossless:
            raise Refused("pixels_undecodable", "", "the compressed pixel data is not a whole stream of its format")
        return
    if (claim.rows, claim.columns) != (rows, columns):
        sizes = f"the header says {rows} x {columns} pixels, the stream {claim.rows} x {claim.columns}"
        raise Refused("pixels_undecodable", "", sizes)
    samples, bits = integer(ds, "SamplesPerPixel", 1), integer(ds, "BitsAllocated", 16)
    if claim.samples != samples or not 2 <= claim.bits <= bits:
        depth = f"the header says {samples} x {bits} bits a pixel, the stream {claim.samples} x {claim.bits}"
        raise Refused("pixels_undecodable", "", depth)


def _decode_jpeg12(ds: pydicom.Dataset) -> np.ndarray:
    """Decode 12-bit JPEG (process 4) with GDCM itself; pydicom's plug-in for it declines, others are GPL."""
    import gdcm

    rows, columns = integer(ds, "Rows", 0), integer(ds, "Columns", 0)
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(next(generate_frames(ds.PixelData, number_of_frames=1)))
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGExtendedProcess2_4))
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.MONOCHROME2))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, 12, 11, 0))
    image.SetDataElement(element)
    stored = np.frombuffer(image.GetBuffer().encode("utf-8", "surrogateescape"), np.uint16)
    if stored.size != rows * columns:
        raise Refused("pixels_undecodable", "", "the 12-bit JPEG stream does not fill the image")
    return stored.reshape(rows, columns)
