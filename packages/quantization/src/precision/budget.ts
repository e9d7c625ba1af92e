import type { FakeQuantizer } from '../quantizers/fake-quantizer.ts';
import type { AdjacentQuantizers, WeightedOperation } from './adjacency.ts';

/** Bit width of every quantizer of a model. */
export type Widths = ReadonlyMap<FakeQuantizer, number>;

/** What `compression_ratio` counts. */
export type BudgetKind = 'bit_operations' | 'model_size';

/** Whether activations may have other widths than the weights that they meet. */
export type AssignmentMode = 'strict' | 'liberal';

/** The width that a budget is measured against. */
const FULL_BITS = 8;

/**
 * Sum of multiply-adds times the larger width of both factors, with 8 bits everywhere over that of an assignment. A factor in floating point counts
 * as one of 8 bits.
 */
export function bitOperationsRatio(operations: readonly WeightedOperation[], widths: Widths): number {
  const widthOf = (quantizer: FakeQuantizer | undefined): number =>
    quantizer === undefined ? FULL_BITS : (widths.get(quantizer) ?? quantizer.spec.bits);
  const full = operations.reduce((sum, operation) => sum + operation.multiplyAdds * FULL_BITS, 0);
  const mixed = operations.reduce(
    (sum, { weight, activation, multiplyAdds }) => sum + multiplyAdds * Math.max(widthOf(weight), widthOf(activation)),
    0,
  );
  return mixed === 0 ? 1 : full / mixed;
}

/** Size of all quantized weights with 8 bits over that of an assignment. @param elements values behind each quantizer */
export function modelSizeRatio(elements: ReadonlyMap<FakeQuantizer, number>, widths: Widths): number {
  const entries = [...elements];
  const full = entries.reduce((sum, [, count]) => sum + count * FULL_BITS, 0);
  const mixed = entries.reduce((sum, [quantizer, count]) => sum + count * (widths.get(quantizer) ?? quantizer.spec.bits), 0);
  return mixed === 0 ? 1 : full / mixed;
}

/** A quantizer and the widths that it may have. */
export type AllowedWidths = (quantizer: FakeQuantizer) => readonly number[];

/**
 * Widths of activations that follow from those of weights: in each group of quantizers that meet, the smallest width of its weights that the activation
 * may have; else the smallest that it may have. Activations that meet no weights keep theirs.
 */
export function activationWidths(groups: readonly AdjacentQuantizers[], weights: Widths, allowed: AllowedWidths): Widths {
  const widths = new Map(weights);
  for (const group of groups) {
    if (group.weights.length === 0) continue;
    const wanted = group.weights.map((weight) => weights.get(weight) ?? weight.spec.bits);
    for (const activation of group.activations) {
      const possible = allowed(activation);
      const common = possible.filter((width) => wanted.includes(width));
      widths.set(activation, Math.min(...(common.length > 0 ? common : possible)));
    }
  }
  return widths;
}

/** Whether all quantizers of every group have one width, as `strict` wants it. */
export function isUniform(groups: readonly AdjacentQuantizers[], widths: Widths): boolean {
  return groups.every(({ weights, activations }) => {
    const found = new Set([...weights, ...(weights.length > 0 ? activations : [])].map((each) => widths.get(each) ?? each.spec.bits));
    return found.size <= 1;
  });
}
