"""Model files: a mixture, and what its fit has to say of itself, written and read without executing anything.

Layout, little-endian, no padding but the header's:

    8 bytes   magic  93 'G' 'M' 'M' 0D 0A 1A 0A     (a transfer that rewrites line ends breaks it)
    4 bytes   version, unsigned
    4 bytes   length of the header in bytes, unsigned, a multiple of 8, at most HEADER_LIMIT
    header    JSON (ASCII, padded with blanks): structure, n_components, n_features, n_trace, radius, extras; of a
              mixture with noise also noise: weight, log_volume, turned (whether its edges are vectors); of factor
              analysers n_factors; of a Bayesian one also beliefs, as in `gmm.belief_file`
    arrays    weights (K,), means (K, D), covariances (their structure's shape), centre (D,), floor (D,),
              trace (n_trace,)   float64
              with noise, as the header's "noise" says: corner (D,), edges (D,) or (D, D), log_lengths (D,)   float64
              with beliefs, those of `gmm.belief_file`   float64
              exponent (D,)      int64
    32 bytes  SHA-256 of everything before

The header alone fixes the length of the file, so it is compared before any array is read, and memory stays below twice
the file and a few matrices of one component. Invariant: what loads is bitwise what was saved, in the same frame, and is
a valid mixture.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import secrets
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gmm._validation import check_means, check_weights
from gmm.belief_file import Beliefs, are_beliefs, shapes
from gmm.covariances import FACTORS, Covariance, structure
from gmm.errors import GmmError
from gmm.frame import LARGEST_EXPONENT, Frame
from gmm.mixture import Mixture
from gmm.noise import Noise
from gmm.parameters import Parameters

__all__ = ["Content", "ModelFileError", "content_of", "packed", "parsed_header", "read", "write", "write_whole"]

MAGIC = b"\x93GMM\r\n\x1a\n"
VERSION = 1
PREFIX = struct.Struct("<8sII")
DIGEST_BYTES = 32
HEADER_LIMIT = 1 << 22
HEADER_KEYS = {"extras", "n_components", "n_features", "n_trace", "radius", "structure"}
NOISE_TYPES = {"weight": float, "log_volume": float, "turned": bool}
LARGEST_SIZE = 1 << 40
VALUES_AT_ONCE = 1 << 13


class ModelFileError(GmmError, ValueError):
    """The file is not a model, is damaged, or holds something that is not a mixture."""


@dataclass(frozen=True, eq=False)
class Content:
    """What a model file holds.

    Parameters
    ----------
    mixture : Mixture
    extras : dict
        Whatever JSON can hold.
    trace : ndarray of shape (n_trace,)
        Objective per iteration, or empty.
    beliefs : Beliefs, optional
        Of a Bayesian mixture.
    """

    mixture: Mixture
    extras: dict[str, Any] = field(default_factory=dict)
    trace: np.ndarray = field(default_factory=lambda: np.empty(0))
    beliefs: Beliefs | None = None


def write(content: Content, path: str | os.PathLike[str]) -> None:
    """Write a model file; it appears whole or not at all, and replaces a file of that name.

    Raises
    ------
    OSError
        The file cannot be written.
    ValueError, TypeError
        Extras that JSON cannot hold (NaN and infinity among them) or that need more than 4 MiB.
    """
    write_whole(path, packed(content))


def packed(content: Content) -> list[bytes]:
    """The pieces of a model file."""
    mixture, parameters, frame = content.mixture, content.mixture.parameters, content.mixture.frame
    header = {
        "structure": mixture.structure.name,
        "n_components": parameters.n_components,
        "n_features": parameters.n_features,
        "n_trace": len(content.trace),
        "radius": frame.radius,
        "extras": content.extras,
    }
    if mixture.structure.n_factors is not None:
        header["n_factors"] = mixture.structure.n_factors
    noise = parameters.noise
    if noise is not None:
        turned = noise.edges.ndim == 2
        header["noise"] = {"weight": noise.weight, "log_volume": noise.log_volume, "turned": turned}
    if content.beliefs is not None:
        header["beliefs"] = content.beliefs.described()
    text = json.dumps(header, allow_nan=False, sort_keys=True, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    if len(text) > HEADER_LIMIT:
        raise ValueError(f"extras need {len(text)} bytes; a model file holds at most {HEADER_LIMIT}")
    floats = (
        parameters.weights, parameters.means, parameters.covariances, frame.centre, frame.floor, content.trace,
        *(() if noise is None else (noise.corner, noise.edges, noise.log_lengths)),
        *(() if content.beliefs is None else content.beliefs.arrays()),
    )  # fmt: skip
    parts = [PREFIX.pack(MAGIC, VERSION, len(text)), text]
    parts += [np.ascontiguousarray(array, "<f8").tobytes() for array in floats]
    parts.append(np.ascontiguousarray(frame.exponent, "<i8").tobytes())
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return [*parts, digest.digest()]


def read(path: str | os.PathLike[str]) -> Content:
    """Read a model file.

    Raises
    ------
    ModelFileError
        The file is not a model file, of a version this release cannot read, truncated or damaged, or its content is
        no mixture.
    OSError
        The file cannot be read.
    """
    with open(os.fspath(path), "rb") as file:  # fspath: a number is no path, and no descriptor of somebody else's
        return content_of(file)


def content_of(file: BinaryIO) -> Content:
    """What an open model file, or its bytes, hold; errors as of `read`."""
    return _content(*_read_checked(file))


def write_whole(path: str | os.PathLike[str], parts: list[bytes]) -> None:
    """Write the pieces of a file so that it appears whole or not at all."""
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():  # a device or a pipe: never replaced
        with path.open("wb") as file:
            file.writelines(parts)
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_beside(temporary, path, parts)
    except OSError as error:  # the person knows the name that was given, not the temporary one
        raise OSError(error.errno, error.strerror, str(path)) from None


def _write_beside(temporary: Path, path: Path, parts: list[bytes]) -> None:
    try:
        with temporary.open("xb") as file:
            file.writelines(parts)
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _read_checked(file: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """Header and array bytes of an intact file; lengths first, then the checksum, then the content."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    prefix = file.read(PREFIX.size)
    if len(prefix) < PREFIX.size or not prefix.startswith(MAGIC):
        raise ModelFileError("not a gmm model file")
    _, version, length = PREFIX.unpack(prefix)
    if version != VERSION:
        raise ModelFileError(f"model file of version {version}; this release reads version {VERSION}")
    if length > min(HEADER_LIMIT, size) or length % 8:
        raise ModelFileError(f"damaged model file: a header of {length} bytes")
    text = file.read(length)
    header = _header(text)
    expected = PREFIX.size + length + _array_bytes(header) + DIGEST_BYTES
    if size != expected:
        raise ModelFileError(f"damaged model file: {'truncated' if size < expected else 'too long'}")
    body = file.read(_array_bytes(header))
    digest = hashlib.sha256(prefix)
    digest.update(text)
    digest.update(body)
    if digest.digest() != file.read(DIGEST_BYTES):
        raise ModelFileError("damaged model file: the checksum does not match")
    return header, body


