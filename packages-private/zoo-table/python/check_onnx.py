"""Runs onnx.checker with full type inference on every file named; prints one JSON list of complaints, null where there is none."""

import json
import sys

import onnx


def complaint(path):
    try:
        onnx.checker.check_model(path, full_check=True)
        return None
    except Exception as error:
        return str(error)


print(json.dumps([complaint(path) for path in sys.argv[1:]]))
