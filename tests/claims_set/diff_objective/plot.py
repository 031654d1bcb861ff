labels = {
    "run_0": "Baseline (eps-MSE)",
    "run_1": "Min-SNR weighting",
    "run_2": "Huber loss",
    "run_3": "v-prediction",
    "run_4": "v-prediction + Min-SNR",
}
