"""Model files: bitwise round trips, and nothing but a clean error for a file that is not what was saved."""

import hashlib
import json
import os
import struct
import tracemalloc

import numpy as np
import pytest

from gmm.errors import GmmError
from gmm.frame import Frame
from gmm.mixture import Mixture
from gmm.model_file import MAGIC, Content, ModelFileError, read, write
from gmm.parameters import Parameters

SHAPES = {"full": (3, 2, 2), "tied": (2, 2), "diag": (3, 2), "spherical": (3,)}


def mixture(name: str = "full") -> Mixture:
    """Three components in a frame with nothing round about it."""
    rng = np.random.default_rng(7)
    shape = SHAPES[name]
    root = rng.normal(size=shape)
    covariances = root @ root.swapaxes(-1, -2) + np.eye(2) if name in ("full", "tied") else root**2 + 0.1
    weights = rng.dirichlet(np.ones(3))
    model = Mixture.from_user(weights, rng.normal(size=(3, 2)), covariances, name)
    exponent = np.array([-3, -3]) if name == "spherical" else np.array([-3, 900])
    frame = Frame(exponent, rng.normal(size=2), 4.7, np.array([1e-30, 3e-31]))
    return Mixture(model.structure, model.parameters, frame)


def arrays(model: Mixture) -> list[np.ndarray]:
    p, f = model.parameters, model.frame
    return [p.weights, p.means, p.covariances, f.centre, f.floor, f.exponent, np.array(f.radius)]


def same_bits(a: Mixture, b: Mixture) -> bool:
    pairs = list(zip(arrays(a), arrays(b), strict=True))
    return a.structure is b.structure and all(x.tobytes() == y.tobytes() and x.shape == y.shape for x, y in pairs)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.gmm"
    write(Content(mixture(), {"feature_names": ["a", "b"], "n_iter": 3}, np.array([-2.0, -1.5])), path)
    return path


@pytest.fixture
def small(tmp_path):
    """A file with little in it, for tests that go through it bit by bit."""
    path = tmp_path / "small.gmm"
    write(Content(Mixture.from_user([1.0], [[0.1]], [2.0], "spherical"), {"a": 1}, np.array([-1.5])), path)
    return path


def forged(path, change=None, **replaced: np.ndarray) -> None:
    """Rewrite header entries or arrays and sign the file again, as an attacker would."""
    content = path.read_bytes()
    length = struct.unpack_from("<I", content, 12)[0]
    header = json.loads(content[16 : 16 + length])
    model = mixture()
    names = ["weights", "means", "covariances", "centre", "floor", "trace", "exponent"]
    stored = [*arrays(model)[:5], np.array([-2.0, -1.5]), model.frame.exponent]
    body = b"".join(replaced.get(n, a).tobytes() for n, a in zip(names, stored, strict=True))
    text = change(header) if change else header
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    text += b" " * (-len(text) % 8)
    signed = MAGIC + struct.pack("<II", 1, len(text)) + text + body
    path.write_bytes(signed + hashlib.sha256(signed).digest())


@pytest.mark.parametrize("name", SHAPES)
def test_round_trip_is_bitwise(name, tmp_path):
    model = mixture(name)
    extras = {"names": ["größe", "\u2028"], "trace": [0.1, -1e-300], "nested": {"n": 3, "none": None}}
    write(Content(model, extras, np.array([-3.0, 5e-324])), tmp_path / "m")
    found = read(tmp_path / "m")
    assert same_bits(model, found.mixture)
    assert found.extras == extras
    assert found.trace.tolist() == [-3.0, 5e-324]


def test_extreme_weights_survive(tmp_path):
    model = mixture("diag")
    p = Parameters(np.array([1.0, 0.0, 5e-324]), model.parameters.means * 1e300, model.parameters.covariances * 1e-290)
    model = Mixture(model.structure, p, model.frame)
    write(Content(model), tmp_path / "m")
    assert same_bits(model, read(tmp_path / "m").mixture)


