import type { GraphNode, GraphValue } from '@nncf/core';
import type * as tf from '@tensorflow/tfjs-core';
import { operandsOf, type GraphView } from '../placement/graph-view.ts';

/** Variable that one operation alone reads. */
export interface OwnVariable {
  readonly value: GraphValue;
  readonly variable: tf.Variable;
}

/** What stands directly behind a convolution or product. */
export interface Follow {
  /** Bias, one number for every output channel. */
  readonly bias?: OwnVariable;
  /** Why a bias that is there cannot be used. */
  readonly biasReason?: string;
  /** Batch normalization of the result, biased or not. */
  readonly normalization?: GraphNode;
  /** The result of the last of them. */
  readonly result: GraphValue;
}

/** Operations that a result may pass on its way to bias and batch normalization. */
const SHAPERS: ReadonlySet<string> = new Set(['Reshape', 'Squeeze', 'ExpandDims', 'Identity']);

/** A graph with the variables behind its values. */
export interface LiveGraph {
  readonly view: GraphView;
  readonly variables: ReadonlyMap<string, tf.Variable>;
}

/** Finds bias and batch normalization of a convolution or product. */
export function followOf(live: LiveGraph, node: GraphNode): Follow {
  let follow: Follow = { result: live.view.value(node.outputs[0] ?? -1) };
  for (;;) {
    const next = onlyReader(live.view, follow.result);
    if (next === undefined) return follow;
    const result = live.view.value(next.node.outputs[0] ?? -1);
    if (SHAPERS.has(next.node.op) && result.traceShape.at(-1) === follow.result.traceShape.at(-1)) follow = { ...follow, result };
    else if (next.node.op === 'Add' && follow.bias === undefined) {
      const addition = biasOf(live, next.node, next.port);
      if (addition === undefined) return follow;
      follow = { ...follow, ...addition, result };
    } else {
      return next.node.op === 'FusedBatchNorm' && next.port === 0 ? { ...follow, normalization: next.node, result } : follow;
    }
  }
}

/** The one operand that reads a value, if the world outside does not. */
export function onlyReader(view: GraphView, value: GraphValue): { readonly node: GraphNode; readonly port: number } | undefined {
  const readers = view.readers(value);
  return readers.length === 1 && !view.isOutput(value) ? readers[0] : undefined;
}

/** The variable behind a value that a single operand reads. */
export function ownVariable({ view, variables }: LiveGraph, value: GraphValue | undefined): OwnVariable | undefined {
  if (value?.kind !== 'variable' || view.readers(value).length !== 1) return undefined;
  const variable = variables.get(value.name);
  return variable === undefined ? undefined : { value, variable };
}

/** A named operand of batch normalization: `scale`, `offset`, `mean`, `variance`. */
export function namedOperand({ view }: LiveGraph, node: GraphNode, name: string): GraphValue | undefined {
  const names = (node.attrs['inputNames'] ?? []) as readonly string[];
  const id = node.inputs[names.indexOf(name)];
  return id === undefined ? undefined : view.value(id);
}

/** The bias that an addition adds; undefined when it is an addition of something else. */
function biasOf(live: LiveGraph, node: GraphNode, port: number): Pick<Follow, 'bias' | 'biasReason'> | undefined {
  const other = operandsOf(node).find((operand) => operand.port !== port);
  // Some layers reshape their bias to the rank of the result.
  const value = live.view.source(live.view.value(node.inputs[other?.port ?? -1] ?? -1));
  const channels = live.view.value(node.inputs[port] ?? -1).traceShape.at(-1);
  if (value.kind !== 'variable' || value.traceShape.length !== 1 || value.traceShape[0] !== channels) return undefined;
  const bias = ownVariable(live, value);
  return bias === undefined ? { biasReason: `its bias ${value.name} is shared` } : { bias };
}
