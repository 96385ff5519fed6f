"""A gzip whose bytes depend on the content alone.

Machines are replaced when their user data changes, to the byte. Python's own gzip asks the zlib that it was built with,
and zlib, its faster descendants and their versions pack the same text differently: with it, a run on another computer
could replace every node.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from functools import lru_cache
from typing import Final

_WINDOW: Final = 32 * 1024
_SHORTEST, _LONGEST = 3, 258
# More candidates make it a little smaller and much slower.
_CANDIDATES: Final = 24
_END: Final = 256
# Without name and time, by no particular system (RFC 1952).
_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"


def _bands(first: int, groups: int, limit: int) -> list[tuple[int, int]]:
    """Return first value and number of extra bits of each length's or distance's code."""
    rows, value = [(first + index, 0) for index in range(groups)], first + groups
    extra = 1
    while value <= limit:
        for _ in range(groups // 2):
            rows.append((value, extra))
            value += 1 << extra
        extra += 1
    return rows


def _code(value: int, count: int) -> tuple[int, int]:
    """Return a Huffman code as bits and their number; its most significant bit comes first."""
    return int(f"{value:0{count}b}"[::-1], 2), count


def _symbols() -> list[tuple[int, int]]:
    """Return the fixed codes of bytes, the end and lengths."""
    bands = ((0, 144, 0x30, 8), (144, 256, 0x190, 9), (256, 280, 0, 7), (280, 288, 0xC0, 8))
    return [_code(start + symbol - first, count) for first, end, start, count in bands for symbol in range(first, end)]


# The longest length has a code of its own.
_LENGTHS: Final = [*_bands(3, 8, 257)[:28], (_LONGEST, 0)]
_DISTANCES: Final = _bands(1, 4, _WINDOW)
_FIRST_LENGTHS, _FIRST_DISTANCES = ([first for first, _ in rows] for rows in (_LENGTHS, _DISTANCES))
_SYMBOLS: Final = _symbols()
_DISTANCE_CODES: Final = [_code(index, 5) for index in range(len(_DISTANCES))]


class _Bits:
    """Collects bits, the least significant first."""

    def __init__(self) -> None:
        self.packed, self.held, self.count = bytearray(), 0, 0

    def copy(self) -> _Bits:
        """Return another with the same bits."""
        other = _Bits()
        other.packed, other.held, other.count = self.packed[:], self.held, self.count
        return other

    def put(self, value: int, count: int) -> None:
        """Put a number of so many bits."""
        self.held |= value << self.count
        self.count += count
        if self.count >= 64:
            self.packed += (self.held & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")
            self.held >>= 64
            self.count -= 64

    def pair(self, length: int, distance: int) -> None:
        """Put a repetition: how long, and how far back."""
        index = bisect_right(_FIRST_LENGTHS, length) - 1
        self.put(*_SYMBOLS[257 + index])
        self.put(length - _LENGTHS[index][0], _LENGTHS[index][1])
        index = bisect_right(_FIRST_DISTANCES, distance) - 1
        self.put(*_DISTANCE_CODES[index])
        self.put(distance - _DISTANCES[index][0], _DISTANCES[index][1])

    def done(self) -> bytes:
        """Return all, filled up to a whole byte."""
        return bytes(self.packed) + self.held.to_bytes((self.count + 7) // 8, "little")


class _Packer:
    """Packs a text from its beginning; what follows may begin where another left off."""

    def __init__(self, before: _Packer | None = None) -> None:
        self.bits: _Bits = before.bits.copy() if before else _Bits()
        # Where each three bytes were seen: in what came before, which stays as it is, and since.
        self._before: dict[bytes, list[int]] = before.seen if before else {}
        self.seen: dict[bytes, list[int]] = {}
        self.at: int = before.at if before else 0
        if before is None:
            self.bits.put(0b011, 3)

    def pack(self, data: bytes) -> None:
        """Pack on to the end of the data, whose beginning has been packed."""
        while self.at < len(data):
            at = self.at
            key = data[at : at + _SHORTEST]
            length, distance = _longest(data, at, self._before.get(key, []) + self.seen.get(key, []))
            if length == 1:
                self.bits.put(*_SYMBOLS[data[at]])
            else:
                self.bits.pair(length, distance)
            self.at += length
            for passed in range(at, self.at):
                self.seen.setdefault(data[passed : passed + _SHORTEST], []).append(passed)

    def done(self) -> bytes:
        """Return the whole block."""
        self.bits.put(*_SYMBOLS[_END])
        return self.bits.done()


def compress(data: bytes, *, shared: int = 0) -> bytes:
    """Return the data as gzip: one block of DEFLATE with the fixed codes of RFC 1951 (3.2.6).

    Args:
        data: Up to 4 GiB, though it is made for kilobytes.
        shared: How many of the first bytes many texts have in common; they are packed once.
    """
    packer = _Packer(_beginning(data[:shared]))
    packer.pack(data)
    return _HEADER + packer.done() + zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")


@lru_cache(maxsize=8)
def _beginning(data: bytes) -> _Packer:
    packer = _Packer()
    packer.pack(data)
    return packer


def _longest(data: bytes, at: int, known: list[int]) -> tuple[int, int]:
    """Return length and distance of the longest earlier text that repeats here; (1, 0) if there is none."""
    best, where, room = _SHORTEST - 1, 0, min(_LONGEST, len(data) - at)
    for start in reversed(known[-_CANDIDATES:]):
        if at - start > _WINDOW or best >= room:
            break
        if data[start + best] != data[at + best]:
            continue
        length = best if data[start : start + best] == data[at : at + best] else 0
        if not length:
            continue
        while length < room and data[start + length] == data[at + length]:
            length += 1
        if length > best:
            best, where = length, start
    return (best, at - where) if best >= _SHORTEST else (1, 0)
