labels = {
    "run_0": "Baseline",
    "run_1": "RandAugment",
    "run_2": "Label smoothing",
    "run_3": "Low resolution",
    "run_4": "RandAugment + smoothing",
}
