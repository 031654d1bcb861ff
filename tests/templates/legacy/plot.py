import json
import os
import os.path as osp
import pickle
import struct
import zlib

folders = os.listdir("./")
final_results = {}
train_info = {}
for folder in folders:
    if folder.startswith("run") and osp.isdir(folder):
        with open(osp.join(folder, "final_info.json")) as f:
            final_results[folder] = json.load(f)
        train_info[folder] = pickle.load(open(osp.join(folder, "all_results.pkl"), "rb"))

# CREATE LEGEND -- PLEASE FILL IN YOUR RUN NAMES HERE
labels = {
    "run_0": "Baseline",
}
for run in final_results:
    if run not in labels:
        labels[run] = run


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


top = max(train_info["run_0"]["near"]["train_losses"])
rows = [bytes(int(255 * min(1, loss / top)) for loss in train_info[run]["near"]["train_losses"]) for run in labels]
with open("train_loss.png", "wb") as f:
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header))
    f.write(chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))) + chunk(b"IEND", b""))
