labels = {
    "run_0": "Baseline",
    "run_1": "Slow-gradient filter (EMA 0.98)",
    "run_2": "Slow-gradient filter (EMA 0.90)",
    "run_3": "EMA filter + stronger weight decay",
    "run_4": "Filter switched off after grokking",
    "run_5": "Windowed average filter",
}
