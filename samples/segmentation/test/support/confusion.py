"""Confusion matrix and intersections over unions of the classes on standard input, with scikit-learn if it is installed."""

import json
import sys

import numpy as np

given = json.load(sys.stdin)
classes = given["classes"]
truth, predicted = (np.array(given[name]) for name in ("truth", "predicted"))
kept = truth < classes
truth, predicted = truth[kept], predicted[kept]

try:
    from sklearn.metrics import confusion_matrix, jaccard_score

    labels = list(range(classes))
    matrix = confusion_matrix(truth, predicted, labels=labels)
    iou = jaccard_score(truth, predicted, labels=labels, average=None)
except ImportError:
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (truth, predicted), 1)
    sets = [(truth == label, predicted == label) for label in range(classes)]
    iou = np.array([(a & b).sum() / (a | b).sum() for a, b in sets])

print(json.dumps({"matrix": matrix.tolist(), "iou": iou.tolist(), "mean": float(iou.mean())}))
