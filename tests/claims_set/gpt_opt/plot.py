labels = {
    "run_0": "Baseline (AdamW)",
    "run_1": "Lion",
    "run_2": "Adafactor",
    "run_3": "Muon",
    "run_4": "Muon + z-loss",
}
