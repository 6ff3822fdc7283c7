"""Builds gmm._native: the C core and its Cython binding as one extension module.

What pyproject.toml cannot say stands here: each csrc/isa file gets the compiler flags of its instruction set (and no
other file does, so that the module loads on any CPU of its architecture), OpenMP is used where the compiler has it,
and the module is limited to the stable ABI of Python 3.11.

Environment: GMM_OPENMP=0 builds without OpenMP (one thread), GMM_DEBUG=1 with assertions and without optimisation,
GMM_SANITIZE=address,undefined with those sanitizers.
"""

import os
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import CompileError, LinkError

DEBUG = os.environ.get("GMM_DEBUG", "0") == "1"
SANITIZE = os.environ.get("GMM_SANITIZE", "")
OPENMP = os.environ.get("GMM_OPENMP", "1") == "1"

AVX512 = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"]
X86 = {"scalar.c": [], "avx2.c": ["-mavx2", "-mfma"], "avx512.c": AVX512}
ARM = {"scalar.c": [], "neon.c": []}
ISA_FLAGS = {"x86_64": X86, "amd64": X86, "aarch64": ARM, "arm64": ARM}

# No -ffast-math and no contraction: FMA only where a kernel writes v_fma, so every ISA's rounding is in the source.
FLAGS = ["-std=c11", "-ffp-contract=off", "-fvisibility=hidden"]
FLAGS += ["-O0", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g0", "-DNDEBUG"]
FLAGS += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer", "-g"] if SANITIZE else []


def target_machine() -> str:
    return sysconfig.get_platform().rsplit("-", 1)[-1].lower()


def isa_flags() -> dict[str, list[str]]:
    return ISA_FLAGS.get(target_machine(), {"scalar.c": []})


def core_sources() -> list[str]:
    isa = [source for source in glob("csrc/isa/*.c") if Path(source).name in isa_flags()]
    return sorted(glob("csrc/*.c") + isa)


def core_headers() -> list[str]:
    return sorted(str(path) for path in Path("csrc").rglob("*") if path.name.endswith((".h", ".inc.c")))


class BuildCore(build_ext):
    """Per-file flags, all CPUs, and only what is older than its source or any header, or was made otherwise."""

    def run(self):
        settings, made_with = f"{DEBUG} {SANITIZE} {OPENMP}", Path(self.build_temp, "settings.txt")
        self.force = self.force or not made_with.exists() or made_with.read_text() != settings
        super().run()
        made_with.parent.mkdir(parents=True, exist_ok=True)
        made_with.write_text(settings)

    def build_extension(self, ext):
        openmp = ["-fopenmp"] if OPENMP and self.links("-fopenmp") else []
        if OPENMP and not openmp:
            print("gmm: the compiler has no OpenMP, building for one thread")
        ext.extra_link_args += openmp
        flags = {"parallel.c": openmp, **isa_flags()}
        shared = [*ext.depends, "setup.py"]
        newest = max(os.path.getmtime(path) for path in shared)
        compile_all, compile_one = self.compiler.compile, self.compiler._compile

        def compile_stale(obj, source, suffix, cc_args, extra, pp_opts):
            if self.force or not os.path.exists(obj) or os.path.getmtime(obj) < max(newest, os.path.getmtime(source)):
                compile_one(obj, source, suffix, cc_args, extra + flags.get(Path(source).name, []), pp_opts)

        def compile_parallel(*args, **kwargs):
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                jobs = []
                self.compiler._compile = lambda *job: jobs.append(pool.submit(compile_stale, *job))
                objects = compile_all(*args, **kwargs)
            for job in jobs:
                job.result()
            return objects

        self.compiler.compile = compile_parallel
        try:
            super().build_extension(ext)
        finally:
            self.compiler.compile, self.compiler._compile = compile_all, compile_one

    def links(self, flag: str) -> bool:
        """Whether the compiler takes the flag and the linker finds what it needs."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=[flag])
                self.compiler.link_executable(objects, str(Path(folder, "probe")), extra_postargs=[flag])
            except (CompileError, LinkError):
                return False
        return True


class SourceArchive(sdist):
    """Everything that the README's commands, the tests and the documentation need."""

    def make_distribution(self):
        for folder in ("csrc", "gmm", "tests", "benchmarks", "docs"):
            files = (path for path in Path(folder).rglob("*") if path.is_file())
            self.filelist.extend(str(path) for path in files if path.suffix not in {".pyc", ".so", ".o"})
        self.filelist.append("CHANGELOG.md")
        self.filelist.remove_duplicates()
        super().make_distribution()


native = Extension(
    "gmm._native",
    sources=["gmm/_native.pyx", *core_sources()],
    depends=core_headers(),
    include_dirs=["csrc"],
    define_macros=[("Py_LIMITED_API", "0x030B0000")],
    extra_compile_args=FLAGS,
    extra_link_args=[f"-fsanitize={SANITIZE}"] if SANITIZE else [],
    py_limited_api=True,
)

setup(
    ext_modules=cythonize([native], build_dir="build/cython", include_path=["gmm"], language_level=3, quiet=True),
    cmdclass={"build_ext": BuildCore, "sdist": SourceArchive},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
