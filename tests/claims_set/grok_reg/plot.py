labels = {
    "run_0": "Baseline",
    "run_1": "Weight decay 2.0",
    "run_2": "Dropout 0.1",
    "run_3": "Gradient noise",
    "run_4": "Weight decay 2.0 + dropout",
}
