labels = {
    "run_0": "Baseline",
    "run_1": "Short EMA",
    "run_2": "Long EMA",
    "run_3": "Warmup EMA",
    "run_4": "Dual EMA",
    "run_5": "SWA Tail",
}
