"""A workbook with a password, as small as may be."""

from __future__ import annotations


def encrypted_shell() -> bytes:
    """A compound file with the two streams of an encrypted workbook (MS-OFFCRYPTO 2.3), their content being zeros."""
    sector, free, end, fat = 512, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD

    def entry(name, kind, child=free, left=free, right=free, start=end, size=0):
        spelled = name.encode("utf-16-le")
        head = spelled.ljust(64, b"\0") + (len(spelled) + 2 if name else 0).to_bytes(2, "little") + bytes([kind, 1])
        links = b"".join(link.to_bytes(4, "little") for link in (left, right, child))
        return head + links + b"\0" * 36 + start.to_bytes(4, "little") + size.to_bytes(8, "little")

    size = 4096
    count = size // sector
    table = [fat, end]
    for start in (2, 2 + count):
        table += [*range(start + 1, start + count), end]
    table += [free] * (sector // 4 - len(table))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + bytes.fromhex("3e000300feff09000600000000000000")[:10]
    header = header.ljust(44, b"\0") + (1).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"\0" * 4
    header += (4096).to_bytes(4, "little") + end.to_bytes(4, "little") + b"\0" * 4 + end.to_bytes(4, "little") + b"\0" * 4
    header += (0).to_bytes(4, "little") + free.to_bytes(4, "little") * 108
    folder = entry("Root Entry", 5, child=1) + entry("EncryptedPackage", 2, left=2, start=2, size=size)
    folder += entry("EncryptionInfo", 2, start=2 + count, size=size) + entry("", 0)
    return header + b"".join(t.to_bytes(4, "little") for t in table) + folder + b"\0" * (2 * size)
