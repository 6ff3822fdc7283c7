"""Records of a run as a Markdown table, and where it is written.

Rate: million row-components per second, the median over turns, with the smallest and largest turn as spread. Ratio to
a peer: the median over turns of its seconds over ours in the same turn, per row.
"""

from itertools import groupby
from pathlib import Path
from statistics import median


def rates(record: dict) -> list[float]:
    """Million row-components per second in each turn."""
    return [1e-6 * record["n_rows"] * record["shape"]["n_components"] / s for s in record["seconds"]]


def ratio(ours: dict, peer: dict) -> float:
    """How many times faster than the peer, turn by turn, in rows per second."""
    return median(a / b for a, b in zip(rates(ours), rates(peer), strict=True))


def markdown(result: dict) -> str:
    """The table, and under it the command and the machine."""
    records = result["records"]
    names = list(dict.fromkeys(r["name"] for r in records))
    peers = [name for name in names if name != "gmm"]
    head = ["problem (N, D, K)", "covariance", "dtype", *names, *(f"gmm / {peer}" for peer in peers), "of FMA peak"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for (shape, structure, dtype), group in groupby(
        records, key=lambda r: (tuple(r["shape"].values()), r["structure"], r["dtype"])
    ):
        found = {record["name"]: record for record in group}
        ours = found.get("gmm")
        cells = [f"{shape[0]} {shape[1]:,}, {shape[2]}, {shape[3]}", structure, dtype]
        cells += [_rate(found.get(name)) for name in names]
        cells += [f"{ratio(ours, found[peer]):.1f}x" if ours and peer in found else "-" for peer in peers]
        cells.append(_share(ours, result["environment"]["peak_flops"]))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n" + _caption(result)


def machine(where: dict) -> str:
    """One sentence: processor, threads, kernels, peak, versions."""
    threads = "1 thread" if where["n_threads"] == 1 else f"{where['n_threads']} threads"
    versions = ", ".join(f"{name} {found}" for name, found in where["versions"].items() if found)
    peaks = ", ".join(f"{dtype} {peak / 1e9:.0f} GFLOP/s" for dtype, peak in where["peak_flops"].items())
    return f"{where['processor']}, {threads}, {where['isa']} kernels, FMA peak {peaks or 'unknown'}; {versions}."


def _rate(record: dict | None) -> str:
    """Median rate and its spread."""
    if record is None:
        return "-"
    found = rates(record)
    return f"{_three_digits(median(found))} ({_three_digits(min(found))}-{_three_digits(max(found))})"


def _three_digits(rate: float) -> str:
    """Three significant digits without an exponent."""
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _share(ours: dict | None, peaks: dict) -> str:
    """Share of the FMA peak that the operations of a dense iteration come to."""
    if ours is None or ours["dtype"] not in peaks:
        return "-"
    return f"{100 * 1e6 * median(rates(ours)) * ours['flops'] / peaks[ours['dtype']]:.0f}%"


def _caption(result: dict) -> str:
    return (
        "Million row-components per second through the public estimators, median of turns (spread); higher is better.\n"
        f"{machine(result['environment'])}\n"
        f"Made by `{result['command'].strip()}`.\n"
    )


def write_between_marks(path: Path, text: str, name: str = "benchmarks") -> None:
    """Replace what stands between the marks of that name in a Markdown file; a file without them is an error."""
    marks = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, begin, rest = path.read_text(encoding="utf-8").partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise ValueError(f"{path} has no place marked {marks[0]} ... {marks[1]}")
    path.write_text(f"{before}{begin}\n{text}{end}{after}", encoding="utf-8")
