"""The commands as a person meets them: results, files, refusals, signals and pipes."""

import csv
import json
import re

import numpy as np
import pytest

import gmm
from gmm.datasets import load_faithful, load_iris


@pytest.fixture
def iris(tmp_path):
    data = load_iris()
    lines = [",".join(("id", *data.feature_names, "kind"))]
    lines += [f"{i},{','.join(map(str, row))},flower" for i, row in enumerate(data.data)]
    path = tmp_path / "iris.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_fit_on_nothing_tells_of_two_kinds_of_eruption(run):
    code, out, err = run("fit")
    assert (code, err) == (0, "")
    assert "272 rows, 2 columns (eruptions, waiting)" in out
    assert re.search(r"2 +11 +-1130\.26 +2322\.19  <- best", out)
    assert re.search(r"0 +35\.6 % +2\.036 \(0\.263\) +54\.48 \(5\.80\) +0\.29\n", out)
    assert "5 of 5 starts led here" in " ".join(out.split())
    assert "two kinds of eruption. 36 in 100 are short" in " ".join(out.split())


def test_select_agrees_with_the_library(run):
    code, out, err = run("select", "-k", "1-4", "--criterion", "icl", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    selection = gmm.select(load_faithful().data, range(1, 5), criterion="icl", random_state=0, order_by="mean")
    assert [entry["icl"] for entry in told["models"]] == [candidate.icl for candidate in selection.table]
    assert told["best"]["covariance_type"] == selection.best_.covariance_type
    assert len(told["models"]) == 16


def test_select_shows_every_model_and_the_lead(run):
    _, out, _ = run("select", "-k", "2,3", "--covariance", "tied,full")
    assert re.search(r"bic +tied +full", out)
    assert "Lowest BIC: 3 with tied covariance; next 2 with full, 7.90 higher." in " ".join(out.split())


def test_options_reach_the_estimator(run, iris):
    code, out, _ = run(
        "fit", iris, "--columns", "petal_length,3", "-k", "5", "--covariance", "diag", "--n-init", "2", "--seed", "7",
        "--tol", "1e-9", "--max-iter", "2", "--reg-covar", "0.01", "--threads", "1", "--dtype", "float32", "--json",
    )  # fmt: skip
    assert code == 0
    X = load_iris().data[:, [2, 1]]
    estimator = gmm.GaussianMixture(
        5,
        covariance_type="diag",
        n_init=2,
        random_state=7,
        tol=1e-9,
        max_iter=2,
        reg_covar=0.01,
        dtype="float32",
        order_by="mean",
    )
    with pytest.warns(gmm.errors.ConvergenceWarning):
        fitted = estimator.fit(X)
    told = json.loads(out)["best"]
    assert told["feature_names"] == ["petal_length", "sepal_width"]
    assert told["means"] == fitted.means_.tolist()
    assert told["covariances"] == fitted.covariances_.tolist()
    assert told["bic"] == pytest.approx(fitted.bic(X), rel=1e-5)
    assert told["n_iter"] == fitted.n_iter_ == 2
    assert told["n_starts"] == 2


def test_factor_analysers(run, iris, tmp_path):
    path = str(tmp_path / "model.gmm")
    said = (iris, "--columns", "1-4", "-k", "2", "--n-init", "1")
    code, out, _ = run("fit", *said, "--covariance", "factor", "--factors", "1", "-o", path, "--json")
    assert code == 0
    model = gmm.load(path)
    assert (json.loads(out)["best"]["covariance_type"], model.n_factors_) == ("factor", 1)
    np.testing.assert_allclose(json.loads(out)["best"]["covariances"], model.covariances_, rtol=1e-12)
    code, out, _ = run("select", *said, "--covariance", "factor,diag")
    assert code == 0
    assert re.search(r"bic +factor +diag", out)


def test_noise_from_fit_to_predict(run, tmp_path):
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(200, 2)), rng.uniform(-9, 9, (100, 2))])
    table, model = tmp_path / "rows.csv", tmp_path / "model.gmm"
    np.savetxt(table, X, delimiter=",")
    code, out, _ = run("fit", str(table), "-k", "1", "--noise", "-o", str(model))
    assert code == 0
    fitted = gmm.load(model)
    assert f"{100 * fitted.noise_weight_:.1f} % of the rows are noise" in out
    lines = run("predict", str(model), str(table), "--posteriors")[1].splitlines()
    assert lines[0] == "component,posterior_0,posterior_noise"
    found = np.loadtxt(lines[1:], delimiter=",")
    np.testing.assert_array_equal(found[:, 0], fitted.predict(X))
    np.testing.assert_array_equal(found[:, 1:], fitted.predict_proba(X))
    told = json.loads(run("info", str(model), "--json")[1])
    assert told["noise_weight"] == fitted.noise_weight_


