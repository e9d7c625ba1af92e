import type { StatisticsTable, TensorOperator } from '@nncf/core';
import { notEqual, sum, tidy, type Tensor, type Variable } from '@tensorflow/tfjs-core';

/** How sparse one weight is. */
export interface LayerSparsity {
  /** Name of the variable. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Number of weights. */
  readonly size: number;
  /** Number of weights that are zero. */
  readonly zeros: number;
}

/** Counts the zeros of a weight. @param operator is applied before, as in prediction */
export function layerSparsity(name: string, weight: Tensor, operator?: TensorOperator): LayerSparsity {
  const { shape, size } = weight;
  const nonZero = tidy(() => {
    const used = operator === undefined ? weight : operator.apply(weight, { training: false });
    return sum(notEqual(used, 0)).dataSync()[0] as number;
  });
  return { name, shape: [...shape], size, zeros: size - nonZero };
}

/** Share of zeros in some weights together, in [0, 1]; 0 where there are none. */
export function sparsityOf(layers: readonly Pick<LayerSparsity, 'size' | 'zeros'>[]): number {
  const size = layers.reduce((total, layer) => total + layer.size, 0);
  return size === 0 ? 0 : layers.reduce((total, layer) => total + layer.zeros, 0) / size;
}

/** Share of zeros in all trained variables of the model, the masked weights counted after their masks. */
export function modelSparsity(layers: readonly LayerSparsity[], variables: ReadonlyMap<string, Variable>): number {
  const masked = new Set(layers.map(({ name }) => name));
  const others = [...variables].filter(([name, variable]) => variable.trainable && !masked.has(name));
  return sparsityOf([...layers, ...others.map(([name, variable]) => layerSparsity(name, variable))]);
}

/** A further column of the table, by layer. */
export interface LayerColumn {
  readonly title: string;
  readonly of: (layer: LayerSparsity) => string | number;
}

/** One row a layer: name, shape, sparsity, share of all sparsified weights, and what a method adds. */
export function layerTable(layers: readonly LayerSparsity[], columns: readonly LayerColumn[] = []): StatisticsTable {
  const total = layers.reduce((sizes, { size }) => sizes + size, 0);
  return {
    title: 'Sparsity by layer',
    columns: ['Layer', 'Shape', 'Sparsity', 'Share of weights', ...columns.map(({ title }) => title)],
    rows: layers.map((layer) => [
      layer.name,
      `[${layer.shape.join(', ')}]`,
      percent(sparsityOf([layer])),
      percent(layer.size / total),
      ...columns.map((column) => column.of(layer)),
    ]),
  };
}

/** A share as people read it: `52.5 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
