"""Draw the runs: the points that the models draw, the training loss and the divergence, as PNG files beside this file.

    python plot.py

Lines and bars are means over a run's seeds, with one standard error of that mean (std(ddof=1)/sqrt(n)).
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

# The runs to plot, and their names in the legend.
labels = {
    "run_0": "Baseline",
}

DATASETS = {
    "circle": "Circle",
    "line": "Line",
    "moons": "Moons",
    "butterfly": "Butterfly",
}
# Okabe and Ito's colours, which colour-blind people can tell apart, the baseline in black; then the same again.
COLOURS = ("#000000", "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
POINTS = 3000  # the most of a set of points that are shown
FOLDER = Path(__file__).parent

Run = dict[str, np.ndarray]  # the arrays of all_results.npz: "dataset.seed.name" and "dataset.held_out"


def read_runs() -> dict[str, Run]:
    """The arrays of each labelled run, by folder; a run that is not there is left out, and said so."""
    runs = {}
    for name in labels:
        path = FOLDER / name / "all_results.npz"
        if path.is_file():
            with np.load(path) as arrays:
                runs[name] = dict(arrays)
        else:
            print(f"plot.py: {name} is left out: it has no all_results.npz", file=sys.stderr)
    return runs


def metric_of(run: str, metric: str) -> np.ndarray:
    """A metric of a run, [datasets, seeds]."""
    info = json.loads((FOLDER / run / "final_info.json").read_text(encoding="utf-8"))
    return np.array([info[dataset]["final_info_dict"][metric] for dataset in DATASETS])


def of_seeds(run: Run, dataset: str, name: str) -> np.ndarray:
    """An array of all the seeds of a dataset, stacked, [seeds, ...]."""
    seeds = sorted(key.split(".")[1] for key in run if key.startswith(f"{dataset}.") and key.endswith(f".{name}"))
    return np.stack([run[f"{dataset}.{seed}.{name}"] for seed in seeds if seed.isdigit()])


def standard_error(values: np.ndarray, axis: int) -> np.ndarray:
    """Of the mean over an axis; 0 for one seed."""
    n = values.shape[axis]
    return values.std(axis=axis, ddof=1) / np.sqrt(n) if n > 1 else np.zeros_like(values.mean(axis=axis))


def colour_of(run: str) -> str:
    return COLOURS[list(labels).index(run) % len(COLOURS)]


def tidy(axes: Axes, title: str) -> None:
    """A title at the left, a light grid behind, no box."""
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def plot_samples(runs: dict[str, Run]) -> None:
    """Write `samples.png`: the data in the first row, then what the model of the first seed of each run draws."""
    rows = [("Held-out data", "#777777", None), *((labels[run], colour_of(run), run) for run in runs)]
    size = (2.5 * len(DATASETS), 2.3 * len(rows) + 0.3)
    figure, grid = plt.subplots(len(rows), len(DATASETS), figsize=size, layout="constrained", squeeze=False)
    for row, (label, colour, run) in zip(grid, rows, strict=True):
        for axes, (dataset, title) in zip(row, DATASETS.items(), strict=True):
            data = next(iter(runs.values()))[f"{dataset}.held_out"]
            points = data if run is None else of_seeds(runs[run], dataset, "samples")[0]
            axes.scatter(*points[:POINTS].T, s=1.2, color=colour, alpha=0.5, linewidths=0, rasterized=True)
            middle, half = (data.max(axis=0) + data.min(axis=0)) / 2, 0.56 * np.ptp(data, axis=0).max()
            axes.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))
            axes.set(xticks=[], yticks=[], aspect="equal")
            axes.spines[:].set_color("#cccccc")
            if row is grid[0]:
                axes.set_title(title, fontsize=12, fontweight="bold")
        row[0].set_ylabel(label, fontsize=11)
    figure.savefig(FOLDER / "samples.png", dpi=110)
    plt.close(figure)


def plot_training_loss(runs: dict[str, Run]) -> None:
    """Write `train_loss.png`: the loss of each dataset during training, on logarithmic axes."""
    figure, grid = plt.subplots(2, 2, figsize=(10, 7), layout="constrained", sharex=True)
    for axes, (dataset, title) in zip(grid.flat, DATASETS.items(), strict=True):
        for run, arrays in runs.items():
            steps, losses = of_seeds(arrays, dataset, "step")[0], of_seeds(arrays, dataset, "train_loss")
            mean, error = losses.mean(axis=0), standard_error(losses, 0)
            axes.fill_between(steps, mean - error, mean + error, color=colour_of(run), alpha=0.2, linewidth=0)
            axes.plot(steps, mean, color=colour_of(run), linewidth=1.4, label=labels[run])
        tidy(axes, title)
        axes.set(xscale="log", yscale="log", ylabel="mean squared error")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 6, 8)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_formatter(NullFormatter())
    for axes in grid[1]:
        axes.set_xlabel("optimizer steps")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    figure.suptitle("Training loss of the noise that is predicted", x=0.01, ha="left", fontsize=13)
    figure.savefig(FOLDER / "train_loss.png", dpi=110)
    plt.close(figure)


def plot_divergence(runs: dict[str, Run]) -> None:
    """Write `kl_divergence.png`: a panel a dataset, a bar a run with its standard error, and every seed as a dot."""
    size = (2.6 * len(DATASETS), 1.5 + 0.4 * len(runs))
    figure, grid = plt.subplots(1, len(DATASETS), figsize=size, layout="constrained", sharey=True)
    for run in runs:
        values = metric_of(run, "kl_divergence")
        place, mean, error = list(runs).index(run), values.mean(axis=1), standard_error(values, 1)
        for axes, m, e, seeds in zip(grid, mean, error, values, strict=True):
            axes.barh(place, m, xerr=e, height=0.7, color=colour_of(run), alpha=0.6, capsize=3)
            axes.plot(
                seeds, np.full(len(seeds), place), "o", color=colour_of(run), markeredgecolor="white", markersize=4
            )
    for axes, title in zip(grid, DATASETS.values(), strict=True):
        tidy(axes, title)
        axes.set_xlabel("nats")
        axes.locator_params(axis="x", nbins=4)
    grid[0].set_yticks(range(len(runs)), [labels[run] for run in runs])
    grid[0].invert_yaxis()
    figure.suptitle("KL divergence from the data to the samples (lower is better)", x=0.01, ha="left", fontsize=13)
    figure.savefig(FOLDER / "kl_divergence.png", dpi=120)
    plt.close(figure)


def main() -> None:
    runs = read_runs()
    if not runs:
        sys.exit("plot.py: none of the labelled runs has results")
    plot_samples(runs)
    plot_training_loss(runs)
    plot_divergence(runs)
    # A plot that answers the idea fits in here: a function of `runs` like those above.


if __name__ == "__main__":
    main()
