import { dispose, scalar, tidy, type Optimizer, type Tensor, type Variable } from '@tensorflow/tfjs-core';

type NamedTensor = Awaited<ReturnType<Optimizer['getWeights']>>[number];

/** Fields in which Adam keeps a decay rate and its power. */
const POWERS = [
  ['beta1', 'accBeta1'],
  ['beta2', 'accBeta2'],
] as const;

/**
 * Gives an optimizer its slots back so that it goes on in the same bits as if never stopped. The slots that it had are freed.
 *
 * Adam in TensorFlow.js multiplies up β^t step by step, but computes it by `pow` when its slots are restored; the two differ in
 * their last bits. The product is repeated here instead.
 */
export async function restoreSlots(optimizer: Optimizer, slots: NamedTensor[]): Promise<void> {
  const before = await slotsOf(optimizer);
  await optimizer.setWeights(slots);
  const after = new Set(await slotsOf(optimizer));
  // A second `dispose` of a variable would take its contents from others that share them.
  dispose(before.filter((slot) => !after.has(slot) && !slot.isDisposed));
  for (const [rate, power] of POWERS) {
    const beta: unknown = Reflect.get(optimizer, rate);
    const product: unknown = Reflect.get(optimizer, power);
    if (typeof beta === 'number' && isVariable(product)) tidy(() => product.assign(scalar(repeatedPower(beta, optimizer.iterations + 1))));
  }
}

/** The optimizer's own variables; none where it does not show them. */
async function slotsOf(optimizer: Optimizer): Promise<Tensor[]> {
  const slots = (await optimizer.getWeights().catch(() => [])).map(({ tensor }) => tensor);
  // The number of steps is a tensor made for the occasion.
  dispose(slots.filter((slot) => !isVariable(slot)));
  return slots.filter(isVariable);
}

function isVariable(value: unknown): value is Variable {
  return typeof value === 'object' && value !== null && 'assign' in value;
}

/** β^times by repeated products in float32. */
function repeatedPower(beta: number, times: number): number {
  const factor = Math.fround(beta);
  let product = factor;
  for (let i = 1; i < times; i++) product = Math.fround(product * factor);
  return product;
}
