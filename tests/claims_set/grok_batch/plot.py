labels = {
    "run_0": "Baseline",
    "run_1": "Linear Growth",
    "run_2": "Exponential Growth",
    "run_3": "Fixed Small Batch",
    "run_4": "Plateau Growth",
    "run_5": "Warmup + Exponential",
}
