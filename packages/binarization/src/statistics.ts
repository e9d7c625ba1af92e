import {
  multiplyAdds,
  type AlgorithmStatistics,
  type GraphNode,
  type ModelGraph,
  type StatisticsTable,
  type TensorOperator,
} from '@nncf/core';
import { ActivationBinarizer } from './operators/activation-binarizer.ts';
import { WeightBinarizer } from './operators/weight-binarizer.ts';
import { ALGORITHM_NAME, type BinarizationPlan } from './placement/plan.ts';
import type { BinarizationStage } from './schedule.ts';

/** What statistics are taken of. */
export interface StatisticsSource {
  readonly graph: ModelGraph;
  readonly plan: BinarizationPlan;
  readonly operators: ReadonlyMap<string, TensorOperator>;
  readonly stage: BinarizationStage;
}

/**
 * Figures of the live model: the stage, the share of all multiply-adds whose two factors are binary now, and the share that will be when all
 * stages have begun; the scales and thresholds of every layer; what is left alone and why.
 */
export function binarizationStatistics(source: StatisticsSource): AlgorithmStatistics {
  const { graph, plan, stage } = source;
  const all = total(graph, graph.nodes);
  const binary = plan.convolutions.filter((node) => isBinary(source, node));
  return {
    values: {
      stage,
      binarizedLayers: plan.convolutions.length,
      binaryMultiplyAdds: share(total(graph, binary), all),
      plannedBinaryMultiplyAdds: share(total(graph, plan.convolutions), all),
    },
    tables: [layerTable(source, all), leftTable(source, all)],
  };
}

function isBinary({ plan, operators }: StatisticsSource, { name }: GraphNode): boolean {
  const here = plan.commands
    .filter(({ points }) => points.some(({ node }) => node === name))
    .map(({ operator }) => operators.get(operator));
  const isActive = (operator: TensorOperator | undefined): boolean =>
    (operator instanceof ActivationBinarizer || operator instanceof WeightBinarizer) && operator.isActive;
  return here.length > 0 && here.every(isActive);
}

function layerTable(source: StatisticsSource, all: number): StatisticsTable {
  const { graph, plan, operators } = source;
  return {
    title: 'Binary convolutions',
    columns: ['operation', 'share of multiply-adds', 'binary now', 'scale', 'mean threshold'],
    rows: plan.convolutions.map((node) => {
      const binarizer = operators.get(`${ALGORITHM_NAME}/${node.name}`);
      const figures = binarizer instanceof ActivationBinarizer && binarizer.initialized ? gridFigures(binarizer) : ['', ''];
      return [node.name, percent(multiplyAdds(graph, node), all), isBinary(source, node) ? 'yes' : 'no', ...figures];
    }),
  };
}

function gridFigures(binarizer: ActivationBinarizer): readonly string[] {
  const { scale, limits } = binarizer.grid();
  return [scale.toPrecision(4), (limits.reduce((sum, limit) => sum + limit, 0) / limits.length).toPrecision(4)];
}

function leftTable({ graph, plan }: StatisticsSource, all: number): StatisticsTable {
  return {
    title: 'Not binarized',
    columns: ['operation', 'share of multiply-adds', 'why'],
    rows: plan.refusals.map(({ node, reason }) => [node.name, percent(multiplyAdds(graph, node), all), reason]),
  };
}

function total(graph: ModelGraph, nodes: readonly GraphNode[]): number {
  return nodes.reduce((sum, node) => sum + multiplyAdds(graph, node), 0);
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function percent(part: number, whole: number): string {
  return `${(100 * share(part, whole)).toFixed(1)} %`;
}
