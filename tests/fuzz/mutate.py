"""Mutations that keep a file's outer form right, so that they reach the code behind the first check.

None of them imports the fuzzer: `havoc` is its own mutation of plain bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable
from random import Random

__all__ = ["Havoc", "Mutate", "gzipped", "plain", "png", "safetensors", "text", "words", "zipped"]

Havoc = Callable[[bytes], bytes]
Mutate = Callable[[bytes, Random, Havoc], bytes]

_TOKEN = re.compile(rb'"[^"\n]*"|[\w.+\-]+|[^\s\w]')

# Values at the limits of types and parsers.
_WORDS = [
    *(b"0", b"-0.0", b"-1", b"1_0", b"1e400", b"1e-320", b"nan", b"NaN", b"inf", b"-Infinity", b"0x10", b"1" * 400),
    *(b"2147483648", b"4294967296", b"9007199254740993", b"9223372036854775808", b"18446744073709551616"),
    *(b"", b"null", b"true", b"[]", b"{}", b'""', b'"1"', b"[1, [2]]", b'{"a": 1}', b"1979-05-27", b"a.b", b"\n", b","),
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\\ud800", b'"\\ud800"', "\u0663".encode(), "\u2028".encode(), b"\r"),
    *(b"[" * 3000, b'{"a":' * 3000, b"a." * 500, b"x" * 140_000),
]


def plain(data: bytes, rng: Random, havoc: Havoc) -> bytes:
    return havoc(data)


def words(data: bytes, rng: Random, havoc: Havoc) -> bytes:
    """Often one of the 8-byte words, such as an address or a length, exchanged for another one or for a limit."""
    used = [at for at in range(0, len(data) - 7, 8) if any(data[at : at + 8])]
    if not used or not rng.randrange(4):
        return havoc(data)
    old, new = rng.choice(used), rng.choice(used)
    limit = rng.choice([0, 1, 2**16, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1]).to_bytes(8, "little")
    return data[:old] + (data[new : new + 8] if rng.randrange(2) else limit) + data[old + 8 :]


def text(data: bytes, rng: Random, havoc: Havoc) -> bytes:
    """One token exchanged for another value, a line repeated or left out, or any change."""
    kind = rng.randrange(4)
    if kind == 0:
        return havoc(data)
    if kind == 1:
        lines = data.splitlines(keepends=True)
        if lines:
            i = rng.randrange(len(lines))
            lines[i : i + 1] = [lines[i]] * rng.choice([0, 2, 3])
        return b"".join(lines)
    tokens = list(_TOKEN.finditer(data))
    if not tokens:
        return havoc(data)
    old = rng.choice(tokens)
    new = rng.choice(_WORDS) if rng.random() < 0.7 else rng.choice(tokens)[0]
    return data[: old.start()] + new + data[old.end() :]


def gzipped(data: bytes, rng: Random, havoc: Havoc) -> bytes:
    """Often the content of a gzip file, under a checksum that is right again."""
    if rng.randrange(4):
        try:
            content = zlib.decompressobj(wbits=31).decompress(data, 1 << 20)
            return gzip.compress(havoc(content), compresslevel=1, mtime=0)
        except zlib.error:
            pass
    return havoc(data)


def zipped(data: bytes, rng: Random, havoc: Havoc) -> bytes:
    """Often one file of a zip archive, under checksums that are right again."""
    if rng.randrange(4):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                contents = {name: archive.read(name)[: 1 << 20] for name in archive.namelist()[:10]}
            stream = io.BytesIO()
            chosen = rng.choice(list(contents))
            contents[chosen] = havoc(contents[chosen])
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in contents.items():
                    archive.writestr(zipfile.ZipInfo(name), content)
            return stream.getvalue()
        except Exception:  # whatever a decompressor raises
            pass
    return havoc(data)


def png(data: bytes, rng: Random, havoc: Havoc) -> bytes:
    """Often one chunk of a PNG image, under a checksum that is right again."""
    chunks, at = [], 8
    while at + 12 <= len(data) and len(chunks) < 100:
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    if not chunks or not rng.randrange(4):
        return havoc(data)
    i = rng.randrange(len(chunks))
    chunks[i] = (chunks[i][0], havoc(chunks[i][1]))
    found = data[:8]
    for kind, content in chunks:
        crc = zlib.crc32(kind + content)
        found += len(content).to_bytes(4, "big") + kind + content + crc.to_bytes(4, "big")
    return found


def safetensors(data: bytes, rng: Random, havoc: Havoc) -> bytes:
    """The list of tensors, the header that rcspike puts into it, or the numbers, under a length that is right again."""
    length = int.from_bytes(data[:8], "little")
    header, tensors = data[8 : 8 + length], data[8 + length :]
    kind = rng.randrange(8)
    if kind == 0 or len(data) < 8 + length:
        return havoc(data)
    if kind < 3:
        tensors = havoc(tensors)
    elif kind < 5:
        header = text(header, rng, havoc)
    else:
        try:
            fields = json.loads(header)
            own = text(fields["__metadata__"]["header"].encode(), rng, havoc)
            fields["__metadata__"]["header"] = own.decode(errors="replace")
            header = json.dumps(fields, ensure_ascii=False).encode()
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            header = havoc(header)
    header = _with_checksum(header, tensors)
    return len(header).to_bytes(8, "little") + header + tensors


def _with_checksum(header: bytes, tensors: bytes) -> bytes:
    """The same header with the CRC-32 that belongs to it, if it has one; docs/files.md says of what."""
    try:
        entries = json.loads(header)
        metadata = entries.pop("__metadata__")
        if "crc32" not in metadata:
            return header
        parts = [part for pair in sorted(metadata.items()) if pair[0] != "crc32" for part in pair]
        for name, entry in sorted(entries.items()):
            start, end = entry["data_offsets"]
            parts += [name, entry["dtype"], str(entry["shape"]), tensors[start:end]]
        crc = 0
        for part in parts:
            content = part if isinstance(part, bytes) else part.encode()
            crc = zlib.crc32(len(content).to_bytes(8, "little") + content, crc)
        checked = {"__metadata__": metadata | {"crc32": f"{crc:08x}"}} | entries
        return json.dumps(checked, ensure_ascii=False, separators=(",", ":")).encode()
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return header
