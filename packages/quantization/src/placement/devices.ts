import { z, type ZodType } from 'zod';
import any from './devices/any.json' with { type: 'json' };
import cpu from './devices/cpu.json' with { type: 'json' };
import gpu from './devices/gpu.json' with { type: 'json' };
import npu from './devices/npu.json' with { type: 'json' };
import { operationInfo, type OperationInfo } from './operations.ts';
import type { QuantizerGroup } from './schemes.ts';

/** What a kind of hardware computes in integers: one of the files in `devices/`. */
export interface DevicePreset {
  readonly name: string;
  /** Bit widths with an integer version, best first; undefined for any. */
  readonly weightBits?: readonly number[] | undefined;
  readonly activationBits?: readonly number[] | undefined;
  /** Sums of 8-bit products overflow on some of these processors, so half of the weights' levels may be given up. */
  readonly overflows: boolean;
  /** Operations whose inputs must lie on one grid. */
  readonly unifiedScales: readonly string[];
  /** What is different for single operations. */
  readonly operations: Readonly<Record<string, DeviceOperation>>;
}

/** What is different for one operation on a device. */
export interface DeviceOperation {
  readonly trait?: 'agnostic' | 'floating' | undefined;
  readonly weightBits?: readonly number[] | undefined;
  readonly activationBits?: readonly number[] | undefined;
}

const widths = z.array(z.int().min(2).max(16)).min(1);
const deviceSchema: ZodType<DevicePreset> = z.strictObject({
  name: z.string(),
  weightBits: widths.optional(),
  activationBits: widths.optional(),
  overflows: z.boolean(),
  unifiedScales: z.array(z.string()),
  operations: z.record(
    z.string(),
    z.strictObject({
      trait: z.enum(['agnostic', 'floating']).optional(),
      weightBits: widths.optional(),
      activationBits: widths.optional(),
    }),
  ),
});

const [ANY, CPU, GPU, NPU] = [any, cpu, gpu, npu].map((file) => deviceSchema.parse(file)) as [
  DevicePreset,
  DevicePreset,
  DevicePreset,
  DevicePreset,
];

const DEVICES: Readonly<Record<string, DevicePreset>> = {
  /** The places of a CPU, without its limits: for experiments with any number of bits. */
  ANY,
  CPU,
  GPU,
  NPU,
  CPU_SPR: { ...CPU, name: 'CPU_SPR', overflows: false },
  VPU: { ...NPU, name: 'VPU' },
  TRIAL: { ...ANY, name: 'TRIAL' },
  NONE: { ...ANY, name: 'NONE' },
};

/** The preset of a `target_device`; one that is not known computes like `ANY`. */
export function devicePreset(targetDevice: string): DevicePreset {
  return DEVICES[targetDevice] ?? ANY;
}

/** The row of an operation on a device. */
export function infoOn(device: DevicePreset, op: string): OperationInfo {
  const trait = device.operations[op]?.trait;
  return trait === undefined ? operationInfo(op) : { ...operationInfo(op), trait };
}

/** Bit widths that an operation's weights or activations may have on a device, best first; undefined for any. */
export function widthsOn(device: DevicePreset, op: string, group: QuantizerGroup): readonly number[] | undefined {
  const key = group === 'weights' ? 'weightBits' : 'activationBits';
  return device.operations[op]?.[key] ?? device[key];
}
