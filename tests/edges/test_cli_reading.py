"""Files as people have them: what is read, and what is refused with which words."""

import gzip
import io
import sys

import numpy as np
import pytest

from gmm.cli.columns import Wanted
from gmm.cli.errors import CommandError
from gmm.cli.reading import read_table

AB = [[1.0, 2.0], [3.0, 4.0]]


@pytest.fixture
def read(tmp_path):
    def reader(content: str | bytes, *, name: str = "table.csv", **wanted):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_table(str(path), Wanted(**wanted))

    return reader


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2\n3,4\n",
        "a,b\r\n1,2\r\n3,4\r\n",
        "a,b\n1,2\n3,4",
        "a;b\n1;2\n3;4\n",
        "a\tb\n1\t2\n3\t4\n",
        "a|b\n1|2\n3|4\n",
        "a b\n1 2\n3 4\n",
        "  a    b\n  1.0  2.0\n3e0   4\n",
        "a, b\n1, 2\n3, 4\n",
        '"a","b"\n"1","2"\n3,4\n',
        '"a", "b"\n"1", "2"\n3, 4\n',
        "a;b\n1,0;2,0\n3,0;4,0\n",
        "# measured\n\n# a,b\na,b\n1,2\n\n3,4\n\n",
        "\ufeffa,b\n1,2\n3,4\n",
        "a,b\n1,2\n3,4\n".encode("utf-16"),
        gzip.compress(b"a,b\n1,2\n3,4\n", mtime=0),
        'a,b\n"1\n",2\n3,4\n',
        "a,b,\n1,2,\n3,4,\n",
        "a,b\n1,2,\n3,4,\n",
        "a;b;\r\n1;2;\r\n3;4; \r\n",
        "a\tb\t\n1\t2\t\n3\t4\t\n",
        'a,b,\n"1\n",2,\n3,4,\n',
    ],
)
def test_dialects(read, content):
    table = read(content)
    assert table.names == ("a", "b")
    assert table.data.tolist() == AB
    assert table.data.dtype == np.float64


@pytest.mark.parametrize("content", ["1,2\n3,4\n", "1 2\n3 4\n", "1;2\n3;4", "+1,2.\n3,4e0\n"])
def test_no_header(read, content):
    table = read(content)
    assert table.names == ("column 1", "column 2")
    assert table.data.tolist() == AB


def test_one_column(read):
    assert read("x\n1\n2\n").data.tolist() == [[1], [2]]
    assert read("1\n2\n").names == ("column 1",)


def test_one_row(read):
    assert read("a,b\n1,2\n").data.tolist() == [[1, 2]]


def test_header_of_numbers_needs_to_be_told(read):
    years = "name,2001,2002\nx,1,2\ny,3,4\n"
    assert read(years, columns="2,3").data.tolist() == [[2001, 2002], *AB]
    table = read(years, columns="2,3", header=True)
    assert (table.names, table.data.tolist()) == (("2001", "2002"), AB)
    assert read("a,b\n1,2\n", header=True).names == ("a", "b")
    with pytest.raises(CommandError, match="holds text"):
        read("a,b\n1,2\n", header=False)


def test_a_late_row_without_the_delimiter_that_ends_the_others(read):
    assert read("a,b,\n" + "1,2,\n" * 500 + "3,4\n5,6,\n").data[-2:].tolist() == [[3, 4], [5, 6]]


@pytest.mark.parametrize("content", ["2019,2020\n0.5,0.25\n1.5,2e3\n", "0,1,2\n3,4.5,6\n", "5;6\n1,5;2\n"])
def test_a_first_row_of_numbers_that_may_be_names_is_noted(read, content):
    (note,) = read(content).notes
    assert note.startswith(f"the first row ({content.splitlines()[0].replace(';', ',')}) is taken as data")
    assert read(content, header=True).notes == read(content, header=False).notes == ()


@pytest.mark.parametrize("content", ["1,2\n3,4\n", "5,5\n0.5,1\n", "1\n", "1.5,2\n0.5,0.5\n"])
def test_a_first_row_like_the_others_is_not(read, content):
    assert read(content).notes == ()


@pytest.mark.parametrize(
    "content",
    [",0,1\n7,1,2\n8,3,4\n", '"","a","b"\n"1",1,2\n"2",3,4\n', '"a" "b"\n"r1" 1 2\n"r2" 3 4\n', ",a,b\n7,1,2\n8,3,4\n"],
)
def test_row_labels_are_left_out_with_a_note(read, content):
    table = read(content)
    assert (table.names, table.data.tolist()) == (("0", "1") if content.startswith(",0") else ("a", "b"), AB)
    assert "labels the rows" in table.notes[0]


