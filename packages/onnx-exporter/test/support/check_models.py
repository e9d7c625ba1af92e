"""Checks every model of a folder with onnx.checker and runs it in OpenVINO.

Beside `<name>.onnx` stands `<name>.json` with inputs, and the outputs that the model must give. Prints one JSON line a
model: its name, the checker's complaint, the largest difference in OpenVINO (or why it does not run there) and, for
each operation that OpenVINO executes, its type and the precision that it runs in.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import openvino as ov

CORE = ov.Core()
SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
TYPES = {"float32": np.float32, "int32": np.int32, "bool": np.bool_}


def array(tensor):
    return np.array(tensor["data"], dtype=TYPES[tensor["type"]]).reshape(tensor["dims"])


def checker_error(path):
    try:
        model = onnx.load(path)
        # The checker's type inference knows the standard operator set only.
        foreign = any(opset.domain not in ("", "ai.onnx") for opset in model.opset_import)
        onnx.checker.check_model(model, full_check=not foreign)
        return None
    except Exception as error:
        return str(error)


def executed(compiled):
    def info(op):
        facts = op.get_rt_info()
        return facts["layerType"].value, facts["runtimePrecision"].value

    return [info(op) for op in compiled.get_runtime_model().get_ordered_ops()]


def difference(expected, actual):
    if list(expected.shape) != list(actual.shape):
        return f"shape {list(actual.shape)} instead of {list(expected.shape)}"
    if expected.size == 0:
        return 0.0
    return float(np.max(np.abs(expected.astype(np.float64) - actual.astype(np.float64))))


def run(path, example):
    compiled = CORE.compile_model(CORE.read_model(path), "CPU", SETTINGS)
    results = compiled([array(tensor) for tensor in example["inputs"]])
    worst = [difference(array(tensor), results[i]) for i, tensor in enumerate(example["outputs"])]
    odd = [entry for entry in worst if isinstance(entry, str)]
    return odd[0] if odd else max(worst), executed(compiled)


def main(folder):
    for path in sorted(pathlib.Path(folder).glob("*.onnx")):
        example = json.loads(path.with_suffix(".json").read_text())
        report = {"name": path.stem, "checker": checker_error(path)}
        try:
            report["openvino"], report["layers"] = run(path, example)
        except Exception as error:
            report["openvino"] = str(error)
        print(json.dumps(report))


main(sys.argv[1])