def test_tol_is_when_to_stop(run):
    def n_iter(*tol):
        return json.loads(run("fit", "-k", "3", "--n-init", "1", "--json", *tol)[1])["best"]["n_iter"]

    fitted = gmm.GaussianMixture(3, n_init=1, random_state=0, tol=0.01).fit(load_faithful().data)
    assert n_iter("--tol", "0.01") == fitted.n_iter_ < n_iter()


def test_weights_are_how_many_times_a_row_counts(run, tmp_path):
    rows = [(0.0, 3), (1.0, 1), (5.0, 0), (9.0, 2)]
    weighted, repeated = tmp_path / "w.csv", tmp_path / "r.csv"
    weighted.write_text("x,n\n" + "".join(f"{x},{n}\n" for x, n in rows))
    repeated.write_text("x\n" + "".join(f"{x}\n" * n for x, n in rows))
    one = json.loads(run("fit", str(weighted), "--weights", "n", "-k", "1", "--json")[1])["best"]
    other = json.loads(run("fit", str(repeated), "-k", "1", "--json")[1])["best"]
    assert one["bic"] == pytest.approx(other["bic"], rel=1e-12)
    assert one["total_weight"] == other["n_rows"] == 6


def test_saved_model_predicts_as_the_library_does(run, model, tmp_path):
    X = load_faithful().data
    again = gmm.load(model)
    assert again.feature_names_in_.tolist() == ["eruptions", "waiting"]
    table = tmp_path / "new.csv"
    table.write_text("waiting,who,eruptions\n" + "".join(f"{w!r},x,{e!r}\n" for e, w in X.tolist()))
    output = tmp_path / "labels.csv"
    assert run("predict", model, str(table), "--posteriors", "--log-density", "-o", str(output)) == (0, "", "")
    rows = list(csv.reader(output.read_text().splitlines()))
    assert rows[0] == ["component", "posterior_0", "posterior_1", "log_density"]
    values = np.array(rows[1:], dtype=float)
    fitted = gmm.GaussianMixture(2, random_state=0, order_by="mean").fit(X)
    assert values[:, 0].tolist() == fitted.predict(X).tolist()
    assert values[:, 1:3].tolist() == fitted.predict_proba(X).tolist()
    assert values[:, 3].tolist() == fitted.score_samples(X).tolist()
    _, out, _ = run("predict", model, str(table), "--columns", "3,1")
    assert out == "component\n" + "".join(f"{label}\n" for label in fitted.predict(X))


