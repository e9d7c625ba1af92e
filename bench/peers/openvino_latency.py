"""Latency of ONNX files in OpenVINO, all in turn in one run.

Reads from standard input {"rounds": n, "threads": n, "candidates": [{"file": path, "properties": {name: value}}]} and prints a list of
{"milliseconds": [one for each round], "layers": [[type, precision], ...]}.
"""

import json
import sys
import time

import numpy as np
import openvino as ov


def compiled(core, candidate, threads):
    properties = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", **candidate["properties"]}
    return core.compile_model(core.read_model(candidate["file"]), "CPU", properties)


def executed(model):
    """Type of implementation and precision of every operation that the plug-in runs."""
    info = [node.get_rt_info() for node in model.get_runtime_model().get_ops()]
    return [[each["primitiveType"].astype(str), each["runtimePrecision"].astype(str)] for each in info if "primitiveType" in each]


def feed(model, random):
    shapes = {port.get_any_name(): [d.get_length() if d.is_static else 1 for d in port.partial_shape] for port in model.inputs}
    return {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def timed(request, inputs):
    start = time.perf_counter()
    request.infer(inputs)
    return (time.perf_counter() - start) * 1000


def main():
    job = json.load(sys.stdin)
    core = ov.Core()
    models = [compiled(core, candidate, job["threads"]) for candidate in job["candidates"]]
    requests = [model.create_infer_request() for model in models]
    inputs = [feed(model, np.random.default_rng(0)) for model in models]
    rounds = [[timed(*each) for each in zip(requests, inputs)] for _ in range(job["rounds"] + 3)][3:]
    print(json.dumps([{"milliseconds": list(times), "layers": executed(model)} for times, model in zip(zip(*rounds), models)]))


main()
