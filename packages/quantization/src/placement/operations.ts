/**
 * What quantization means for each operation. `quantizable`: its inputs are worth quantizing, for a runtime has an integer
 * version. `agnostic`: it moves values around without changing them, so a quantizer below may as well stand above.
 * `concat`: agnostic with several inputs, which must then lie on one grid. Operations that are not listed compute in
 * floating point: nothing is quantized for them and no quantizer moves through them.
 */
export type Trait = 'quantizable' | 'agnostic' | 'concat' | 'floating';

/** What an operation can be part of when several are computed as one. */
export type FusionRole = 'linear' | 'arithmetic' | 'normalization' | 'activation';

/** One row of the table. */
export interface OperationInfo {
  readonly trait: Trait;
  readonly role?: FusionRole;
  /** Operand that holds weights, and its channel axes counted from the end. */
  readonly weights?: { readonly port: number; readonly channelAxes: readonly number[] };
  /** Agnostic: an axis of the same size before and after holds the same channels. */
  readonly keepsChannels?: boolean;
  /** Training may run other kernels in its place: see `isOpen`. */
  readonly otherInTraining?: boolean;
}

const linear = (channelAxes: readonly number[]): OperationInfo => ({
  trait: 'quantizable',
  role: 'linear',
  weights: { port: 1, channelAxes },
});
const arithmetic: OperationInfo = { trait: 'quantizable', role: 'arithmetic' };
const reduction: OperationInfo = { trait: 'quantizable' };
const mover: OperationInfo = { trait: 'agnostic' };
const channelKeeper: OperationInfo = { trait: 'agnostic', keepsChannels: true };
const activation: OperationInfo = { trait: 'floating', role: 'activation' };
const floating: OperationInfo = { trait: 'floating' };

/**
 * By TensorFlow.js kernel. Filters: HWIO in `Conv2D`, HWCM in `DepthwiseConv2dNative`, HWOI in `Conv2DBackpropInput`. Which axis of a `MatMul`
 * holds channels depends on its attributes.
 */
const OPERATIONS: Readonly<Record<string, OperationInfo>> = {
  Conv2D: linear([-1]),
  Conv3D: linear([-1]),
  DepthwiseConv2dNative: linear([-2, -1]),
  Conv2DBackpropInput: linear([-2]),
  Conv3DBackpropInputV2: linear([-2]),
  MatMul: linear([-1]),

  Add: arithmetic,
  AddN: arithmetic,
  Sub: arithmetic,
  Multiply: arithmetic,
  RealDiv: arithmetic,
  Maximum: arithmetic,
  Minimum: arithmetic,
  SquaredDifference: arithmetic,

  FusedBatchNorm: { trait: 'quantizable', role: 'normalization', otherInTraining: true },
  AvgPool: reduction,
  AvgPool3D: reduction,
  Mean: reduction,
  Sum: reduction,
  ResizeBilinear: reduction,
  // Where a device takes it for agnostic, it keeps channels.
  ResizeNearestNeighbor: { ...reduction, keepsChannels: true },
  DepthToSpace: reduction,

  MaxPool: channelKeeper,
  MaxPool3D: channelKeeper,
  Identity: channelKeeper,
  Cast: channelKeeper,
  Max: mover,
  Reshape: mover,
  ExpandDims: mover,
  Squeeze: mover,
  Transpose: mover,
  PadV2: channelKeeper,
  MirrorPad: channelKeeper,
  Slice: channelKeeper,
  StridedSlice: channelKeeper,
  SplitV: mover,
  Unpack: mover,
  Tile: mover,
  BroadcastTo: mover,
  GatherV2: mover,
  Reverse: mover,
  SpaceToBatchND: mover,
  BatchToSpaceND: mover,

  Concat: { trait: 'concat' },
  Pack: { trait: 'concat' },

  Relu: activation,
  Relu6: activation,
  Prelu: activation,
  LeakyRelu: activation,
  Elu: activation,
  Selu: activation,
  Sigmoid: activation,
  Tanh: activation,
  Softplus: activation,
  ClipByValue: activation,
  Erf: activation,
};

/** The row of an operation. */
export function operationInfo(op: string): OperationInfo {
  return OPERATIONS[op] ?? floating;
}
