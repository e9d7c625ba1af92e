import type { GraphNode, Operand } from '@nncf/core';
import { operandKey, type GraphView } from './graph-view.ts';

/** Names that the operations of configurations for PyTorch have here. */
const ALIASES: Readonly<Record<string, string>> = {
  adaptive_avg_pool2d: 'Mean',
  add: 'Add',
  __add__: 'Add',
  avg_pool2d: 'AvgPool',
  batch_norm: 'FusedBatchNorm',
  cat: 'Concat',
  conv2d: 'Conv2D',
  conv_transpose2d: 'Conv2DBackpropInput',
  div: 'RealDiv',
  elu: 'Elu',
  hardtanh: 'Relu6',
  interpolate: 'ResizeBilinear',
  leaky_relu: 'LeakyRelu',
  linear: 'MatMul',
  matmul: 'MatMul',
  max_pool2d: 'MaxPool',
  mean: 'Mean',
  mul: 'Multiply',
  __mul__: 'Multiply',
  prelu: 'Prelu',
  relu: 'Relu',
  relu_: 'Relu',
  sigmoid: 'Sigmoid',
  softmax: 'Softmax',
  sub: 'Sub',
  tanh: 'Tanh',
};

/** What the user's chains of operations change. */
export interface PatternMatches {
  /** Operands inside a chain. */
  readonly inner: ReadonlySet<string>;
  /** Nodes at which a chain starts: their inputs are quantized whatever the operation. */
  readonly heads: ReadonlySet<number>;
  /** Positions of patterns that match nothing. */
  readonly unmatched: readonly number[];
}

/** Finds the chains of `quantizable_subgraph_patterns`: each operation reads the one before, and nobody else does. */
export function matchPatterns(view: GraphView, patterns: readonly (string | readonly string[])[]): PatternMatches {
  const inner = new Set<string>();
  const heads = new Set<number>();
  const unmatched = patterns.flatMap((written, index) => {
    const pattern = [written].flat().map((op) => ALIASES[op] ?? op);
    const chains = view.graph.nodes.flatMap((node) => chainFrom(view, node, pattern) ?? []);
    for (const { head, links } of chains) {
      heads.add(head.id);
      for (const link of links) inner.add(operandKey(link));
    }
    return chains.length === 0 ? [index] : [];
  });
  return { inner, heads, unmatched };
}

interface Chain {
  readonly head: GraphNode;
  readonly links: readonly Operand[];
}

function chainFrom(view: GraphView, head: GraphNode, pattern: readonly string[]): [Chain] | undefined {
  if (head.op !== pattern[0]) return undefined;
  const links: Operand[] = [];
  let node = head;
  for (const op of pattern.slice(1)) {
    const readers = view.readers(view.value(node.outputs[0] ?? -1));
    const next = readers[0];
    if (next === undefined || readers.length > 1 || next.node.op !== op) return undefined;
    links.push(next);
    node = next.node;
  }
  return [{ head, links }];
}
