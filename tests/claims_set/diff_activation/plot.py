labels = {
    "run_0": "Baseline",
}