def test_latin_1_header(read):
    assert read("größe,b\n1,2\n3,4\n".encode("latin-1")).names == ("größe", "b")


def test_columns_by_name_number_and_range(read):
    text = "id,a,b,c\nx,1,2,3\ny,4,5,6\n"
    assert read(text, columns="c,a").data.tolist() == [[3, 1], [6, 4]]
    assert read(text, columns="2-3").names == ("a", "b")
    assert read(text, columns=" 4 , b").names == ("c", "b")


def test_weights_are_no_feature(read):
    table = read("a,n,b\n1,5,2\n3,0,4\n", weights="n")
    assert (table.names, table.data.tolist(), table.sample_weight.tolist()) == (("a", "b"), AB, [5, 0])
    assert read("a,n\n1,5\n", weights="2").names == ("a",)


def test_names_a_model_was_fitted_on(read):
    table = read("id,b,a\nx,2,1\ny,4,3\n", preferred=("a", "b"))
    assert table.data.tolist() == AB
    assert read("b,c\n1,2\n", preferred=("a", "b")).names == ("b", "c")


@pytest.mark.parametrize(
    ("content", "wanted", "message"),
    [
        ("", {}, "table.csv is empty"),
        ("\n \n", {}, "holds no rows"),
        ("# a\n", {}, "holds no rows"),
        ("a,b\n", {}, "has a header but no rows"),
        ("a,b,kind\n1,2,x\n", {}, r"column 'kind' holds text \('x'\); choose numeric columns with --columns a,b$"),
        ("1,2,x\n3,4,y\n", {}, r"column 3 holds text \('x'\); choose numeric columns with --columns 1,2$"),
        ("a b,c\n1,x\n2,y\n", {}, "--columns 1$"),
        ("a,kind\n1,x\n", {"columns": "kind"}, r"column 'kind' holds text \('x'\)$"),
        ("a,n\n1,x\n", {"weights": "n"}, r"column 'n' holds text \('x'\)$"),
        ("hello world\nthis is\n", {}, "holds text"),
        ("a,b,\n1,2,\n3,4\n", {}, "line 2, column 3 is empty"),
        ("a\tb\t\n" + "1\t2\t\n" * 500 + "3\t4\t5\n", {}, "line 502 has 3 cells where the first lines have 2"),
        ("a,b\n1,2\n3\n", {}, "line 3 has 1 cell where the first lines have 2"),
        ("a,b\n1,2\n3,4,5\n", {}, "line 3 has 3 cells where the first lines have 2"),
        ("a,b,c\n1,2,x\n3,4\n", {"columns": "a"}, "line 3 has 2 cells where the first lines have 3"),
        ("# x\na,b\n1,2\n\n3,\n", {}, "line 5, column 'b' is empty; fill it in or leave the row out"),
        ("a,b\n1,NA\n", {}, r"line 2, column 'b' is missing \('NA'\)"),
        ("a,b\n1,nan\n", {}, r"line 2, column 'b' is missing \('nan'\)"),
        ("a,b\n1,-inf\n", {}, r"line 2, column 'b' is infinite \('-inf'\)"),
        ("a,b\n1,1e999\n", {}, r"line 2, column 'b' is infinite"),
        ("a,b\n" + "1,2\n" * 500 + "1,x\n", {}, r"line 502, column 'b' is not a number \('x'\)"),
        ("a\n1_0\n", {}, "holds text"),
        ("a,b\n1,2\n", {"columns": "a,bb"}, "there is no column 'bb'; did you mean 'b'?"),
        ("a,b\n1,2\n", {"columns": "zzz"}, "there is no column 'zzz'; the columns are a, b"),
        ("a,b\n1,2\n", {"columns": "3"}, "there is no column 3; the columns are numbered 1 to 2"),
        ("a,b\n1,2\n", {"columns": "2-1"}, "runs backwards"),
        ("a,b\n1,2\n", {"columns": "a,1"}, "column 'a' is chosen twice"),
        ("a,b\n1,2\n", {"columns": "a", "weights": "a"}, "both a feature and the weights"),
        ("a,b,a\n1,2,3\n", {}, "table.csv: columns 1 and 3 are both called 'a'; rename one of them, or choose"),
        ("a,a\n1,2\n", {"columns": "a"}, "more than one column is called 'a'"),
        ("a\n1\n", {"weights": "a"}, "no column is left"),
        ("a,w\n1,2\n2,-3\n", {"weights": "w"}, "column 'w' cannot be sample weights: row 2 is -3, below 0"),
        ("a,w\n1,0\n2,0\n", {"weights": "w"}, "column 'w' cannot be sample weights: all are 0"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 99, mtime=0)[:-9], {}, "broken gzip file"),
        (b"\x7fELF\0\0\0", {}, "not a text file"),
        (b"PK\x03\x04....", {}, "zip archive"),
        (b"\x93GMM\r\n\x1a\n", {}, "gmm info"),
        (b"\xff\xfea", {}, "not a text file"),
    ],
)
def test_refusals(read, content, wanted, message):
    with pytest.raises(CommandError, match=message):
        read(content, **wanted)


