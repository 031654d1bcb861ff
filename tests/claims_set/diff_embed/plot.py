labels = {
    "run_0": "Baseline",
    "run_1": "Random Fourier features",
    "run_2": "Learned Fourier features",
    "run_3": "Learned Fourier features + adaptive norm",
    "run_4": "Learned Fourier features + self-conditioning",
    "run_5": "Narrow learned Fourier model",
}
