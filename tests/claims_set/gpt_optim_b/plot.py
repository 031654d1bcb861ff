labels = {
    "run_0": "Baseline (AdamW)",
    "run_1": "Lion",
    "run_2": "Adafactor",
    "run_3": "Lookahead AdamW",
    "run_4": "Lion with tuned weight decay",
}
