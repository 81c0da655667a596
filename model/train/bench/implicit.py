# Learns the pairs in a folder with implicit and prints what it took.
import json
import os
import resource
import sys

import numpy
import scipy.sparse
from implicit.als import AlternatingLeastSquares

folder, p = sys.argv[1], json.loads(sys.argv[2])
read = lambda name, kind: numpy.fromfile(os.path.join(folder, name), dtype=kind)
rows, cols = read("shape.bin", "<i8")
indices = read("indices.bin", "<i4")
pairs = scipy.sparse.csr_matrix(
    (numpy.ones(len(indices), dtype=numpy.float32), indices, read("indptr.bin", "<i8")), shape=(rows, cols))

wall, cpu = [], []
processor = lambda: sum(os.times()[:2])
spent = processor()


def epoch(iteration, seconds, loss):
    global spent
    now = processor()
    wall.append(seconds)
    cpu.append(now - spent)
    spent = now


model = AlternatingLeastSquares(
    factors=int(p["dim"]), regularization=p["regularization"], alpha=p["alpha"], iterations=int(p["epochs"]),
    num_threads=int(p["threads"]), random_state=0)
model.fit(pairs, show_progress=False, callback=epoch)
model.item_factors.astype("<f4").tofile(os.path.join(folder, "factors.bin"))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": peak}))
