labels = {
    "run_0": "Baseline",
    "run_1": "RevIN",
    "run_2": "Two-stage ensemble",
    "run_3": "Linear head only",
    "run_4": "Quantile loss",
    "run_5": "Quantile ensemble",
}
runs = sorted(labels)
