import type { PlanCommand } from '@nncf/core';
import { ActivationBinarizer } from './activation-binarizer.ts';
import { WeightBinarizer } from './weight-binarizer.ts';

/** Operators by the commands that they were made from. */
type Binarizers = ReadonlyMap<string, ActivationBinarizer | WeightBinarizer>;

/**
 * Tells the binarizers of one convolution of each other, and those that read one value how many came before: exported files depend on both. A weight
 * that reaches its convolution through another operation is not linked.
 */
export function linkBinarizers(commands: readonly PlanCommand[], binarizers: Binarizers): void {
  const weights = new Map<string, WeightBinarizer>();
  for (const { operator, points } of commands) {
    const binarizer = binarizers.get(operator);
    if (binarizer instanceof WeightBinarizer) for (const { node, port } of points) if (port === 1) weights.set(node, binarizer);
  }
  const readers = new Map<string, number>();
  for (const { operator, points, values } of commands) {
    const binarizer = binarizers.get(operator);
    if (!(binarizer instanceof ActivationBinarizer)) continue;
    const [value = ''] = values;
    const place = readers.get(value) ?? 0;
    readers.set(value, place + 1);
    binarizer.link(weights.get(points[0]?.node ?? ''), place);
  }
}