def test_truncated_at_every_byte(small):
    content = small.read_bytes()
    for length in range(len(content)):
        small.write_bytes(content[:length])
        with pytest.raises(ModelFileError):
            read(small)
    small.write_bytes(content + b"\0")
    with pytest.raises(ModelFileError, match="too long"):
        read(small)


def test_every_flipped_bit(small):
    content = small.read_bytes()
    with small.open("r+b", buffering=0) as file:
        for position, byte in enumerate(content):
            for bit in range(8):
                os.pwrite(file.fileno(), bytes([byte ^ (1 << bit)]), position)
                with pytest.raises(ModelFileError):
                    read(small)
            os.pwrite(file.fileno(), bytes([byte]), position)
    assert read(small).extras == {"a": 1}


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"weights": np.array([0.5, np.nan, 0.5])}, "weights"),
        ({"weights": np.array([1.5, -0.5, 0.0])}, "component 1 has weight -0.5"),
        ({"weights": np.array([0.5, 0.2, 0.2])}, "sum to 0.9"),
        ({"means": np.array([[0.0, 1], [np.inf, 2], [3, 4]])}, r"means\[1, 0\] is inf"),
        ({"covariances": np.array([np.eye(2), -np.eye(2), np.eye(2)])}, "component 1 is not positive definite"),
        ({"covariances": np.array([np.eye(2), np.eye(2), [[1.0, 2], [2, 1]]])}, "component 2 is not positive definite"),
        ({"covariances": np.array([[[1.0, 0.5], [0, 1]], np.eye(2), np.eye(2)])}, "component 0 is not symmetric"),
        ({"centre": np.array([0, np.nan])}, "impossible frame"),
        ({"floor": np.array([-1.0, 0])}, "impossible frame"),
        ({"trace": np.array([-1.0, np.inf])}, "a trace that is not finite"),
        ({"exponent": np.array([0, 1023])}, "impossible frame"),
        ({"exponent": np.array([0, -(2**63)])}, "impossible frame"),
    ],
)
def test_signed_but_no_mixture(file, replaced, message):
    forged(file, **replaced)
    with pytest.raises(ModelFileError, match=message):
        read(file)


def test_the_component_is_named_also_where_few_are_looked_at_a_time(file, monkeypatch):
    monkeypatch.setattr("gmm.model_file.VALUES_AT_ONCE", 1)
    forged(file, covariances=np.array([np.eye(2), np.eye(2), [[1.0, 2], [2, 1]]]))
    with pytest.raises(ModelFileError, match="component 2 is not positive definite"):
        read(file)


def test_common_scale_is_required_where_the_structure_needs_it(tmp_path):
    model = mixture("spherical")
    frame = Frame(np.array([1, 2]), model.frame.centre, 1.0, model.frame.floor)
    write(Content(Mixture(model.structure, model.parameters, frame)), tmp_path / "m")
    with pytest.raises(ModelFileError, match="impossible frame"):
        read(tmp_path / "m")


@pytest.mark.parametrize(
    "change",
    [
        lambda h: {**h, "n_components": 4},
        lambda h: {**h, "n_components": 0},
        lambda h: {**h, "n_components": True},
        lambda h: {**h, "n_components": 3.0},
        lambda h: {**h, "n_features": 2**40, "n_components": 2**40},
        lambda h: {**h, "n_features": 10**4000},
        lambda h: {**h, "structure": "spherical"},
        lambda h: {**h, "structure": "sperical"},
        lambda h: {**h, "structure": ["full"]},
        lambda h: {**h, "n_factors": 1},
        lambda h: {**h, "structure": "factor"},
        lambda h: {**h, "structure": "factor", "n_factors": 0},
        lambda h: {**h, "structure": "factor", "n_factors": True},
        lambda h: {**h, "structure": "factor-common", "n_factors": 2**50},
        lambda h: {**h, "structure": "factor", "n_factors": 2},
        lambda h: {**h, "n_trace": -1},
        lambda h: {**h, "n_trace": 3},
        lambda h: {**h, "radius": -1.0},
        lambda h: {**h, "radius": 1},
        lambda h: {**h, "radius": float("nan")},
        lambda h: {**h, "extras": []},
        lambda h: {**h, "extras": {"x": float("inf")}},
        lambda h: {**h, "more": 1},
        lambda h: {k: v for k, v in h.items() if k != "radius"},
        lambda h: [h],
        lambda h: b"[" * 100_000,
        lambda h: b"\x80\x04}.",
        lambda h: json.dumps(h).encode()[:-1] + b',"radius":1.0}',
        lambda h: json.dumps(h).replace("4.7", "1e999").encode(),
    ],
)
def test_signed_but_no_header(file, change):
    forged(file, change)
    with pytest.raises(ModelFileError):
        read(file)


