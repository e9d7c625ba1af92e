import type { OperationInfo } from './operations.ts';
import { operationInfo } from './operations.ts';

/** What a kind of hardware computes in integers. */
export interface DevicePreset {
  readonly name: string;
  /** Bit widths with an integer version; undefined for any. */
  readonly weightBits?: readonly number[] | undefined;
  readonly activationBits?: readonly number[] | undefined;
  /** The inputs of element-wise arithmetic must lie on one grid. */
  readonly unifiedArithmetic: boolean;
  /** Sums of 8-bit products overflow on some of these processors, so half of the weights' levels may be given up. */
  readonly overflows: boolean;
  /** Rows of the operation table that differ. */
  readonly operations: Readonly<Record<string, OperationInfo>>;
}

const resizeNearestIsFree: DevicePreset['operations'] = { ResizeNearestNeighbor: { trait: 'agnostic', keepsChannels: true } };

const CPU: DevicePreset = { name: 'CPU', weightBits: [8], activationBits: [8], unifiedArithmetic: false, overflows: true, operations: {} };
const GPU: DevicePreset = {
  name: 'GPU',
  weightBits: [8],
  activationBits: [8],
  unifiedArithmetic: false,
  overflows: false,
  operations: resizeNearestIsFree,
};
const NPU: DevicePreset = {
  name: 'NPU',
  weightBits: [8, 4, 2],
  activationBits: [8, 4],
  unifiedArithmetic: true,
  overflows: false,
  operations: resizeNearestIsFree,
};
/** The places of a CPU, without its limits: for experiments with any number of bits. */
const ANY: DevicePreset = { name: 'ANY', unifiedArithmetic: false, overflows: true, operations: {} };

const DEVICES: Readonly<Record<string, DevicePreset>> = {
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
  return device.operations[op] ?? operationInfo(op);
}
