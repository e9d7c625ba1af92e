import type { PlanCommand, PlanContext } from '@nncf/core';
import type { QuantizationConfig } from '../config.ts';
import type { Demands } from './demands.ts';
import type { DevicePreset } from './devices.ts';
import type { GraphView } from './graph-view.ts';
import type { Place, Placement } from './propagate.ts';

/** What planning has found. */
export interface Findings {
  readonly view: GraphView;
  readonly context: PlanContext<QuantizationConfig>;
  readonly device: DevicePreset;
  readonly demands: Demands;
  readonly commands: readonly PlanCommand[];
  readonly insertable: readonly Placement[];
  readonly uninsertable: readonly Place[];
}

/** Warns of what the configuration asks for in vain, where it is, and what to do. */
export function warnAbout(findings: Findings): void {
  const messages = [...unmatchedPatterns(findings), ...hiddenOperations(findings), ...oddWidths(findings), ...nothingQuantized(findings)];
  for (const message of messages) findings.context.warn(message);
}

function unmatchedPatterns({ view, context, demands }: Findings): readonly string[] {
  const { pointer, config } = context;
  const operations = listed([...new Set(view.graph.nodes.map(({ op }) => op))].toSorted(), 12);
  const chains = demands.patterns.unmatched.map((index) => {
    const pattern = [config.quantizable_subgraph_patterns?.[index] ?? []].flat().join(' → ');
    const what = `the model has no ${pattern} where each operation is the only reader of the one before.`;
    return `${pointer}/quantizable_subgraph_patterns/${index}: ${what} Correct or remove it; operations of this model: ${operations}.`;
  });
  const parts = demands.unmatchedParts.map(
    (part) => `${pointer}/ignored_patterns: the model has no ${part}. Remove it, or list the layers themselves in "ignored_scopes".`,
  );
  const groups = demands.emptyGroups.map(
    (at) =>
      `${pointer}/activations/${at}: fewer than two quantizers stand at these operations. Print the plan to see where quantizers stand.`,
  );
  return [...chains, ...parts, ...groups];
}

function hiddenOperations({ uninsertable }: Findings): readonly string[] {
  const hidden = new Set(uninsertable.filter(({ node }) => !node.insertable).map(({ node }) => node.name));
  if (hidden.size === 0) return [];
  const names = [...hidden].join(', ');
  return [`Nothing can be inserted at ${names}: what these operations read stays in floating point. Put them into a layer or a scope.`];
}

/** One warning for all tensors of a width that the device does not compute. */
function oddWidths({ insertable, device }: Findings): readonly string[] {
  const names = new Map<number, string[]>();
  const inOrder = insertable.toSorted((a, b) => (a.places[0]?.node.id ?? 0) - (b.places[0]?.node.id ?? 0));
  for (const { value, demand } of inOrder) {
    const { bits } = demand.scheme;
    if (demand.supported?.includes(bits) === false) names.set(bits, [...(names.get(bits) ?? []), value.name]);
  }
  return [...names].map(([bits, tensors]) => {
    const have = tensors.length === 1 ? 'has' : 'have';
    const action = 'Choose another width or "target_device": "ANY".';
    return `${listed(tensors, 3)} ${have} ${bits} bits, for which ${device.name} has no integer version. ${action}`;
  });
}

function nothingQuantized({ commands, context }: Findings): readonly string[] {
  return commands.length === 0 ? [`${context.pointer}: no operation of the model is quantized.`] : [];
}

function listed(names: readonly string[], most: number): string {
  const rest = names.length - most;
  return rest <= 0 ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${rest} more`;
}
