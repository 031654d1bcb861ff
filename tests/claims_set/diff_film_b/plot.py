labels = {
    "run_0": "Baseline",
    "run_1": "FiLM conditioning",
    "run_2": "Gated residual blocks",
    "run_3": "FiLM + gated blocks",
    "run_4": "Wide FiLM + gated blocks",
    "run_5": "FiLM + gated blocks with weight averaging",
}
