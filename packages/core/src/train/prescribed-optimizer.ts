import { add, dispose, mul, Optimizer, tidy, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import type { CompressionScheduler } from '../algorithm/scheduler.ts';
import { MAIN_OPTIMIZER, mainOptimizer } from '../patch/main-optimizer.ts';
import { restoreSlots } from './restore-optimizer.ts';

type NamedTensor = Awaited<ReturnType<Optimizer['getWeights']>>[number];
type Gradients = Parameters<Optimizer['applyGradients']>[0];

/**
 * An optimizer that keeps to the learning rate and weight decay that a schedule prescribes at each step. TensorFlow.js's optimizers have neither in
 * common: the rate is set, and weightDecay·w joins the gradients of the kernels.
 *
 * @param inner takes the steps
 * @param kernels variables that decay
 * @returns `inner` itself when the schedule prescribes nothing
 */
export function prescribedOptimizer(inner: Optimizer, scheduler: CompressionScheduler, kernels: readonly Variable[]): Optimizer {
  return scheduler.hyperparameters?.() === undefined ? inner : new PrescribedOptimizer(inner, scheduler, kernels);
}

class PrescribedOptimizer extends Optimizer {
  static readonly className: string = 'PrescribedOptimizer';
  /** For readers of saved models. */
  readonly [MAIN_OPTIMIZER]: Optimizer;
  private readonly inner: Optimizer;
  private readonly scheduler: CompressionScheduler;
  private readonly kernels: ReadonlyMap<string, Variable>;

  constructor(inner: Optimizer, scheduler: CompressionScheduler, kernels: readonly Variable[]) {
    super();
    this[MAIN_OPTIMIZER] = mainOptimizer(inner) ?? inner;
    this.inner = inner;
    this.scheduler = scheduler;
    this.kernels = new Map(kernels.map((kernel) => [kernel.name, kernel]));
  }

  override get iterations(): number {
    return this.inner.iterations;
  }

  applyGradients(gradients: Gradients): void {
    const { learningRate, weightDecay = 0 } = this.scheduler.hyperparameters?.() ?? {};
    if (learningRate !== undefined) setLearningRate(this.inner, learningRate);
    const { all, made } = this.decayed(gradients, weightDecay);
    this.inner.applyGradients(all);
    dispose(made);
  }

  override getWeights(): Promise<NamedTensor[]> {
    return this.inner.getWeights();
  }

  override setWeights(weights: NamedTensor[]): Promise<void> {
    return restoreSlots(this.inner, weights);
  }

  override dispose(): void {
    this.inner.dispose();
  }

  override getClassName(): string {
    return this.inner.getClassName();
  }

  getConfig(): ReturnType<Optimizer['getConfig']> {
    return this.inner.getConfig();
  }

  /** All gradients, those of kernels with the decay, and the tensors that were made for it. */
  private decayed(
    gradients: Gradients,
    weightDecay: number,
  ): { readonly all: { name: string; tensor: Tensor }[]; readonly made: Tensor[] } {
    const made: Tensor[] = [];
    const named = Array.isArray(gradients) ? gradients : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }));
    const all = named.map(({ name, tensor }) => {
      const kernel = this.kernels.get(name);
      if (weightDecay === 0 || kernel === undefined || tensor == null) return { name, tensor };
      const sum = tidy(() => add(tensor, mul(kernel, weightDecay)));
      made.push(sum);
      return { name, tensor: sum };
    });
    return { all, made };
  }
}

/** Sets the rate where it is another one. Descent keeps a tensor of it, which only its method renews. */
function setLearningRate(optimizer: Optimizer, rate: number): void {
  if (Reflect.get(optimizer, 'learningRate') === rate) return;
  if ('setLearningRate' in optimizer && typeof optimizer.setLearningRate === 'function') optimizer.setLearningRate(rate);
  else Reflect.set(optimizer, 'learningRate', rate);
}
