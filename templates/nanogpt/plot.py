"""Draw the runs: the curves of each text, and bars of how well and how fast the models are, as PNGs beside this file.

    python plot.py

Each line is the mean over a run's seeds, and the band around it one standard error of that mean (std(ddof=1)/sqrt(n)).
Bars have it as a whisker, and every seed as a dot. The beginning of training, where all curves fall alike, is cut off.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

# The runs to plot, and their names in the legend.
labels = {
    "run_0": "Baseline",
}

TITLES = {"opticks": "Newton's Opticks", "sqlite": "SQLite's btree.c"}  # a text without one is called by its name
CURVES = {"train_loss": "training loss", "val_loss": "validation loss"}
BARS = {
    "val_bits_per_byte": ("Bits per byte on the held-out end (lower is better)", "bits per byte", ".3f"),
    "inference_tokens_per_second": ("Speed of writing (higher is better)", "tokens per second", ",.0f"),
}
# Okabe and Ito's colours, which colour-blind people can tell apart, the baseline in black; then the same, dashed.
COLOURS = ("#000000", "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))
BEGINNING = 0.15  # of the steps: not shown
FOLDER = Path(__file__).parent

Curves = dict[str, np.ndarray]  # "dataset.seed.curve" -> one number an evaluation, with curve "step" for the steps
Metrics = dict[str, dict[str, list[float]]]  # dataset -> metric -> one number a seed


def read_runs() -> dict[str, tuple[Curves, Metrics]]:
    """The results of each labelled run, by folder; a run that is not there is left out, and said so."""
    runs = {}
    for name in labels:
        folder = FOLDER / name
        if (folder / "all_results.npz").is_file() and (folder / "final_info.json").is_file():
            with np.load(folder / "all_results.npz") as arrays:
                curves = dict(arrays)
            info = json.loads((folder / "final_info.json").read_text(encoding="utf-8"))
            runs[name] = curves, {dataset: entry["final_info_dict"] for dataset, entry in info.items()}
        else:
            print(f"plot.py: {name} is left out: it has no results", file=sys.stderr)
    return runs


def curve_of(curves: Curves, dataset: str, curve: str) -> tuple[np.ndarray, np.ndarray]:
    """The steps [points] and the values [seeds, points] of a curve, as far as all seeds have it."""
    seeds = sorted(key.split(".")[1] for key in curves if key.startswith(f"{dataset}.") and key.endswith(f".{curve}"))
    if not seeds:
        return np.empty(0), np.empty((1, 0))
    points = min(len(curves[f"{dataset}.{seed}.step"]) for seed in seeds)
    values = np.stack([curves[f"{dataset}.{seed}.{curve}"][:points] for seed in seeds])
    return curves[f"{dataset}.{seeds[0]}.step"][:points], values


def mean_and_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Over the seeds, the first axis: the mean and its standard error, 0 for a single seed."""
    seeds = len(values)
    mean = values.mean(axis=0)
    return mean, values.std(axis=0, ddof=1) / np.sqrt(seeds) if seeds > 1 else np.zeros_like(mean)


def style_of(run: str) -> dict[str, object]:
    """Colour and dash of a run, the same in every plot."""
    number = list(labels).index(run)
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number // len(COLOURS) % len(DASHES)]}


def finish(axes: Axes, title: str, file: str) -> None:
    """What all plots have in common: title, grid, legend outside, and the file."""
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    axes.figure.savefig(FOLDER / file, dpi=120)
    plt.close(axes.figure)


def plot_curve(runs: dict[str, tuple[Curves, Metrics]], dataset: str, curve: str) -> None:
    """Write `<curve>_<dataset>.png`: one curve of one text in all runs."""
    _, axes = plt.subplots(figsize=(8, 4.5), layout="tight")
    for run, (curves, _) in runs.items():
        steps, values = curve_of(curves, dataset, curve)
        shown = steps >= BEGINNING * steps.max(initial=0)
        mean, error = mean_and_error(values[:, shown])
        style = style_of(run)
        axes.fill_between(steps[shown], mean - error, mean + error, color=style["color"], alpha=0.15, linewidth=0)
        axes.plot(steps[shown], mean, **style, linewidth=1.7, label=labels[run], zorder=4 if run == "run_0" else 3)
    axes.set_xlabel("optimizer steps")
    axes.set_ylabel("cross-entropy (nats a byte)")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    finish(axes, f"{TITLES.get(dataset, dataset)}: {CURVES[curve]}", f"{curve}_{dataset}.png")


def plot_bars(runs: dict[str, tuple[Curves, Metrics]], datasets: list[str], metric: str) -> None:
    """Write `<metric>.png`: a group of bars for each text, one bar for each run."""
    title, unit, number = BARS[metric]
    _, axes = plt.subplots(figsize=(9, 4.5), layout="tight")
    width = 0.8 / len(runs)
    for place, (run, (_, metrics)) in enumerate(runs.items()):
        for group, dataset in enumerate(datasets):
            values = np.array(metrics.get(dataset, {}).get(metric, []))
            if len(values):
                x = group + (place - (len(runs) - 1) / 2) * width
                mean, error = mean_and_error(values)
                colour = style_of(run)["color"]
                label = labels[run] if group == 0 else None
                axes.bar(x, mean, 0.9 * width, yerr=error, capsize=2, color=colour, alpha=0.75, label=label)
                axes.plot([x] * len(values), values, "o", color=colour, markeredgecolor="white", markersize=4)
                above = (x, max(values.max(), mean + error))
                axes.annotate(f"{mean:{number}}", above, (0, 5), textcoords="offset points", ha="center", fontsize=7)
    axes.set_xticks(range(len(datasets)), [TITLES.get(dataset, dataset) for dataset in datasets])
    axes.set_ylabel(unit)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    finish(axes, title, f"{metric}.png")


def main() -> None:
    runs = read_runs()
    if not runs:
        sys.exit("plot.py: none of the labelled runs has results")
    datasets = list(dict.fromkeys(dataset for _, metrics in runs.values() for dataset in metrics))
    for dataset in datasets:
        for curve in CURVES:
            plot_curve(runs, dataset, curve)
    for metric in BARS:
        plot_bars(runs, datasets, metric)
    # Another summary fits in here: a function of `runs` like plot_bars.


if __name__ == "__main__":
    main()
