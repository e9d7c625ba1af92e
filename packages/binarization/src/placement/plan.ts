import {
  matchesAnyScope,
  matchesScope,
  operandValue,
  requireKnownScopes,
  scopeList,
  weightUses,
  type GraphNode,
  type ModelGraph,
  type PlanCommand,
  type PlanContext,
  type WeightUse,
} from '@nncf/core';
import type { BinarizationConfig } from '../config.ts';
import { configUnsupported, layerUnsupported } from '../errors.ts';
import { paperExclusions } from './paper-preset.ts';
import { isProduct } from './products.ts';
import { refusalOf, type Refusal, type RefusalContext } from './refusals.ts';

/** Name of the algorithm, in configurations and plans. */
export const ALGORITHM_NAME = 'binarization';

/** Which convolutions are binarized, and which products are not, with the reason. */
export interface BinarizationPlan {
  readonly commands: readonly PlanCommand[];
  /** Convolutions whose input and weight are binarized. */
  readonly convolutions: readonly GraphNode[];
  readonly refusals: readonly Refusal[];
}

/**
 * Decides which 2-D convolutions of a model are binarized (section 3.2 of arXiv 2002.08679). Every convolution has a binarizer of its own at its
 * input, also where several read one tensor; a weight has one.
 *
 * @throws NncfError `SCOPE_UNMATCHED`, `BINARIZATION_UNSUPPORTED`, `CONFIG_UNSUPPORTED`
 */
export function planBinarization(graph: ModelGraph, context: PlanContext<BinarizationConfig>): BinarizationPlan {
  const { config, pointer } = context;
  requireSupported(config, pointer);
  requireKnownScopes(config, graph.nodes, pointer);
  const [ignored, targets] = [scopeList(config.ignored_scopes), scopeList(config.target_scopes)];
  const uses = weightUses(graph, ['Conv2D']);
  const refusals = refusalsOf(graph, uses, {
    graph,
    earlier: context.earlier,
    paper: config.preset === 'paper' ? paperExclusions(graph) : new Map(),
    ignores: (node) => matchesAnyScope(ignored, node),
    targets: (node) => config.target_scopes === undefined || matchesAnyScope(targets, node),
  });
  requireTargets(graph, targets, refusals, pointer);
  const free = uses.filter(({ products }) => !products.some((node) => refusals.has(node)));
  warnAbout(free, context);
  return {
    commands: inOrder(graph, [...free.map((use) => weightCommand(use, config)), ...free.flatMap((use) => activationCommands(graph, use))]),
    convolutions: free.flatMap(({ products }) => products),
    refusals: [...refusals.values()],
  };
}

/** Products that stay as they are. A weight that several convolutions share is binarized for all of them or for none. */
function refusalsOf(graph: ModelGraph, uses: readonly WeightUse[], context: RefusalContext): ReadonlyMap<GraphNode, Refusal> {
  const found = new Map<GraphNode, Refusal>();
  for (const node of graph.nodes.filter(isProduct)) {
    const use = uses.find(({ products }) => products.includes(node));
    const refusal = refusalOf(node, use, context);
    if (refusal !== undefined) found.set(node, refusal);
  }
  for (const { products } of uses) {
    const cause = products.map((node) => found.get(node)).find((refusal) => refusal !== undefined);
    if (cause === undefined) continue;
    for (const node of products) if (!found.has(node)) found.set(node, { ...cause, node });
  }
  return found;
}

function requireSupported({ params }: BinarizationConfig, pointer: string): void {
  if ((params?.batch_multiplier ?? 1) > 1)
    throw configUnsupported(`${pointer}/params/batch_multiplier`, 'gradients are not summed over batches here.', 'Use a larger batch.');
}

/** A target that names nothing but layers of the wrong kind is a misunderstanding. */
function requireTargets(graph: ModelGraph, targets: readonly string[], refusals: ReadonlyMap<GraphNode, Refusal>, pointer: string): void {
  targets.forEach((pattern, index) => {
    const named = graph.nodes.filter((node) => isProduct(node) && matchesScope(pattern, node));
    const [first] = named.map((node) => refusals.get(node));
    const isHopeless = named.every((node) => refusals.get(node)?.isKind === true);
    if (first !== undefined && isHopeless)
      throw layerUnsupported(`${pointer}/target_scopes/${index}`, pattern, first.node.name, first.reason);
  });
}

function weightCommand({ variable, points }: WeightUse, { mode = 'xnor' }: BinarizationConfig): PlanCommand {
  return {
    algorithm: ALGORITHM_NAME,
    operator: `${ALGORITHM_NAME}/${variable.name}`,
    target: 'weight',
    transform: 'discretize',
    points: points.map(({ node, port }) => ({ node: node.name, port })),
    values: [variable.name],
    description: mode === 'xnor' ? 'binary, scale per filter' : 'binary, one scale',
    spec: { mode },
  };
}

function activationCommands(graph: ModelGraph, { products }: WeightUse): readonly PlanCommand[] {
  return products.map((node) => {
    const value = operandValue(graph, node, 0);
    return {
      algorithm: ALGORITHM_NAME,
      operator: `${ALGORITHM_NAME}/${node.name}`,
      target: 'activation',
      transform: 'discretize',
      points: [{ node: node.name, port: 0 }],
      values: [value.name],
      description: 'binary, threshold per channel',
      spec: { channels: value.traceShape.at(-1) ?? 1 },
    };
  });
}

/** In the order in which the model reads; activations before weights. */
function inOrder(graph: ModelGraph, commands: readonly PlanCommand[]): readonly PlanCommand[] {
  const place = new Map(graph.nodes.map(({ name }, i) => [name, i]));
  const firstRead = ({ points }: PlanCommand): number => Math.min(...points.map(({ node }) => place.get(node) ?? 0));
  return commands.toSorted((a, b) => firstRead(a) - firstRead(b) || a.target.localeCompare(b.target));
}

function warnAbout(uses: readonly WeightUse[], { pointer, warn, earlier }: PlanContext<BinarizationConfig>): void {
  if (uses.length === 0) warn(`${pointer}: no convolution of the model is binarized.`);
  const variables = new Set(uses.map(({ variable }) => variable.name));
  const masked = earlier.find(({ transform, values }) => transform === 'mask' && values.some((value) => variables.has(value)));
  if (masked !== undefined)
    warn(
      `${pointer}: ${masked.algorithm} masks weights that are binarized, as ${masked.values[0] ?? ''}: a binary weight is never 0. Give the two different scopes.`,
    );
}
