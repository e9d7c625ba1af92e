import { matchesScope, type GraphNode } from '@nncf/core';
import type { OverridesByScope, QuantizationConfig, QuantizationMode, QuantizerOptions, QuantizerOverride } from '../config.ts';
import type { QuantizerScheme } from '../scheme.ts';
import type { DevicePreset } from './devices.ts';

const DEFAULT_BITS = 8;
const REGEX_PREFIX = '{re}';

/** The two kinds of tensor that a configuration speaks of. */
export type QuantizerGroup = 'weights' | 'activations';

/** Modes of a preset. */
const PRESET_MODES: Readonly<Record<'performance' | 'mixed', Readonly<Record<QuantizerGroup, QuantizationMode>>>> = {
  performance: { weights: 'symmetric', activations: 'symmetric' },
  mixed: { weights: 'symmetric', activations: 'asymmetric' },
};

/**
 * How a node wants its weights. What is said later counts more: the preset, the section `weights`, overrides by regular expression, overrides by
 * exact address.
 *
 * @param isFirst whether the node is one of the first convolutions, which alone `overflow_fix: "first_layer_only"` protects
 */
export function weightScheme(config: QuantizationConfig, device: DevicePreset, node: GraphNode, isFirst: boolean): QuantizerScheme {
  const options = optionsFor(config, 'weights', node);
  const symmetric = options.mode === 'symmetric';
  return {
    mode: options.mode,
    bits: options.bits ?? DEFAULT_BITS,
    // Weights lie on both sides of zero, so a sign found by chance in a small tensor would only confuse.
    signed: symmetric ? (options.signed ?? true) : undefined,
    perChannel: options.per_channel ?? true,
    narrowRange: symmetric,
    halfRange: (options.bits ?? DEFAULT_BITS) === DEFAULT_BITS && device.overflows && protects(config, isFirst),
    logarithmScale: config.weights?.logarithm_scale ?? false,
  };
}

/** How a node wants the activations that it reads; precedence as in {@link weightScheme}. */
export function activationScheme(config: QuantizationConfig, node: GraphNode): QuantizerScheme {
  const options = optionsFor(config, 'activations', node);
  return {
    mode: options.mode,
    bits: options.bits ?? DEFAULT_BITS,
    signed: options.mode === 'symmetric' ? options.signed : undefined,
    perChannel: options.per_channel ?? false,
    narrowRange: false,
    halfRange: false,
    logarithmScale: config.activations?.logarithm_scale ?? false,
  };
}

/** The width that the configuration gives to what a node reads; undefined where it leaves it to the device. */
export function chosenBits(config: QuantizationConfig, group: QuantizerGroup, node: GraphNode): number | undefined {
  return optionsFor(config, group, node).bits;
}

/** Exceptions that are about a node, the strongest last. */
export function overridesFor(config: QuantizationConfig, group: QuantizerGroup, node: GraphNode): readonly QuantizerOverride[] {
  const entries = Object.entries(overridesByScope(config, group)).filter(([scope]) => matchesScope(scope, node));
  const isPattern = ([scope]: readonly [string, QuantizerOverride]): boolean => scope.startsWith(REGEX_PREFIX);
  return [...entries.filter(isPattern), ...entries.filter((entry) => !isPattern(entry))].map(([, override]) => override);
}

/** Exceptions of a group, those for both groups before its own. */
function overridesByScope({ scope_overrides }: QuantizationConfig, group: QuantizerGroup): OverridesByScope {
  const { weights, activations, ...both } = scope_overrides ?? {};
  return { ...both, ...(group === 'weights' ? weights : activations) } as OverridesByScope;
}

function optionsFor(
  config: QuantizationConfig,
  group: QuantizerGroup,
  node: GraphNode,
): QuantizerOptions & { readonly mode: QuantizationMode } {
  const layers: readonly QuantizerOptions[] = [config[group] ?? {}, ...overridesFor(config, group, node)];
  const said = layers.flatMap((options) => Object.entries(options).filter(([, value]) => value !== undefined));
  return {
    mode: PRESET_MODES[config.preset ?? 'performance'][group],
    ...(Object.fromEntries(said) as QuantizerOptions),
  } as QuantizerOptions & {
    readonly mode: QuantizationMode;
  };
}

function protects({ overflow_fix }: QuantizationConfig, isFirst: boolean): boolean {
  return overflow_fix === 'enable' || (overflow_fix === 'first_layer_only' && isFirst);
}
