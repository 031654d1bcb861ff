import json
import os

import matplotlib.pyplot as plt

# LABELS FOR EACH RUN
labels = {
    "run_0": "Baseline",
    "run_1": "Dice",
    "run_2": "Focal",
    "run_3": "CE + Dice",
    "run_4": "Boundary Loss",
}

folders = sorted(f for f in os.listdir("./") if f.startswith("run_") and f in labels)
results = {}
for folder in folders:
    with open(os.path.join(folder, "final_info.json")) as f:
        results[folder] = json.load(f)

for dataset in results["run_0"]:
    for metric in ("mean_iou", "boundary_f1"):
        plt.figure(figsize=(8, 5))
        names = [labels[f] for f in folders]
        values = [results[f][dataset]["means"][metric] for f in folders]
        plt.bar(names, values)
        plt.ylabel(metric)
        plt.title(f"{metric} on {dataset}")
        plt.xticks(rotation=20)
        plt.tight_layout()
        plt.savefig(f"{metric}_{dataset}.png")
        plt.close()
