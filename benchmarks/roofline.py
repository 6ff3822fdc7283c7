"""Roofline picture of the EM pass: ``python benchmarks/roofline.py``.

A point per shape of the tables, structure and precision: flop/s that a dense pass reaches on one thread against its
flops per byte of X. Roofs: the FMA peak and the bandwidth at which one thread reads memory, both measured here.
"""

import argparse
import sys
from pathlib import Path
from time import process_time

import numpy as np
from environment import describe
from passes import Pass, time_pass
from problems import SHAPES, STRUCTURES

PICTURE = Path(__file__).with_name("roofline.png")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/roofline.py", description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=0.5, help="fraction of a shape's rows")
    parser.add_argument("--out", type=Path, default=PICTURE, help="picture; its suffix is the format")
    options = parser.parse_args(arguments)
    found = {
        dtype: [
            time_pass(s.scaled(options.scale), structure, dtype) for structure in STRUCTURES for s in SHAPES.values()
        ]
        for dtype in ("float64", "float32")
    }
    bandwidth = read_bandwidth()
    for dtype, passes in found.items():
        for one in passes:
            print(f"{one.shape.name:7} {one.structure:9} {dtype}: {one.intensity:8.1f} flop/byte, "
                  f"{one.flops / 1e9:6.1f} GFLOP/s, {100 * one.share:.0f}% of the FMA peak")  # fmt: skip
    draw(found, bandwidth, options.out)
    return 0


def read_bandwidth(n_bytes: int = 2**28, repeats: int = 8) -> float:
    """Bytes per second at which one thread reads memory: the largest of many numbers."""
    numbers = np.ones(n_bytes // 8)
    times = []
    for _ in range(repeats):
        begin = process_time()
        numbers.max()
        times.append(process_time() - begin)
    return n_bytes / min(times)


def draw(found: dict[str, list[Pass]], bandwidth: float, path: Path) -> None:
    """One panel per precision."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    colours = dict(zip(STRUCTURES, ("tab:blue", "tab:orange", "tab:green", "tab:red"), strict=True))
    markers = dict(zip(SHAPES, "os^Dv*", strict=True))
    figure, panels = plt.subplots(1, 2, figsize=(13, 5.2), layout="constrained", sharex=True)
    for panel, (dtype, passes) in zip(panels, found.items(), strict=True):
        peak = max(one.peak for one in passes) / 1e9
        x = np.geomspace(0.5, 2 * max(one.intensity for one in passes), 200)
        panel.loglog(x, np.minimum(peak, x * bandwidth / 1e9), "k-", linewidth=1.5)
        panel.annotate(f"FMA peak {peak:.0f} GFLOP/s", (x[-1], peak), ha="right", va="bottom", fontsize=9)
        ridge = peak / (bandwidth / 1e9)
        panel.annotate(f"memory {bandwidth / 1e9:.0f} GB/s", (0.9 * ridge, 0.9 * peak), ha="right", fontsize=9)
        for one in passes:
            panel.loglog(one.intensity, one.flops / 1e9, markers[one.shape.name], color=colours[one.structure],
                         markersize=8, alpha=0.85)  # fmt: skip
        panel.set(xlabel="flops per byte of X", ylabel="GFLOP/s", title=f"{dtype}, one thread")
        panel.set_ylim(peak / 10, peak * 1.4)
        ticks = [tick for tick in (5, 10, 20, 50, 100, 200, 500, 1000) if peak / 10 < tick < peak * 1.4]
        panel.set_yticks(ticks, [str(tick) for tick in ticks])
        panel.set_yticks([], minor=True)
        panel.grid(which="both", linewidth=0.3, alpha=0.5)
    key = [plt.Line2D([], [], marker="s", linestyle="", color=colours[name], label=name) for name in STRUCTURES]
    key += [plt.Line2D([], [], marker=markers[shape.name], linestyle="", color="grey",
                       label=f"{shape.name}: D = {shape.n_features}, K = {shape.n_components}")
            for shape in SHAPES.values()]  # fmt: skip
    figure.legend(handles=key, loc="outside right center", fontsize=9)
    where = describe(1)
    figure.suptitle(f"Roofline of one EM pass ({where['processor']}, {where['isa']} kernels)")
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    sys.exit(main())
