"""Draw the curves of the runs, one PNG a dataset and curve, beside this file.

    python plot.py

Each line is the mean over a run's seeds, and the band around it one standard error of that mean (std(ddof=1)/sqrt(n)).
Steps are on a logarithmic axis: learning by heart and understanding are often a factor of ten apart. Evaluations that
would lie on top of each other there are replaced by their median, so that the spikes of one run do not hide the others.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter, StrMethodFormatter

# The runs to plot, and their names in the legend.
labels = {
    "run_0": "Baseline",
}

DATASETS = {
    "x_div_y": "Modular division, x / y",
    "x_minus_y": "Modular subtraction, x - y",
    "x_plus_y": "Modular addition, x + y",
    "permutation": "Composition of permutations",
}
CURVES = {
    "train_loss": ("training loss", "cross-entropy (nats)"),
    "val_loss": ("validation loss", "cross-entropy (nats)"),
    "train_acc": ("training accuracy", "accuracy"),
    "val_acc": ("validation accuracy", "accuracy"),
}
# Okabe and Ito's colours, which colour-blind people can tell apart, the baseline in black; then the same, dashed.
COLOURS = ("#000000", "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))
POINTS = 120  # the most a line shows
FOLDER = Path(__file__).parent

Run = dict[str, np.ndarray]  # "dataset.seed.curve" -> one number an evaluation, with curve "step" for the steps


def read_runs() -> dict[str, Run]:
    """The curves of each labelled run, by folder; a run that is not there is left out, and said so."""
    runs = {}
    for name in labels:
        path = FOLDER / name / "all_results.npz"
        if path.is_file():
            with np.load(path) as arrays:
                runs[name] = dict(arrays)
        else:
            print(f"plot.py: {name} is left out: it has no all_results.npz", file=sys.stderr)
    return runs


def curve_of(run: Run, dataset: str, curve: str) -> tuple[np.ndarray, np.ndarray]:
    """The steps [points] and the values [seeds, points] of a curve, as far as all seeds have it."""
    seeds = sorted(key.split(".")[1] for key in run if key.startswith(f"{dataset}.") and key.endswith(f".{curve}"))
    if not seeds:
        return np.empty(0), np.empty((1, 0))
    points = min(len(run[f"{dataset}.{seed}.step"]) for seed in seeds)
    values = np.stack([run[f"{dataset}.{seed}.{curve}"][:points] for seed in seeds])
    return run[f"{dataset}.{seeds[0]}.step"][:points], values


def thin_out(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of every stretch of steps that is short on a logarithmic axis: the middle step, and each seed's median value."""
    stretch = np.digitize(steps, np.geomspace(steps[0], steps[-1], POINTS)[1:-1])
    chosen = [stretch == number for number in np.unique(stretch)]
    middle = np.array([np.median(steps[which]) for which in chosen])
    return middle, np.stack([np.median(values[:, which], axis=1) for which in chosen], axis=1)


def draw_curve(axes: Axes, steps: np.ndarray, values: np.ndarray, label: str, number: int) -> None:
    """One run: the mean over the seeds and its standard error."""
    colour = COLOURS[number % len(COLOURS)]
    dash = DASHES[number // len(COLOURS) % len(DASHES)]
    seeds = len(values)
    mean = values.mean(axis=0)
    error = values.std(axis=0, ddof=1) / np.sqrt(seeds) if seeds > 1 else np.zeros_like(mean)
    # Within the lowest and the highest seed: a logarithmic axis has no room below 0, an accuracy none above 1.
    band = np.clip([mean - error, mean + error], values.min(axis=0), values.max(axis=0))
    axes.fill_between(steps, *band, color=colour, alpha=0.15, linewidth=0)
    axes.plot(steps, mean, color=colour, linestyle=dash, linewidth=1.7, label=label, zorder=3 if number else 4)


def plot_dataset(runs: dict[str, Run], dataset: str, curve: str) -> None:
    """Write `<curve>_<dataset>.png`: one curve of one dataset in all runs."""
    name, unit = CURVES[curve]
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="tight")
    for run, arrays in runs.items():
        steps, values = curve_of(arrays, dataset, curve)
        if len(steps):
            draw_curve(axes, *thin_out(steps, values), labels[run], list(labels).index(run))
    axes.set_title(f"{DATASETS[dataset]}: {name}", loc="left", fontsize=12, fontweight="bold")
    axes.set_xlabel("optimizer steps (logarithmic)")
    axes.set_ylabel(unit)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    end = axes.dataLim.x1
    axes.set_xlim(end / 100, end * 1.03)  # nothing happens earlier
    if curve.endswith("loss"):
        axes.set_yscale("log")
        axes.set_ylabel(f"{unit}, logarithmic")
        low, high = axes.get_ylim()
        digits = (1, 2, 3, 4, 5, 6, 8) if high < 10 * low else (1, 2, 5) if high < 1000 * low else (1,)
        axes.yaxis.set_major_locator(LogLocator(subs=digits))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(-0.03, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.savefig(FOLDER / f"{curve}_{dataset}.png", dpi=120)
    plt.close(figure)


def main() -> None:
    runs = read_runs()
    if not runs:
        sys.exit("plot.py: none of the labelled runs has results")
    for dataset in DATASETS:
        for curve in CURVES:
            plot_dataset(runs, dataset, curve)
    # A summary over datasets fits in here: a function of `runs` like plot_dataset, or of each run's final_info.json.


if __name__ == "__main__":
    main()
