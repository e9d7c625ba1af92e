import { NncfError, type GraphNode } from '@nncf/core';

const source = 'onnx-exporter';

/** No mapping is registered for an operation of the model. */
export function unmappedOperation(node: GraphNode): NncfError {
  return new NncfError({
    code: 'EXPORT_UNSUPPORTED',
    source,
    message: `${describe(node)} has no ONNX mapping.`,
    hint: `Add one: \`registerOnnxNode({ op: "${node.op}", emit: (context) => { … } })\` from @nncf/onnx-exporter.`,
  });
}

/** A mapping exists, but not for this use of the operation. */
export function unsupportedUse(node: GraphNode, reason: string): NncfError {
  return new NncfError({
    code: 'EXPORT_UNSUPPORTED',
    source,
    message: `${describe(node)} cannot be written as ONNX: ${reason}.`,
    hint: `Write the model without it, or register another mapping of "${node.op}" under the name of your own operation.`,
  });
}

/** No mapping is registered for an operator of the compression plan. */
export function unmappedOperator(node: GraphNode, kind: string, operator: string): NncfError {
  return new NncfError({
    code: 'EXPORT_UNSUPPORTED',
    source,
    message: `The operator "${operator}" of kind "${kind}" at ${describe(node)} has no ONNX mapping.`,
    hint: "Import the algorithm's package, or add one: `registerOnnxOperator({ kind, emit })` from @nncf/core.",
  });
}

/** The plan and what is to be exported do not belong together. */
export function missingOperator(operator: string): NncfError {
  return new NncfError({
    code: 'EXPORT_INVALID',
    source,
    message: `The plan names the operator "${operator}", but no live algorithm has it.`,
  });
}

/** A mapping did not say what one of the node's outputs is. */
export function unboundOutput(node: GraphNode, index: number): NncfError {
  return new NncfError({
    code: 'EXPORT_INVALID',
    source,
    message: `The mapping of ${describe(node)} bound no value to output ${index}.`,
    hint: 'A mapping calls `context.output(index, name, layout)` for every output.',
  });
}

/** A node reads a value that nothing made. */
export function unknownValue(id: number, reader: string): NncfError {
  return new NncfError({
    code: 'EXPORT_INVALID',
    source,
    message: `${reader} reads the value ${id}, which is neither an input, a variable nor made before.`,
  });
}

/** The variables of the source lack one that the graph reads. */
export function missingVariable(name: string): NncfError {
  return new NncfError({
    code: 'EXPORT_INVALID',
    source,
    message: `The graph reads the variable "${name}", but the model has no such variable.`,
  });
}

/** An attribute of a kernel is absent or of another type. */
export function badAttribute(node: GraphNode, key: string, wanted: string): NncfError {
  return new NncfError({
    code: 'EXPORT_INVALID',
    source,
    message: `${describe(node)} should have ${wanted} as its attribute "${key}", found ${JSON.stringify(node.attrs[key])}.`,
  });
}

/** A weight or a constant has a value that no file should carry. */
export function notFinite(name: string, value: number): NncfError {
  return new NncfError({
    code: 'EXPORT_NOT_FINITE',
    source,
    message: `The weight "${name}" holds ${value}.`,
    hint: 'Training has diverged; export an earlier checkpoint, or lower the learning rate.',
  });
}

/** Something depends on the size of the batch in a way that the file cannot express. */
export function batchOutOfReach(value?: string): NncfError {
  const what = value === undefined ? 'A size of the model follows the batch' : `The constant "${value}" follows the batch`;
  const why = value === undefined ? 'no input has the batch as its first axis' : 'its samples differ from each other';
  return new NncfError({
    code: 'EXPORT_UNSUPPORTED',
    source,
    message: `${what}, but ${why}.`,
    hint: "Give the model's inputs a fixed batch size, then the file has it too.",
  });
}

/** Bytes that are given as an ONNX model are none. */
export function notOnnx(cause?: unknown): NncfError {
  return new NncfError({ code: 'EXPORT_INVALID', source, message: 'The bytes are no ONNX model with operations in it.', cause });
}

/** An added output whose name a value of the file has already. */
export function nameTaken(name: string): NncfError {
  return new NncfError({
    code: 'EXPORT_INVALID',
    source,
    message: `The file has a value called "${name}" already.`,
    hint: "Give the added output another name, or the model's own outputs, with `outputNames`.",
  });
}

/** Options that the exporter does not know or cannot use. */
export function badOptions(reason: string): NncfError {
  return new NncfError({
    code: 'EXPORT_OPTIONS',
    source,
    message: `The export options are not usable: ${reason}`,
  });
}

function describe(node: GraphNode): string {
  return `"${node.op}" (node "${node.name}", scope "${node.scope}")`;
}
