import type { OnnxAttribute } from '@nncf/core';
import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { numberAttribute } from '../prepare/attributes.ts';

type Attributes = Readonly<Record<string, OnnxAttribute>>;

/** Activation functions that are kernels of TensorFlow.js. */
export const activationMappings: readonly OnnxNodeMapping[] = [
  ...['Relu', 'Elu', 'Selu', 'Sigmoid', 'Tanh', 'Softplus'].map((op) => activation(op, op)),
  activation('Relu6', 'Clip', { extra: (context) => [context.scalar(0), context.scalar(6)] }),
  activation('LeakyRelu', 'LeakyRelu', {
    attributes: ({ node }) => ({ alpha: { float: numberAttribute(node, 'alpha', 0.2) } }),
  }),
  { op: 'Prelu', layout: 'any', emit: emitPrelu },
];

interface ActivationDetails {
  readonly attributes?: (context: OnnxNodeContext) => Attributes;
  /** Inputs behind the first. */
  readonly extra?: (context: OnnxNodeContext) => readonly string[];
}

function activation(op: string, onnxOp: string, details: ActivationDetails = {}): OnnxNodeMapping {
  return {
    op,
    layout: 'any',
    emit: (context) => {
      const layout = context.layout(0);
      const inputs = [context.input(0, layout), ...(details.extra?.(context) ?? [])];
      context.output(0, context.emit(onnxOp, inputs, details.attributes?.(context)), layout);
    },
  };
}

function emitPrelu(context: OnnxNodeContext): void {
  const layout = context.commonLayout();
  const rank = context.outputSizes().length;
  const slope = context.broadcastInput(context.port('alpha'), layout, rank);
  const x = context.input(context.port('x'), layout);
  context.output(0, context.emit('PRelu', [x, slope]), layout);
}