def test_forging_is_seen_because_of_its_content(file):
    forged(file)
    assert same_bits(read(file).mixture, mixture())


def test_version_is_named(file):
    content = bytearray(file.read_bytes())
    content[8] = 2
    file.write_bytes(content)
    with pytest.raises(ModelFileError, match="version 2; this release reads version 1"):
        read(file)


def test_huge_sizes_are_refused_before_they_are_allocated(file):
    huge = MAGIC + struct.pack("<II", 1, 1 << 22) + b" " * 100
    intact = file.read_bytes()
    tracemalloc.start()
    try:
        for content in (huge, MAGIC + struct.pack("<II", 1, 0xFFFFFFF8) + b" " * 100):
            file.write_bytes(content)
            with pytest.raises(ModelFileError):
                read(file)
        file.write_bytes(intact)
        forged(file, lambda h: {**h, "n_components": 2**20, "n_features": 2**10})
        with pytest.raises(ModelFileError, match="truncated"):
            read(file)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", SHAPES)
def test_memory_stays_below_twice_the_file_and_a_few_matrices(tmp_path, name):
    K, D = 40, 100
    covariances = {
        "full": np.tile(np.eye(D), (K, 1, 1)),
        "tied": np.eye(D),
        "diag": np.ones((K, D)),
        "spherical": np.ones(K),
    }
    write(Content(Mixture.from_user(np.full(K, 1 / K), np.ones((K, D)), covariances[name], name)), tmp_path / "m")
    read(tmp_path / "m")
    tracemalloc.start()
    try:
        read(tmp_path / "m")
        few_matrices = 6 * 8 * D**2
        assert tracemalloc.get_traced_memory()[1] < 2 * (tmp_path / "m").stat().st_size + few_matrices + 64 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("content", [b"", b"x", b"not a model", b"\x80\x04K\x01.", b"PK\x03\x04" + b"\0" * 100])
def test_other_files(tmp_path, content):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(ModelFileError, match="not a gmm model file"):
        read(tmp_path / "m")


def test_error_is_one_of_ours_and_a_value_error():
    assert issubclass(ModelFileError, GmmError)
    assert issubclass(ModelFileError, ValueError)


@pytest.mark.parametrize(
    "extras", [{"x": float("nan")}, {"x": np.inf}, {"x": object()}, {"x": np.float64("nan")}, {"x": "y" * (1 << 22)}]
)
def test_extras_that_no_file_can_hold_leave_the_old_file(file, extras):
    before = file.read_bytes()
    with pytest.raises((ValueError, TypeError)):
        write(Content(mixture("diag"), extras), file)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


def test_failed_write_leaves_the_old_file(file, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    before = file.read_bytes()
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        write(Content(mixture("diag")), file)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


def test_a_link_stays_a_link_and_permissions_stay(file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(file)
    file.chmod(0o640)
    write(Content(mixture("diag")), link)
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert read(file).mixture.structure.name == "diag"


def test_what_is_no_file_is_written_not_replaced(tmp_path, small):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write(read(small), pipe)
        assert os.read(reader, 1 << 16) == small.read_bytes()
    finally:
        os.close(reader)
    assert pipe.is_fifo()
