import { nodeNamed, type ModelGraph, type PlanCommand } from '@nncf/core';
import type { MaskedWeight } from '@nncf/sparsity';
import { onesLike, type Tensor } from '@tensorflow/tfjs-core';
import { resolveAxis } from './axis.ts';
import { nmMask } from './n-m.ts';
import type { Pattern } from './settings.ts';

/** Axis of the input channels, by operation: HWIO filters, HWOI filters of transposed convolutions. */
const INPUT_AXES: Readonly<Record<string, number>> = { Conv2D: -2, Conv3D: -2, Conv2DBackpropInput: -1, Conv3DBackpropInputV2: -1 };

/**
 * N:M mask of a weight along its input channels. A weight that has none of its own (depthwise), or whose number of them is no
 * multiple of M, stays dense.
 *
 * @param warn hears of weights that stay dense
 */
export function patternMask(
  { command, name, variable }: MaskedWeight,
  graph: ModelGraph,
  { n, m }: Pattern,
  warn: (message: string) => void,
): Tensor {
  const axis = inputAxis(command, graph);
  if (axis !== undefined && (variable.shape[resolveAxis(axis, variable.rank)] as number) % m === 0)
    return nmMask<Tensor>(variable, { n, m, axis });
  warn(`The weight "${name}" of shape [${variable.shape.join(', ')}] has no groups of ${m} input channels and stays dense.`);
  return onesLike(variable);
}

function inputAxis({ points }: PlanCommand, graph: ModelGraph): number | undefined {
  const [point] = points;
  const node = point === undefined ? undefined : nodeNamed(graph, point.node);
  if (point === undefined || node === undefined) return undefined;
  if (node.op !== 'MatMul') return INPUT_AXES[node.op];
  const transposed = node.attrs[point.port === 0 ? 'transposeA' : 'transposeB'] === true;
  return (point.port === 0) === transposed ? -2 : -1;
}