def test_predict_in_chunks_is_predict_at_once(run, model, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", load_faithful().data)
    whole = run("predict", model, str(tmp_path / "x.npy"), "--log-density")[1]
    monkeypatch.setattr("gmm.cli.predict.CHUNK_ROWS", 7)
    assert run("predict", model, str(tmp_path / "x.npy"), "--log-density")[1] == whole


def test_info(run, model):
    code, out, _ = run("info", model)
    assert code == 0
    assert "2 components, full covariance, 2 features, fitted to 272 rows" in out
    assert "54.48 (5.80)" in out
    told = json.loads(run("info", model, "--json")[1])
    assert told["means"] == gmm.load(model).means_.tolist()


def test_config_and_version(run):
    assert gmm._native.isa() in run("config")[1]
    assert run("--version")[1] == f"gmm {gmm.__version__}\n"
    assert "fit a mixture" in run()[1]


@pytest.mark.parametrize("width", [36, 40, 60, 80, 200])
@pytest.mark.parametrize("arguments", [("fit",), ("fit", "-k", "3"), ("select", "-k", "2", "--covariance", "diag")])
def test_lines_keep_to_the_terminal(run, monkeypatch, width, arguments):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = run(*arguments)[1].splitlines()
    tried = [line for line in lines if "log-likelihood" in line or re.match(r" +\d+ .*\d+\.\d+|\d+ +\d+ ", line)]
    assert max(len(line) for line in lines if line not in tried) <= width


def test_wide_tables_are_cut_with_a_word(run, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.normal(size=(100, 25)))
    out = run("fit", str(tmp_path / "x.npy"), "-k", "2", "--covariance", "spherical")[1]
    assert "column 20" in out
    assert "column 21" not in out
    assert "... and 5 more features" in out


def test_two_runs_print_the_same(run):
    assert run("fit", "--seed", "3", "--json") == run("fit", "--seed", "3", "--json", "--threads", "3")


def test_one_component_makes_no_claim_it_did_not_test(run):
    assert "In plain words" not in run("fit", "-k", "1")[1]
    out = run("fit", "--columns", "1", "-k", "1,2", "--covariance", "tied")[1]
    assert "2 kinds of row" in " ".join(out.split())


def test_singular_and_impossible_models_are_marked(run, tmp_path):
    path = tmp_path / "line.csv"
    path.write_text("".join(f"{i},{2 * i}\n" for i in range(6)))
    code, out, _ = run("fit", str(path), "-k", "1,2,7")
    assert code == 0
    assert re.search(r"2 .* \(singular\)\n", out)
    assert re.search(r"7 +- +- +-  not possible\n", out)
    assert "Note: component 0 has no spread" in out
    assert "set --reg-covar" in " ".join(out.split())
    told = json.loads(run("fit", str(path), "-k", "1,7", "--json")[1])
    assert told["models"][1]["bic"] is None


def test_default_range_stops_at_the_number_of_rows(run, tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("1\n5\n2\n")
    told = json.loads(run("fit", str(path), "--json")[1])
    assert [entry["n_components"] for entry in told["models"]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "nowhere.csv"], "gmm fit: there is no file nowhere.csv"),
        (["fit", "--columns", "wait"], "gmm fit: there is no column 'wait'; did you mean 'waiting'?"),
        (["fit", "-k", "300"], "n_components=300"),
        (["fit", "-k", "0"], "components run from 1"),
        (["fit", "-k", "9-1"], "components run from 1"),
        (["fit", "-k", "two"], "'two' is not a number of components"),
        (["fit", "--covariance", "ful"], "invalid choice: 'ful'"),
        (["select", "--covariance", "full,ful"], "unknown structure 'ful'"),
        (["fit", "--criterion", "BIC"], "invalid choice: 'BIC'"),
        (["fit", "--n-init", "0"], "'0' is not a whole number from 1"),
        (["fit", "--seed", "-1"], "'-1' is not a whole number from 0"),
        (["fit", "--tol", "nan"], "'nan' is not a number from 0"),
        (["fit", "--reg-covar=-1"], "'-1' is not a number from 0"),
        (["fit", "--quiet", "--json"], "not allowed with"),
        (["fit", "--colums", "1"], "unrecognized arguments"),
        (["fit", "-o", "nowhere/m"], "cannot write nowhere/m: there is no directory"),
        (["fit", "-o", "."], "cannot write .: it is a directory"),
        (["fits"], "invalid choice: 'fits'"),
        (["info", "nowhere"], "gmm info: cannot read nowhere: No such file or directory"),
        (["info", "."], "cannot read .: Is a directory"),
        (["info", __file__], "not a gmm model file"),
        (["predict", "nowhere", "x"], "gmm predict: cannot read nowhere"),
    ],
)
def test_refusals_are_one_line_and_exit_code_2(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_text_column_says_how_to_leave_it_out(run, iris):
    code, _, err = run("fit", iris)
    assert code == 2
    advice = re.search(r"column 'kind' holds text \('flower'\); choose numeric columns with (--columns \S+)\n", err)[1]
    assert run("fit", iris, *advice.split(), "-k", "1", "--quiet")[0] == 0


def test_predict_refuses_other_columns(run, model, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b,c\n1,2,3\n")
    code, out, err = run("predict", model, str(path))
    assert (code, out) == (2, "")
    assert "gives 3 columns, the model needs 2 (eruptions, waiting); choose them with --columns" in err


def test_predict_says_when_columns_go_by_other_names(run, model, tmp_path):
    path = tmp_path / "x.csv"
    note = "note: the model was fitted on eruptions, waiting; columns eruptions, c are taken for them\n"
    for header, said in [("eruptions,c", note), ("eruptions,waiting", ""), ("waiting,eruptions", "")]:
        path.write_text(f"{header}\n1,2\n3,4\n")
        assert run("predict", model, str(path))[2] == said
    path.write_text("1,2\n3,4\n")
    assert run("predict", model, str(path))[2] == ""
    assert run("predict", model, str(path), "--columns", "1,2")[0] == 0


def test_output_is_checked_before_the_work(run, monkeypatch):
    def work(*_, **__):
        raise AssertionError("the fit began")

    monkeypatch.setattr("gmm.select", work)
    assert run("fit", "-o", "/nowhere/m")[0] == 2


def test_output_without_permission(run, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    code, out, err = run("fit", "-o", str(tmp_path / "m"))
    assert (code, out, err) == (2, "", f"gmm fit: cannot write {tmp_path / 'm'}: Permission denied\n")


def test_inputs_are_not_written_over(run, iris, model, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(iris)
    for arguments in (
        ("fit", iris, "-o", str(link)),
        ("predict", model, iris, "-o", model),
        ("select", iris, "-o", iris),
    ):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert "it is what is being read" in err


def test_memory_that_runs_out_is_told(run, monkeypatch):
    def work(*_, **__):
        raise MemoryError

    monkeypatch.setattr("gmm.select", work)
    assert run("fit") == (2, "", "gmm fit: not enough memory\n")


def test_missing_cells(run, tmp_path):
    X = load_iris().data.copy()
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    path, model = tmp_path / "gaps.csv", str(tmp_path / "gaps.gmm")
    rows = [",".join("" if np.isnan(x) else repr(x) for x in row) for row in X.tolist()]
    path.write_text("\n".join(["a,b,c,d", *rows]) + "\n")
    code, _, err = run("fit", str(path), "-k", "2")
    assert (code, "is empty" in err) == (2, True)
    code, out, err = run("fit", str(path), "-k", "2", "--missing", "marginalize", "--noise", "--json", "-o", model)
    assert (code, err) == (0, "")
    expected = gmm.GaussianMixture(2, missing="marginalize", noise=True, random_state=0, order_by="mean").fit(X)
    assert json.loads(out)["best"]["means"] == expected.means_.tolist()
    code, out, err = run("predict", model, str(path), "--log-density")
    assert (code, err) == (0, "")
    told = [line.split(",") for line in out.splitlines()[1:]]
    assert [int(row[0]) for row in told] == expected.predict(X).tolist()
    assert [float(row[1]) for row in told] == expected.score_samples(X).tolist()