def parsed_header(text: bytes) -> Any:
    """JSON without what a header never holds: numbers that are not finite, repeated keys."""

    def finite(number: str) -> float:
        if not math.isfinite(value := float(number)):
            raise ValueError(f"{number} in the header")
        return value

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a repeated key in the header")
        return dict(pairs)

    try:
        return json.loads(text.decode("ascii"), parse_constant=finite, parse_float=finite, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"damaged model file: {error}") from None


def _header(text: bytes) -> dict[str, Any]:
    header = parsed_header(text)
    known = isinstance(header, dict) and header.keys() - {"noise", "beliefs", "n_factors"} == HEADER_KEYS
    if not known or not isinstance(header["extras"], dict):
        raise ModelFileError("damaged model file: the header is not that of a mixture")
    if ("n_factors" in header) != (header["structure"] in [*FACTORS]):
        raise ModelFileError("damaged model file: n_factors are those of factor analysers")
    for key, least in (("n_components", 1), ("n_features", 1), ("n_trace", 0), ("n_factors", 1)):
        size = header.get(key, least)
        if type(size) is not int or not least <= size <= LARGEST_SIZE:
            raise ModelFileError(f"damaged model file: impossible {key}")
    if type(header["radius"]) is not float or not 0 <= header["radius"] < math.inf:
        raise ModelFileError(f"damaged model file: radius {header['radius']!r}")
    if "noise" in header and not _is_noise(header["noise"]):
        raise ModelFileError("damaged model file: impossible noise")
    if "beliefs" in header and not are_beliefs(header["beliefs"]):
        raise ModelFileError("damaged model file: impossible beliefs")
    return header


