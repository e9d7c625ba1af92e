"""Scores detections with the official program of COCO.

Reads {"images", "annotations", "categories", "detections"} from standard input, prints average precision, the same at 0.5 and at 0.75, and average
recall with 100 answers.
"""

import contextlib
import io
import json
import sys

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

task = json.load(sys.stdin)
with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO()
    truth.dataset = {key: task[key] for key in ("images", "annotations", "categories")}
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(task["detections"]), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
print(json.dumps([float(evaluation.stats[place]) for place in (0, 1, 2, 8)]))
