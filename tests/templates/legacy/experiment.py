# In the layout of earlier systems: no template.toml, means without standard errors, pickles beside the results.
import argparse
import json
import os
import os.path as osp
import pickle
import time

parser = argparse.ArgumentParser(description="Run experiment")
parser.add_argument("--learning_rate", type=float, default=0.1)
parser.add_argument("--out_dir", type=str, default="run_0", help="Output directory")
config = parser.parse_args()

if __name__ == "__main__":
    os.makedirs(config.out_dir, exist_ok=True)
    with open("points.tsv") as f:
        points = [float(line) for line in f]
    final_infos, all_results = {}, {}
    for dataset, scale in {"near": 0.5, "far": 1.0}.items():
        start_time = time.time()
        weight, losses = 0.0, []
        for _ in range(20):
            errors = [(weight - 2) * x * scale for x in points]
            losses.append(sum(e * e for e in errors) / len(errors))
            weight -= (
                config.learning_rate * sum(2 * e * x * scale for e, x in zip(errors, points, strict=True)) / len(errors)
            )
        final_infos[dataset] = {
            "means": {"eval_loss": losses[-1], "training_time": time.time() - start_time},
            "solution": [weight],
        }
        all_results[dataset] = {"train_losses": losses}
    with open(osp.join(config.out_dir, "final_info.json"), "w") as f:
        json.dump(final_infos, f)
    with open(osp.join(config.out_dir, "all_results.pkl"), "wb") as f:
        pickle.dump(all_results, f)
