import { Optimizer, train, type Tensor } from '@tensorflow/tfjs-core';
import type { CompressionParameter } from '../algorithm/definition.ts';
import { restoreSlots } from './restore-optimizer.ts';

type NamedTensor = Awaited<ReturnType<Optimizer['getWeights']>>[number];
type Gradients = Parameters<Optimizer['applyGradients']>[0];

/** An optimizer and the variables that are its business. */
interface Group {
  readonly optimizer: Optimizer;
  readonly owns: (variable: string) => boolean;
}

/**
 * The optimizer of the model's weights, with one of their own for the parameters that wish for a learning rate: Adam, and
 * without weight decay. TensorFlow.js has no parameter groups, so every gradient goes to the optimizer of its group.
 *
 * @param main for all other variables; itself when no parameter has a wish
 */
export function groupedOptimizer(main: Optimizer, parameters: readonly CompressionParameter[]): Optimizer {
  const rates = [...new Set(parameters.flatMap(({ learningRate }) => learningRate ?? []))];
  return rates.length === 0
    ? main
    : new GroupedOptimizer(
        main,
        rates.map((rate) => groupOf(rate, parameters)),
      );
}

function groupOf(rate: number, parameters: readonly CompressionParameter[]): Group {
  const names = new Set(parameters.filter(({ learningRate }) => learningRate === rate).map(({ variable }) => variable.name));
  return { optimizer: train.adam(rate), owns: (variable) => names.has(variable) };
}

class GroupedOptimizer extends Optimizer {
  static readonly className: string = 'GroupedOptimizer';
  private readonly groups: readonly Group[];

  constructor(main: Optimizer, others: readonly Group[]) {
    super();
    this.groups = [{ optimizer: main, owns: (variable) => !others.some((group) => group.owns(variable)) }, ...others];
  }

  applyGradients(gradients: Gradients): void {
    const named: [string, Tensor][] = Array.isArray(gradients)
      ? gradients.map(({ name, tensor }) => [name, tensor])
      : Object.entries(gradients);
    for (const { optimizer, owns } of this.groups) {
      const own = named.filter(([name, gradient]) => gradient != null && owns(name));
      if (own.length > 0) optimizer.applyGradients(own.map(([name, tensor]) => ({ name, tensor })));
    }
  }

  /** Slots of all optimizers, named `<position of the optimizer>/<slot>`. */
  override async getWeights(): Promise<NamedTensor[]> {
    const slots = await Promise.all(this.groups.map(({ optimizer }) => optimizer.getWeights()));
    return slots.flatMap((group, i) => group.map(({ name, tensor }) => ({ name: `${i}/${name}`, tensor })));
  }

  override async setWeights(weights: NamedTensor[]): Promise<void> {
    for (const [i, { optimizer }] of this.groups.entries()) {
      const prefix = `${i}/`;
      const own = weights.filter(({ name }) => name.startsWith(prefix));
      await restoreSlots(
        optimizer,
        own.map(({ name, tensor }) => ({ name: name.slice(prefix.length), tensor })),
      );
    }
  }

  override dispose(): void {
    for (const { optimizer } of this.groups) optimizer.dispose();
  }

  getConfig(): ReturnType<Optimizer['getConfig']> {
    return this.groups[0]?.optimizer.getConfig() ?? {};
  }
}
