"""As much of the protobuf wire format as one text in Antigravity's state needs."""

from __future__ import annotations

_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5


def field(data: bytes, number: int) -> bytes | None:
    """The bytes of the first length-delimited field of that number; None where there is none."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        size = {_EIGHT: 8, _FOUR: 4}.get(kind, 0)
        if kind in (_VARINT, _LENGTH):
            value, at = _varint(data, at)
            size = value if kind == _LENGTH else 0
        elif not size:
            return None
        if at + size > len(data):
            return None
        if kind == _LENGTH and key >> 3 == number:
            return data[at : at + size]
        at += size
    return None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number, and where what follows it begins: past the end for one that is cut off."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, len(data) + 1
