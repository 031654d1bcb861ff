labels = {
    "run_0": "Baseline",
    "run_1": "Warm restarts",
    "run_2": "Grouped-query attention",
    "run_3": "Heavy dropout",
    "run_4": "Weight tying",
    "run_5": "Sliding-window attention",
}