def test_missing_file_and_directory(tmp_path):
    with pytest.raises(CommandError, match=r"there is no file .*nowhere.csv"):
        read_table(str(tmp_path / "nowhere.csv"))
    with pytest.raises(CommandError, match="is a directory"):
        read_table(str(tmp_path))


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n3,4\n")))
    assert read_table("-").data.tolist() == AB


def test_no_file_is_old_faithful():
    table = read_table(None)
    assert (table.data.shape, table.names) == ((272, 2), ("eruptions", "waiting"))
    assert read_table(None, Wanted(columns="waiting")).data[0].tolist() == [79]


def npy(array: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def test_npy_is_mapped_not_read(read):
    table = read(npy(np.array(AB, np.float32)), name="x.npy")
    assert isinstance(table.data, np.memmap)
    assert table.data.dtype == np.float32
    assert table.data.tolist() == AB
    assert read(npy(np.array(AB, order="F")), columns="2").data.tolist() == [[2], [4]]
    assert read(npy(np.arange(3))).data.tolist() == [[0], [1], [2]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(np.array([[1, np.nan], [2, 3]])), "row 1, column 2 is nan"),
        (npy(np.array([[1, 2], [np.inf, 3]])), "row 2, column 1 is inf"),
        (npy(np.array(["a"])), "not numbers"),
        (npy(np.array([1j])), "not numbers"),
        (npy(np.zeros((2, 2, 2))), r"shape \(2, 2, 2\)"),
        (npy(np.float64(1)), r"shape \(\)"),
        (npy(np.zeros((0, 2))), "has no rows"),
        (npy(np.zeros((2, 0))), "no column"),
        (npy(np.array([{}]), allow_pickle=True), "not a usable .npy file"),
        (npy(np.zeros(9))[:-1], "not a usable .npy file"),
    ],
)
def test_npy_refusals(read, content, message):
    with pytest.raises(CommandError, match=message):
        read(content)


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = str(tmp_path / "t")
    columns = {"a": [1.0, 3.0], "k": ["x", "y"], "b": [2, 4], "n": [2, None]}
    parquet.write_table(pyarrow.table(columns), path)
    assert read_table(path, Wanted(columns="a,b")).data.tolist() == AB
    with pytest.raises(CommandError, match=r"column 'k' holds string, not numbers; .* --columns a,b,n"):
        read_table(path)
    with pytest.raises(CommandError, match="row 2, column 'n' is nan"):
        read_table(path, Wanted(columns="a", weights="n"))
    for name, content in (("broken", b"PAR1" + b"\0" * 20), ("text.parquet", b"a,b\n1,2\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CommandError, match="not a usable Parquet file"):
            read_table(str(tmp_path / name))


def test_parquet_without_pyarrow(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CommandError, match=r"pip install 'fastgmm\[parquet\]'"):
        read(b"PAR1....")


def test_gaps_are_nan_where_they_are_wanted(read):
    for content in ("a,b\n1,\nNA,4\n", "a,b\n1,?\n,4\n", "a;b\n1;\n-;4\n", "a,b\n1,nan\nNaN,4\n"):
        table = read(content, gaps=True)
        np.testing.assert_array_equal(table.data, [[1.0, np.nan], [np.nan, 4.0]])
    for bad, message in (
        ("a,b\n1,\n2,inf\n", "line 3, column 'b' is infinite"),
        ("a,b\n1,\n2,x\n", "column 'b' holds text"),
    ):
        with pytest.raises(CommandError, match=message):
            read(bad, gaps=True)
    with pytest.raises(CommandError, match="line 3, column 'n' is empty"):
        read("a,n\n,1\n2,\n", weights="n", gaps=True)


def test_gaps_of_an_array(tmp_path):
    path = str(tmp_path / "gaps.npy")
    X = np.array([[1.0, np.nan, 2.0], [np.nan, 1.0, 3.0]])
    np.save(path, X)
    np.testing.assert_array_equal(read_table(path, Wanted(gaps=True)).data, X)
    with pytest.raises(CommandError, match="row 1, column 2 is nan"):
        read_table(path, Wanted(weights="2", gaps=True))
    X[1, 2] = np.inf
    np.save(path, X)
    with pytest.raises(CommandError, match="row 2, column 3 is inf"):
        read_table(path, Wanted(gaps=True))
