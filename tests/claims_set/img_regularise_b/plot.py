labels = {
    "run_0": "Baseline",
    "run_1": "Mixup",
    "run_2": "Cutout",
    "run_3": "Mixup + Cutout",
    "run_4": "Cutout + label smoothing",
    "run_5": "RandAugment + Cutout",
}
