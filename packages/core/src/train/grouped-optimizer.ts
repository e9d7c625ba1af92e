import { Optimizer, train, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import type { CompressionParameter } from '../algorithm/definition.ts';
import { MAIN_OPTIMIZER } from '../patch/main-optimizer.ts';
import { restoreSlots } from './restore-optimizer.ts';

type NamedTensor = Awaited<ReturnType<Optimizer['getWeights']>>[number];
type Gradients = Parameters<Optimizer['applyGradients']>[0];

/** An optimizer and the variables that are its business. */
interface Group {
  readonly optimizer: Optimizer;
  readonly owns: (variable: string) => boolean;
}

/** The optimizer of parameters with a rate of their own. */
interface RateGroup extends Group {
  readonly variables: readonly Variable[];
}

/**
 * The optimizer of the model's weights, with one of their own for the parameters that wish for a learning rate: Adam, and
 * without weight decay. TensorFlow.js has no parameter groups, so every gradient goes to the optimizer of its group.
 *
 * Optimizers of TensorFlow.js find the slots of a variable (momentum, moments) by its position among the gradients of a
 * step. Here the positions stay the same in all steps: a variable without a gradient keeps its place.
 *
 * @param main for all other variables; itself when no parameter has a wish and no variables are given
 * @param variables those that take the first places, in this order, before the parameters; others follow as they come
 */
export function groupedOptimizer(main: Optimizer, parameters: readonly CompressionParameter[], variables?: readonly Variable[]): Optimizer {
  const rates = [...new Set(parameters.flatMap(({ learningRate }) => learningRate ?? []))];
  if (rates.length === 0 && variables === undefined) return main;
  const places = [...(variables ?? []).filter(({ trainable }) => trainable), ...parameters.map(({ variable }) => variable)];
  return new GroupedOptimizer(
    main,
    rates.map((rate) => groupOf(rate, parameters)),
    places,
  );
}

function groupOf(rate: number, parameters: readonly CompressionParameter[]): RateGroup {
  const variables = parameters.filter(({ learningRate }) => learningRate === rate).map(({ variable }) => variable);
  const names = new Set(variables.map(({ name }) => name));
  return { optimizer: train.adam(rate), owns: (variable) => names.has(variable), variables };
}

class GroupedOptimizer extends Optimizer {
  static readonly className: string = 'GroupedOptimizer';
  readonly [MAIN_OPTIMIZER]: Optimizer;
  private readonly groups: readonly [Group, ...RateGroup[]];
  private readonly first: readonly Variable[];
  /** Names of the variables in the order of their slots; known from the first step on. */
  private places: Set<string> | undefined;

  constructor(main: Optimizer, others: readonly RateGroup[], first: readonly Variable[]) {
    super();
    this[MAIN_OPTIMIZER] = main;
    this.groups = [{ optimizer: main, owns: (variable) => !others.some((group) => group.owns(variable)) }, ...others];
    this.first = first;
  }

  /** Of the main optimizer, so that a schedule may set it here. */
  get learningRate(): unknown {
    return Reflect.get(this[MAIN_OPTIMIZER], 'learningRate');
  }

  set learningRate(rate: unknown) {
    const main = this[MAIN_OPTIMIZER];
    // Descent keeps a tensor of the rate, which only its method renews.
    if ('setLearningRate' in main && typeof main.setLearningRate === 'function') main.setLearningRate(rate);
    else Reflect.set(main, 'learningRate', rate);
  }

  /** Sets the rate of the main optimizer. */
  setLearningRate(rate: number): void {
    this.learningRate = rate;
  }

  override get iterations(): number {
    return this[MAIN_OPTIMIZER].iterations;
  }

  applyGradients(gradients: Gradients): void {
    const given = new Map(Array.isArray(gradients) ? gradients.map(({ name, tensor }) => [name, tensor]) : Object.entries(gradients));
    const places = this.placesWith(given.keys());
    for (const { optimizer, owns } of this.groups) {
      const own = places.filter(owns).map((name) => ({ name, tensor: given.get(name) }));
      // An optimizer takes a missing tensor for a variable that this step leaves alone, as `minimize` with a list gives them.
      if (own.some(({ tensor }) => tensor != null)) optimizer.applyGradients(own as NamedTensor[]);
    }
  }

  override async getWeights(): Promise<NamedTensor[]> {
    const [main, ...others] = this.groups;
    const living = others.filter(({ variables }) => !variables.every(({ isDisposed }) => isDisposed));
    if (living.length === 0) return main.optimizer.getWeights();
    const slots = await Promise.all([main, ...living].map(({ optimizer }) => optimizer.getWeights()));
    return slots.flatMap((group, i) => group.map(({ name, tensor }) => ({ name: `${i}/${name}`, tensor })));
  }

  /** @throws Error when the slots are of other groups or variables; nothing is changed then */
  override async setWeights(weights: NamedTensor[]): Promise<void> {
    const slots = this.groups.length === 1 ? [weights] : this.groups.map((_, i) => below(`${i}/`, weights));
    const places = this.placesWith([]);
    this.groups.forEach(({ owns }, i) =>
      checkSlots(
        slots[i] ?? [],
        this.first.filter(({ name }) => places.includes(name) && owns(name)),
      ),
    );
    for (const [i, { optimizer }] of this.groups.entries()) await restoreSlots(optimizer, slots[i] ?? []);
  }

  override dispose(): void {
    for (const { optimizer } of this.groups) optimizer.dispose();
  }

  /** What a file of the model names: its reader knows the main optimizer alone. */
  override getClassName(): string {
    return this[MAIN_OPTIMIZER].getClassName();
  }

  getConfig(): ReturnType<Optimizer['getConfig']> {
    return this[MAIN_OPTIMIZER].getConfig();
  }

  private placesWith(names: Iterable<string>): readonly string[] {
    this.places ??= new Set(this.first.filter(({ isDisposed }) => !isDisposed).map(({ name }) => name));
    for (const name of names) this.places.add(name);
    return [...this.places];
  }
}

function below(prefix: string, weights: readonly NamedTensor[]): NamedTensor[] {
  const own = weights.filter(({ name }) => name.startsWith(prefix));
  return own.map(({ name, tensor }) => ({ name: name.slice(prefix.length), tensor }));
}

/** Slots of TensorFlow.js follow the count of steps in one to three blocks of equal length, in each one slot a variable. */
function checkSlots([iterations, ...slots]: readonly NamedTensor[], variables: readonly Variable[]): void {
  if (iterations === undefined || /^\d+\/iter$/u.test(iterations.name)) throw new Error('the slots are of other parameter groups');
  if (iterations.name !== 'iter' || slots.length === 0) return;
  const fits = (length: number): boolean =>
    length >= variables.length && slots.every(({ tensor }, i) => hasShape(tensor, variables[i % length]));
  if (![1, 2, 3].some((blocks) => slots.length % blocks === 0 && fits(slots.length / blocks)))
    throw new Error('the slots are of other variables, or in another order');
}

function hasShape(tensor: Tensor, variable: Variable | undefined): boolean {
  return variable === undefined || variable.shape.join() === tensor.shape.join();
}
