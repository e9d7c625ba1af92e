import type { PrecisionOptions, QuantizationConfig } from '../config.ts';
import type { DevicePreset } from '../placement/devices.ts';
import { configUnsupported } from '../placement/errors.ts';
import type { AssignmentMode, BudgetKind } from './budget.ts';

/** Settings of the choice of bit widths by HAWQ-v2, all said. */
export interface HawqOptions {
  readonly device: DevicePreset;
  /** Widths to choose from that the device has, ascending. */
  readonly widths: readonly number[];
  readonly dataPoints: number;
  readonly iterations: number;
  readonly tolerance: number;
  readonly compressionRatio: number;
  readonly budget: BudgetKind;
  readonly mode: AssignmentMode;
  /** File with traces of an earlier run. */
  readonly tracesFile: string | undefined;
  /** File that is written. */
  readonly dumpFile: string | undefined;
}

const DEFAULTS = { widths: [2, 4, 8], dataPoints: 100, iterations: 200, tolerance: 1e-4, compressionRatio: 1.5 };
const DUMP_FILE = 'hawq_precision.json';

/** Keys of `precision` that belong to one type alone. */
const FOREIGN_KEYS: readonly (readonly [key: keyof PrecisionOptions, hint: string])[] = [
  ['warmup_iter_number', 'It belongs to "autoq". Leave it out.'],
  ['bitwidth_per_scope', 'It belongs to "manual". Fix single widths by "scope_overrides": what stands there is left as it is.'],
];

/** The options of `initializer.precision` with `"type": "hawq"`; undefined with another type, or none. */
export function hawqOptions({ initializer }: QuantizationConfig, device: DevicePreset): HawqOptions | undefined {
  const { precision } = initializer ?? {};
  if (precision?.type !== 'hawq') return undefined;
  const dump = precision.dump_init_precision_data ?? false;
  return {
    device,
    widths: commonWidthsOf(device, precision.bits ?? DEFAULTS.widths),
    dataPoints: precision.num_data_points ?? DEFAULTS.dataPoints,
    iterations: precision.iter_number ?? DEFAULTS.iterations,
    tolerance: precision.tolerance ?? DEFAULTS.tolerance,
    compressionRatio: precision.compression_ratio ?? DEFAULTS.compressionRatio,
    budget: precision.budget ?? 'bit_operations',
    mode: precision.bitwidth_assignment_mode ?? 'liberal',
    tracesFile: precision.traces_per_layer_path,
    dumpFile: dump === true ? DUMP_FILE : dump === false ? undefined : dump,
  };
}

/**
 * Refuses what `initializer.precision` asks for and cannot have; warns of what has no effect.
 *
 * @throws NncfError `CONFIG_UNSUPPORTED` with the JSON pointer
 */
export function checkPrecision(config: QuantizationConfig, device: DevicePreset, pointer: string, warn: (message: string) => void): void {
  const { precision } = config.initializer ?? {};
  const at = `${pointer}/initializer/precision`;
  if (precision?.type === 'autoq') {
    throw configUnsupported(`${at}/type`, 'the choice of bit widths by "autoq" is not available.', 'Use "hawq", or "manual".');
  }
  if (precision?.type !== 'hawq') return;
  for (const [key, hint] of FOREIGN_KEYS) {
    if (precision[key] !== undefined) throw configUnsupported(`${at}/${key}`, 'the key has no meaning for "hawq".', hint);
  }
  if (precision.eval_subset_ratio !== undefined) warn(`${at}/eval_subset_ratio: only "autoq" reads it; "hawq" looks at "num_data_points".`);
  const wanted = precision.bits ?? DEFAULTS.widths;
  const widths = commonWidthsOf(device, wanted);
  if (widths.length < 2) throw nothingToChoose(at, device, wanted, widths);
  const missing = (precision.bits ?? []).filter((width) => !widths.includes(width));
  if (missing.length > 0)
    warn(`${at}/bits: ${device.name} has no integer version of ${missing.join(', ')} bits for weights and activations.`);
}

/** Widths that the device has for weights and for activations, ascending. */
function commonWidthsOf({ weightBits, activationBits }: DevicePreset, wanted: readonly number[]): readonly number[] {
  const has = (widths: readonly number[] | undefined, width: number): boolean => widths?.includes(width) ?? true;
  return [...new Set(wanted)].filter((width) => has(weightBits, width) && has(activationBits, width)).sort((a, b) => a - b);
}

function nothingToChoose(at: string, device: DevicePreset, wanted: readonly number[], left: readonly number[]): Error {
  const which = left.length === 0 ? 'none' : `only ${left.join(', ')}`;
  const what = `of the widths ${wanted.join(', ')} the device ${device.name} computes ${which} in integers: there is nothing to choose.`;
  return configUnsupported(`${at}/bits`, what, 'Set "target_device" to "NPU", or to "ANY" for any widths.');
}
