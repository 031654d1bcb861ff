labels = {
    "run_0": "Baseline",
    "run_1": "Wide MLP",
    "run_2": "Narrow MLP",
    "run_3": "Residual blocks",
    "run_4": "Dual branch",
}
