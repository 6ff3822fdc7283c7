"""The number of threads that a call uses by default, and the limits it honours."""

import os
import subprocess
import sys

import numpy as np
import pytest

from gmm import _native
from gmm.threads import cpu_quota, resolve_threads

needs_openmp = pytest.mark.skipif(not _native.has_openmp(), reason="built without OpenMP, always one thread")


@pytest.mark.parametrize("n_threads", [1, 3, 1000, np.int32(2)])
def test_a_positive_number_is_taken(n_threads):
    found = resolve_threads(n_threads)
    assert found == n_threads
    assert type(found) is int


@pytest.mark.parametrize("n_threads", [0, -1, 2.5, 2.0, True, "2", np.bool_(True), float("nan")])
def test_anything_else_is_refused(n_threads):
    with pytest.raises(ValueError, match="n_threads must be None or an integer of at least 1, got "):
        resolve_threads(n_threads)


def threads_of_process(**environment):
    script = "from gmm.threads import resolve_threads; print(resolve_threads())"
    command = [sys.executable, "-P", "-c", script]
    return int(subprocess.check_output(command, env=os.environ | environment, text=True, timeout=60))


@needs_openmp
def test_environment():
    assert threads_of_process(OMP_NUM_THREADS="1") == 1
    assert threads_of_process(OMP_NUM_THREADS="5") == min(5, cpu_quota())


@needs_openmp
def test_threadpoolctl():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(3, user_api="openmp"):
        assert resolve_threads() == min(3, cpu_quota())
        with threadpoolctl.threadpool_limits(1):
            assert resolve_threads() == 1
        assert resolve_threads() == min(3, cpu_quota())


def test_loky_workers_share_the_cpus():
    joblib = pytest.importorskip("joblib")
    workers = joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(resolve_threads)() for _ in range(4))
    assert set(workers) == {max(1, min(joblib.cpu_count() // 2, cpu_quota()))} or not _native.has_openmp()
    with joblib.parallel_config("loky", inner_max_num_threads=3):
        workers = joblib.Parallel(n_jobs=2)(joblib.delayed(resolve_threads)() for _ in range(4))
    assert set(workers) == {min(3, cpu_quota()) if _native.has_openmp() else 1}


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_joblib_workers_that_share_an_environment(backend, monkeypatch):
    """Where joblib divides nothing, every worker takes one thread; outside of it nothing changes."""
    joblib = pytest.importorskip("joblib")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = resolve_threads()
    workers = joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(resolve_threads)() for _ in range(4))
    assert set(workers) == {1}
    assert resolve_threads() == before


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, sys.maxsize),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, sys.maxsize),
        ({"proc/self/cgroup": "0::/\n"}, sys.maxsize),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
                "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
                "sys/fs/cgroup/cpu.max": "800000 100000\n",
            },
            3,
        ),
        ({"proc/self/cgroup": "0::/of/the/host\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"}, 1),
        (
            {
                "proc/self/cgroup": "12:memory:/x\n4:cpu,cpuacct:/x\n0::/\n",
                "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
            },
            1,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            sys.maxsize,
        ),
    ],
)
def test_control_groups(tmp_path, files, expected):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert cpu_quota(str(tmp_path)) == expected


def test_quota_limits_the_default(monkeypatch):
    monkeypatch.setattr("gmm.threads.cpu_quota", lambda: 1)
    assert resolve_threads() == 1
