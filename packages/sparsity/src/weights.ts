import { consumersByValue, type GraphNode, type GraphValue, type ModelGraph, type Operand, type PlanCommand } from '@nncf/core';
import { isInScope, requireKnownScopes, type Scoping } from './scoping.ts';

/** A trained weight of convolutions or products. */
export interface WeightSite {
  readonly value: GraphValue;
  /** Every operand that reads the variable. */
  readonly readers: readonly Operand[];
  /** The convolutions and products that the weight ends up in. */
  readonly products: readonly GraphNode[];
}

/** Operands that hold weights, by operation. A product's weight may be either factor. */
const WEIGHT_PORTS: Readonly<Record<string, readonly number[]>> = {
  Conv2D: [1],
  Conv3D: [1],
  DepthwiseConv2dNative: [1],
  Conv2DBackpropInput: [1],
  Conv3DBackpropInputV2: [1],
  MatMul: [0, 1],
};

/** Operations that move a weight about on its way to its product. */
const MOVERS: readonly string[] = ['Reshape', 'Transpose', 'Identity', 'ExpandDims', 'Squeeze'];

/** The trained weights of all convolutions and products, in the order of their first use. A shared weight is one. */
export function findWeights(graph: ModelGraph): readonly WeightSite[] {
  const consumers = consumersByValue(graph);
  return graph.values.flatMap((value) => {
    if (value.kind !== 'variable' || value.dtype !== 'float32') return [];
    const products = productsOf(value.id, consumers);
    return products.length === 0 ? [] : [{ value, readers: consumers[value.id] ?? [], products }];
  });
}

function productsOf(id: number, consumers: readonly (readonly Operand[])[]): readonly GraphNode[] {
  const found = (consumers[id] ?? []).flatMap(({ node, port }): readonly GraphNode[] => {
    if (WEIGHT_PORTS[node.op]?.includes(port) === true) return [node];
    return MOVERS.includes(node.op) ? node.outputs.flatMap((output) => productsOf(output, consumers)) : [];
  });
  return [...new Set(found)];
}

/** What {@link planMasks} needs to know of an algorithm. */
export interface MaskPlan {
  readonly algorithm: string;
  /** JSON pointer of the section. */
  readonly pointer: string;
  readonly scoping: Scoping;
  /** For people: `magnitude, normed_abs`. */
  readonly description: string;
  readonly warn: (message: string) => void;
}

/**
 * One mask for every weight in scope, at every operand that reads it. None is a warning.
 *
 * @throws NncfError `SCOPE_UNMATCHED`
 */
export function planMasks(graph: ModelGraph, plan: MaskPlan): readonly PlanCommand[] {
  requireKnownScopes(plan.scoping, graph, plan.pointer);
  const sites = findWeights(graph).filter((site) => isInScope(plan.scoping, site.products) && isReachable(site, plan.warn));
  if (sites.length === 0) plan.warn(`The section at ${plan.pointer} leaves no weight of a convolution or a product to ${plan.algorithm}.`);
  return sites.map((site) => toCommand(site, plan));
}

/** A mask at some of the readers would leave others with the dense weight. */
function isReachable({ value, readers }: WeightSite, warn: (message: string) => void): boolean {
  const blocked = readers.find(({ node }) => !node.insertable);
  if (blocked !== undefined) warn(`The weight "${value.name}" stays dense: nothing can be inserted at ${blocked.node.name}.`);
  return blocked === undefined;
}

function toCommand({ value, readers }: WeightSite, { algorithm, description }: MaskPlan): PlanCommand {
  return {
    algorithm,
    operator: `${algorithm}/${value.name}`,
    target: 'weight',
    transform: 'mask',
    points: readers.map(({ node, port }) => ({ node: node.name, port })),
    values: [value.name],
    description,
    spec: { shape: [...value.traceShape] },
  };
}
