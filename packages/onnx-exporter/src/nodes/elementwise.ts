import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';

/** What the body of an elementwise mapping works with: operands already in one layout. */
interface Elementwise {
  readonly context: OnnxNodeContext;
  readonly inputs: readonly string[];
}

type Body = (elementwise: Elementwise) => string;

/** Operations of the same name, or of one other name, in both. */
const DIRECT: Readonly<Record<string, string>> = {
  Abs: 'Abs',
  Acos: 'Acos',
  Acosh: 'Acosh',
  Add: 'Add',
  Asin: 'Asin',
  Asinh: 'Asinh',
  Atan: 'Atan',
  Atanh: 'Atanh',
  Ceil: 'Ceil',
  Cos: 'Cos',
  Cosh: 'Cosh',
  Equal: 'Equal',
  Erf: 'Erf',
  Exp: 'Exp',
  Floor: 'Floor',
  Greater: 'Greater',
  GreaterEqual: 'GreaterOrEqual',
  IsInf: 'IsInf',
  IsNan: 'IsNaN',
  Less: 'Less',
  LessEqual: 'LessOrEqual',
  Log: 'Log',
  LogicalAnd: 'And',
  LogicalNot: 'Not',
  LogicalOr: 'Or',
  LogicalXor: 'Xor',
  Maximum: 'Max',
  Minimum: 'Min',
  Multiply: 'Mul',
  Neg: 'Neg',
  Pow: 'Pow',
  RealDiv: 'Div',
  Reciprocal: 'Reciprocal',
  Round: 'Round',
  Sign: 'Sign',
  Sin: 'Sin',
  Sinh: 'Sinh',
  Sqrt: 'Sqrt',
  Sub: 'Sub',
  Tan: 'Tan',
};

/** Operations that ONNX composes. Half-way cases round to even in both. */
const COMPOSED: Readonly<Record<string, Body>> = {
  AddN: ({ context, inputs }) => context.emit('Sum', inputs),
  Expm1: ({ context, inputs }) => context.emit('Sub', [context.emit('Exp', inputs), context.scalar(1)]),
  FloorDiv: floorDivide,
  IsFinite: isFinite,
  Log1p: ({ context, inputs }) => context.emit('Log', [context.emit('Add', [...inputs, context.scalar(1)])]),
  Mod: floorModulo,
  NotEqual: ({ context, inputs }) => context.emit('Not', [context.emit('Equal', inputs)]),
  OnesLike: (elementwise) => filled(elementwise, 1),
  Rsqrt: ({ context, inputs }) => context.emit('Reciprocal', [context.emit('Sqrt', inputs)]),
  Select: ({ context, inputs }) => context.emit('Where', inputs),
  Square: ({ context, inputs: [x = ''] }) => context.emit('Mul', [x, x]),
  SquaredDifference: squaredDifference,
  ZerosLike: (elementwise) => filled(elementwise, 0),
};

/** Operations element by element, with broadcasting. */
export const elementwiseMappings: readonly OnnxNodeMapping[] = [
  ...Object.entries(DIRECT).map(([op, onnxOp]) => elementwise(op, ({ context, inputs }) => context.emit(onnxOp, inputs))),
  ...Object.entries(COMPOSED).map(([op, body]) => elementwise(op, body)),
];

/** A mapping that brings all operands into one layout and leaves the rest to `body`. */
function elementwise(op: string, body: Body): OnnxNodeMapping {
  return {
    op,
    layout: 'any',
    emit: (context) => {
      const layout = context.commonLayout();
      const rank = context.outputSizes().length;
      const inputs = context.node.inputs.map((_, port) => context.broadcastInput(port, layout, rank));
      context.output(0, body({ context, inputs }), layout);
    },
  };
}

// ONNX divides integers towards zero, TensorFlow down.
function floorDivide({ context, inputs }: Elementwise): string {
  const isInteger = context.outputDtype() === 'int32';
  const to = { to: { int: 1 } };
  const floats = isInteger ? inputs.map((input) => context.emit('Cast', [input], to)) : inputs;
  const floor = context.emit('Floor', [context.emit('Div', floats)]);
  return isInteger ? context.emit('Cast', [floor], { to: { int: 6 } }) : floor;
}

// ONNX's Mod of real numbers has the dividend's sign, TensorFlow's the divisor's.
function floorModulo({ context, inputs: [x = '', y = ''] }: Elementwise): string {
  if (context.outputDtype() === 'int32') return context.emit('Mod', [x, y]);
  const whole = context.emit('Floor', [context.emit('Div', [x, y])]);
  return context.emit('Sub', [x, context.emit('Mul', [whole, y])]);
}

function isFinite({ context, inputs }: Elementwise): string {
  const bad = context.emit('Or', [context.emit('IsNaN', inputs), context.emit('IsInf', inputs)]);
  return context.emit('Not', [bad]);
}

function squaredDifference({ context, inputs }: Elementwise): string {
  const difference = context.emit('Sub', inputs);
  return context.emit('Mul', [difference, difference]);
}

function filled({ context, inputs }: Elementwise, value: number): string {
  const shape = context.emit('Shape', inputs);
  return context.emit('Expand', [context.scalar(value, context.outputDtype()), shape]);
}
