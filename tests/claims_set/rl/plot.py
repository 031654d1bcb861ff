import matplotlib.pyplot as plt

labels = {
    "run_0": "Baseline (PPO)",
    "run_1": "Entropy annealing",
    "run_2": "Observation stacking",
    "run_3": "No GAE",
    "run_4": "Annealing + stacking",
}
plt.close()
