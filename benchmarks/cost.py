"""Cost of an EM pass against N, K and D, as a picture: ``python benchmarks/cost.py``.

One dense pass of the compiled core per point, one thread, processor time (see `passes.py`), float64. A line that runs
along the dotted guides is linear in N and K; in D a full covariance grows with its square. One minute.
"""

import argparse
import sys
from pathlib import Path

from environment import describe
from passes import Pass, shape_of, time_pass
from problems import STRUCTURES, Shape
from table import machine

PICTURE = Path(__file__).with_name("cost.png")
SWEEPS = {
    "rows N": [Shape(f"N={n}", n, 8, 16) for n in (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)],
    "components K": [Shape(f"K={k}", 8_192, 2, k) for k in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)],
    "features D": [shape_of(d, 4) for d in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1_000)],
}
FIXED = {"rows N": "D = 8, K = 16", "components K": "N = 8,192, D = 2", "features D": "per row, K = 4"}
SIZE = {"rows N": "n_samples", "components K": "n_components", "features D": "n_features"}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/cost.py", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.1, help="that the passes of a point take, at least")
    parser.add_argument("--out", type=Path, default=PICTURE, help="picture; its suffix is the format")
    options = parser.parse_args(arguments)
    found = {
        sweep: {
            structure: [time_pass(s, structure, seconds=options.seconds) for s in shapes] for structure in STRUCTURES
        }
        for sweep, shapes in SWEEPS.items()
    }
    print(markdown(found))
    draw(found, options.out)
    return 0


def milliseconds(one: Pass, sweep: str) -> float:
    """Of a pass; of a thousand rows where the number of rows differs from point to point for another reason."""
    return 1e3 * one.seconds / (one.shape.n_samples / 1e3 if sweep == "features D" else 1)


def markdown(found: dict) -> str:
    """Share of the FMA peak of every point: what a picture of slopes cannot show."""
    lines = []
    for sweep, lines_of in found.items():
        sizes = [getattr(one.shape, SIZE[sweep]) for one in lines_of[STRUCTURES[0]]]
        lines += [
            f"| {sweep} ({FIXED[sweep]}) | " + " | ".join(map(str, sizes)) + " |",
            "|---" * (1 + len(sizes)) + "|",
        ]
        for structure, passes in lines_of.items():
            lines.append(f"| {structure} | " + " | ".join(f"{100 * one.share:.0f}%" for one in passes) + " |")
        lines.append("")
    return "\n".join(lines) + f"Share of the FMA peak. {machine(describe(1))}\n"


def draw(found: dict, path: Path) -> None:
    """Three panels, logarithmic axes, a line per structure, a dotted guide of slope one (and two for D)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(13, 4.6), layout="constrained")
    for panel, (sweep, lines_of) in zip(panels, found.items(), strict=True):
        for structure, marker in zip(STRUCTURES, "os^D", strict=True):
            x = [getattr(one.shape, SIZE[sweep]) for one in lines_of[structure]]
            y = [milliseconds(one, sweep) for one in lines_of[structure]]
            panel.loglog(x, y, marker=marker, markersize=4, linewidth=1.3, label=structure)
            if sweep == "features D" and structure == "full":
                guide(panel, x, y, 2)
            elif structure == ("spherical" if sweep == "features D" else "full"):
                guide(panel, x, y, 1)
        unit = "milliseconds per 1,000 rows" if sweep == "features D" else "milliseconds per pass"
        panel.set(xlabel=f"number of {sweep}", ylabel=unit, title=f"{sweep[-1]}  ({FIXED[sweep]})")
        panel.grid(which="major", linewidth=0.4, alpha=0.6)
    panels[0].legend(title="covariance")
    where = describe(1)
    figure.suptitle(f"Cost of one EM pass, float64, one thread ({where['processor']}, {where['isa']} kernels)")
    figure.savefig(path, dpi=100)


def guide(panel, x: list[float], y: list[float], power: int) -> None:
    """Dotted line y ~ x^power through the last point."""
    start = x[0] if power == 1 else x[len(x) // 2]
    panel.loglog([start, x[-1]], [y[-1] * (start / x[-1]) ** power, y[-1]], "k:", linewidth=1)
    panel.annotate(f"slope {power}", (start, y[-1] * (start / x[-1]) ** power), fontsize=8, va="top")


if __name__ == "__main__":
    sys.exit(main())
