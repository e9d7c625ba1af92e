import type { JsonObject, JsonValue } from '../json.ts';

/** One canonical operation out of a kernel: which of the kernel's operands it reads. */
export interface CanonicalStep {
  readonly op: string;
  /** Names of operands; `@previous` stands for the result of the step before. */
  readonly operands: readonly string[];
  readonly attrs: JsonObject;
}

const RENAMED: Readonly<Record<string, string>> = {
  BatchMatMul: 'MatMul',
  _FusedMatMul: 'MatMul',
  FusedConv2D: 'Conv2D',
  FusedDepthwiseConv2D: 'DepthwiseConv2dNative',
};

const ACTIVATIONS: Readonly<Record<string, string>> = {
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
  prelu: 'Prelu',
  leakyrelu: 'LeakyRelu',
};

const PREVIOUS = '@previous';

/** Name of an operation that is the same in training and in prediction. */
export function canonicalOp(kernel: string): string {
  return RENAMED[kernel] ?? kernel;
}

/** Splits a fused kernel into product, bias and activation; any other kernel is one step. */
export function canonicalSteps(
  kernel: string,
  names: readonly string[],
  attrs: Readonly<Record<string, unknown>>,
): readonly CanonicalStep[] {
  const op = canonicalOp(kernel);
  if (op === kernel || kernel === 'BatchMatMul') return [{ op, operands: names, attrs: plainAttributes(attrs) }];
  const { activation, leakyreluAlpha, ...own } = plainAttributes(attrs);
  const main: CanonicalStep = { op, operands: names.slice(0, 2), attrs: own };
  const bias: CanonicalStep[] = names.includes('bias') ? [{ op: 'Add', operands: [PREVIOUS, 'bias'], attrs: {} }] : [];
  return [main, ...bias, ...activationStep(activation, names, leakyreluAlpha)];
}

/** Whether an operand name means the result of the step before. */
export function isPrevious(operand: string): boolean {
  return operand === PREVIOUS;
}

function activationStep(activation: JsonValue | undefined, names: readonly string[], alpha: JsonValue | undefined): CanonicalStep[] {
  const op = typeof activation === 'string' ? ACTIVATIONS[activation] : undefined;
  if (op === undefined) return [];
  const slope = op === 'Prelu' ? names.filter((name) => name === 'preluActivationWeights') : [];
  return [
    {
      op,
      operands: [PREVIOUS, ...slope],
      attrs: op === 'LeakyRelu' && alpha !== undefined ? { alpha } : {},
    },
  ];
}

/** Keeps the attributes that are plain data; a null stands for one that the layer did not set, so it is left out. */
function plainAttributes(attrs: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(
    Object.entries(attrs).flatMap(([key, value]) => {
      const plain = toPlain(value);
      return plain === undefined || plain === null ? [] : [[key, plain]];
    }),
  );
}

function toPlain(value: unknown): JsonValue | undefined {
  if (value === null || typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value as ArrayLike<unknown>, (each) => toPlain(each) ?? null);
  return undefined;
}
