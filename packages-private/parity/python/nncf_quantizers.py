"""Puts NNCF's training-time quantization into a PyTorch model and says where its quantizers stand."""

import os
import sys
from pathlib import Path

_bin = Path(sys.executable).parent
os.environ |= {
    # Only the tracing of the configuration files' time inserts quantizers from such a file.
    "NNCF_TORCH_LEGACY_TRACING": "1",
    # NNCF compiles its operations on first use: with the environment's ninja, into the environment, however long it takes.
    "NNCF_EXTENSION_LOAD_TIMEOUT": "0",
    "TORCH_EXTENSIONS_DIR": str(_bin.parent / "torch_extensions"),
    "PATH": f"{_bin}{os.pathsep}{os.environ['PATH']}",
    "MAX_JOBS": "1",
}

import logging  # noqa: E402
import warnings  # noqa: E402
from dataclasses import dataclass  # noqa: E402

import torch  # noqa: E402

warnings.simplefilter("ignore")
import nncf  # noqa: E402
from nncf import NNCFConfig  # noqa: E402
from nncf.torch import create_compressed_model, register_default_init_args  # noqa: E402
from nncf.torch.graph.transformations.commands import TargetType  # noqa: E402

nncf.set_log_level(logging.ERROR)
torch.set_num_threads(1)


@dataclass(frozen=True)
class Quantizer:
    """One quantizer of a compressed model."""

    is_weight: bool
    module: torch.nn.Module
    # Nodes whose weights it rounds, or whose results it rounds.
    sources: list[str]
    # Where it stands: `<node>` for weights and results, `<node>[in <port>]` for operands.
    places: list[str]


def compress(model, config, loader=None):
    """The controller and the model with the quantizers of `config`, ranges found from `loader`."""
    nncf_config = NNCFConfig.from_dict(config)
    if loader is not None:
        nncf_config = register_default_init_args(nncf_config, loader)
    return create_compressed_model(model, nncf_config, dump_graphs=False)


def quantizers_of(controller, model):
    """All quantizers, weights first, in the order in which NNCF made them."""
    graph = model.nncf.get_original_graph()
    groups = [(True, controller.weight_quantizers), (False, controller.non_weight_quantizers)]
    return [
        Quantizer(is_weight, info.quantizer_module_ref, _sources(graph, info), [_place(p) for p in info.affected_insertions])
        for is_weight, group in groups
        for info in group.values()
    ]


def _sources(graph, info):
    return sorted({_source(graph, point) for point in info.affected_insertions})


def _source(graph, point):
    if point.target_type != TargetType.OPERATOR_PRE_HOOK:
        return point.target_node_name
    node = graph.get_node_by_name(point.target_node_name)
    edges = [edge for edge in graph.get_input_edges(node) if edge.input_port_id == point.input_port_id]
    return edges[0].from_node.node_name


def _place(point):
    if point.target_type == TargetType.OPERATION_WITH_WEIGHTS:
        return point.target_node_name
    side = "" if point.target_type == TargetType.OPERATOR_POST_HOOK else f"[in {point.input_port_id}]"
    return f"{point.target_node_name}{side}"
