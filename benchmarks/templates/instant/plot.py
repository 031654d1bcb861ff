"""One bar a run."""

import json
from pathlib import Path

import matplotlib.pyplot as plt

labels = {"run_0": "Baseline"}

means = [json.loads(Path(run, "final_info.json").read_text())["toy"]["means"]["loss_mean"] for run in labels]
plt.bar(list(labels.values()), means)
plt.savefig("loss.png")