def _is_noise(noise: Any) -> bool:
    return (
        isinstance(noise, dict)
        and {name: type(value) for name, value in noise.items()} == NOISE_TYPES
        and 0.0 <= noise["weight"] <= 1.0
    )


def _structure(header: dict[str, Any]) -> Covariance:
    return structure(header["structure"], header.get("n_factors"))


def _shapes(header: dict[str, Any]) -> list[tuple[int, ...]]:
    """Shapes of the arrays, in their order in the file; the last is that of integers."""
    K, D = header["n_components"], header["n_features"]
    try:
        covariances = _structure(header).shape(K, D)
    except (ValueError, TypeError):
        raise ModelFileError(f"model file with covariances of unknown structure {header['structure']!r}") from None
    box = [(D,), (D, D) if header["noise"]["turned"] else (D,), (D,)] if "noise" in header else []
    beliefs = shapes(header["beliefs"], header["structure"], K, D) if "beliefs" in header else []
    return [(K,), (K, D), covariances, (D,), (D,), (header["n_trace"],), *box, *beliefs, (D,)]


def _array_bytes(header: dict[str, Any]) -> int:
    return 8 * sum(math.prod(shape) for shape in _shapes(header))


def _content(header: dict[str, Any], body: bytes) -> Content:
    arrays, start = [], 0
    all_shapes = _shapes(header)
    for shape, kind in zip(all_shapes, ["<f8"] * (len(all_shapes) - 1) + ["<i8"], strict=True):
        count = math.prod(shape)
        stored = np.frombuffer(body, kind, count, start).reshape(shape)
        arrays.append(stored.astype(stored.dtype.newbyteorder("="), copy=False))
        start += 8 * count
    weights, means, covariances, centre, floor, trace, *rest, exponent = arrays
    box, believed = (rest[:3], rest[3:]) if "noise" in header else ([], rest)
    kind = _structure(header)
    K, D = header["n_components"], header["n_features"]
    noise = Noise(header["noise"]["weight"], header["noise"]["log_volume"], *box) if box else None
    try:
        check_weights(Parameters(weights, means, covariances, noise).mixing, len(weights) + (noise is not None))
        check_means(means, K, D)
        _check_covariances(kind, covariances, K, D)
    except ValueError as error:
        raise ModelFileError(f"model file that holds no mixture: {error}") from None
    uneven = kind.scaling == "common" and (exponent != exponent[0]).any()
    beyond = ((exponent < -LARGEST_EXPONENT) | (exponent > LARGEST_EXPONENT)).any()
    if uneven or beyond or not (np.isfinite(centre).all() and np.isfinite(floor).all() and (floor >= 0).all()):
        raise ModelFileError("model file with an impossible frame")
    if not all(np.isfinite(array).all() for array in box):
        raise ModelFileError("model file with noise over an impossible box")
    if not np.isfinite(trace).all():
        raise ModelFileError("model file with a trace that is not finite")
    # Checked, not replaced by what the checks return: the bits are those that were saved.
    frame = Frame(exponent, centre, header["radius"], floor)
    parameters = Parameters(weights, means, covariances, noise)
    try:
        beliefs = Beliefs.restored(header["beliefs"], believed, kind.name, parameters) if believed else None
    except ValueError as error:
        raise ModelFileError(f"model file that holds no posterior: {error}") from None
    return Content(Mixture(kind, parameters, frame), header["extras"], trace, beliefs)


def _check_covariances(kind: Covariance, covariances: np.ndarray, n_components: int, n_features: int) -> None:
    """`Covariance.check` on a few components at a time, because it makes several copies of what it is given."""
    step = max(1, VALUES_AT_ONCE // n_features**2)
    for first in range(0, n_components, step):
        chosen = np.arange(first, min(first + step, n_components))
        part = kind.take(covariances, chosen)
        try:
            kind.check(part, len(chosen), n_features)
        except ValueError as error:
            raise ValueError(_renumbered(str(error), first)) from None
        if part.size == covariances.size:
            return


def _renumbered(message: str, first: int) -> str:
    """A message on "component k" of a part that begins at `first`."""
    return re.sub(r"component (\d+)", lambda number: f"component {int(number[1]) + first}", message)
