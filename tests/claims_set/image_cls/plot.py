labels = {
    "run_0": "Baseline",
    "run_1": "Mixup",
    "run_2": "Random erasing",
    "run_3": "SAM optimizer",
    "run_4": "Half width",
    "run_5": "Mixup + SAM",
}
