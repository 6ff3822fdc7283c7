"""Several model files in one: what `GaussianMixtureClassifier.save` writes.

    8 bytes   magic  93 'G' 'M' 'B' 0D 0A 1A 0A
    4 bytes   version, unsigned
    4 bytes   length of the header in bytes, unsigned, a multiple of 8
    header    JSON (ASCII, padded with blanks): lengths of the parts in bytes, extras
    parts     whole model files (`gmm.model_file`)
    32 bytes  SHA-256 of everything before

Invariant: as for a model file; each part is one, and is checked as such.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
from collections.abc import Sequence
from typing import Any

from gmm.model_file import (
    DIGEST_BYTES,
    HEADER_LIMIT,
    Content,
    ModelFileError,
    content_of,
    packed,
    parsed_header,
    write_whole,
)

__all__ = ["is_bundle", "read_bundle", "write_bundle"]

MAGIC = b"\x93GMB\r\n\x1a\n"
VERSION = 1
PREFIX = struct.Struct("<8sII")
MOST_PARTS = 1 << 16


def is_bundle(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as several models do."""
    with open(os.fspath(path), "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def write_bundle(parts: Sequence[Content], extras: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write models and what is to be said of them all; errors as of `gmm.model_file.write`."""
    bodies = [b"".join(packed(part)) for part in parts]
    header = {"lengths": [len(body) for body in bodies], "extras": extras}
    text = json.dumps(header, allow_nan=False, sort_keys=True, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    if len(text) > HEADER_LIMIT:
        raise ValueError(f"extras need {len(text)} bytes; a model file holds at most {HEADER_LIMIT}")
    whole = [PREFIX.pack(MAGIC, VERSION, len(text)), text, *bodies]
    digest = hashlib.sha256()
    for part in whole:
        digest.update(part)
    write_whole(path, [*whole, digest.digest()])


def read_bundle(path: str | os.PathLike[str]) -> tuple[list[Content], dict[str, Any]]:
    """Read models and what is said of them all; errors as of `gmm.model_file.read`."""
    with open(os.fspath(path), "rb") as file:
        whole = file.read()
    if len(whole) < PREFIX.size + DIGEST_BYTES or not whole.startswith(MAGIC):
        raise ModelFileError("not a gmm model file")
    _, version, length = PREFIX.unpack_from(whole)
    if version != VERSION:
        raise ModelFileError(f"model file of version {version}; this release reads version {VERSION}")
    if length > min(HEADER_LIMIT, len(whole) - PREFIX.size) or length % 8:
        raise ModelFileError(f"damaged model file: a header of {length} bytes")
    if hashlib.sha256(whole[:-DIGEST_BYTES]).digest() != whole[-DIGEST_BYTES:]:
        raise ModelFileError("damaged model file: the checksum does not match")
    start = PREFIX.size + length
    header = parsed_header(whole[PREFIX.size : start])
    if not isinstance(header, dict) or header.keys() != {"lengths", "extras"} or not isinstance(header["extras"], dict):
        raise ModelFileError("damaged model file: the header is not that of several models")
    lengths = header["lengths"]
    sizes = isinstance(lengths, list) and all(type(n) is int and n > 0 for n in lengths)
    if not sizes or not 0 < len(lengths) <= MOST_PARTS or start + sum(lengths) + DIGEST_BYTES != len(whole):
        raise ModelFileError("damaged model file: impossible lengths")
    contents = []
    for n in lengths:
        contents.append(content_of(io.BytesIO(whole[start : start + n])))
        start += n
    return contents, header["extras"]
