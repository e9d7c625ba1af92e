import type { OnnxAttribute, OnnxDataType } from '@nncf/core';
import onnxProto from 'onnx-proto';
import type { onnx as Proto } from 'onnx-proto';
import type { OnnxGraph, OnnxInitializer, OnnxNode, OnnxPort } from '../emit/onnx-graph.ts';
import { rawBytes } from './raw-bytes.ts';
import { encodeSparse, sparsePositions } from './sparse-initializer.ts';

const { onnx } = onnxProto;

/** Numbers of the element types in the standard (`TensorProto.DataType`); the 4-bit ones are newer than onnx-proto. */
const TYPE_NUMBER: Readonly<Record<OnnxDataType, number>> = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BOOL: 9,
  FLOAT16: 10,
  UINT4: 21,
  INT4: 22,
};

/** First file format version that knows an operator set: 8 with set 15, 9 with 19, 10 with 21. */
function fileVersion(opset: number): number {
  if (opset >= 21) return 10;
  return opset >= 19 ? 9 : 8;
}

/** Serializes a model as protobuf; `sparse` stores tensors as values and positions where that is smaller. */
export function encodeModel(graph: OnnxGraph, { sparse = false }: { readonly sparse?: boolean } = {}): Uint8Array {
  const model = onnx.ModelProto.create({
    irVersion: fileVersion(graph.domains.get('') ?? 17),
    producerName: 'nncf',
    opsetImport: [...graph.domains].map(([domain, version]) => ({ domain, version })),
    graph: {
      name: graph.name,
      node: graph.nodes.map(encodeNode),
      ...encodeInitializers([...graph.initializers.values()], sparse),
      input: graph.inputs.map(encodePort),
      output: graph.outputs.map(encodePort),
    },
  });
  return onnx.ModelProto.encode(model).finish();
}

function encodeInitializers(
  initializers: readonly OnnxInitializer[],
  sparse: boolean,
): Pick<Proto.IGraphProto, 'initializer' | 'sparseInitializer'> {
  const stored = initializers.map((initializer) => ({ initializer, positions: sparse ? sparsePositions(initializer) : undefined }));
  return {
    initializer: stored.flatMap(({ initializer, positions }) => (positions === undefined ? [encodeInitializer(initializer)] : [])),
    sparseInitializer: stored.flatMap(({ initializer, positions }) =>
      positions === undefined ? [] : [encodeSparse(initializer, positions, encodeInitializer)],
    ),
  };
}

/** One operation as protobuf. */
export function encodeNode(node: OnnxNode): Proto.INodeProto {
  return {
    name: node.name,
    opType: node.op,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, value]) => ({
      name,
      ...encodeAttribute(value),
    })),
  };
}

function encodeAttribute(value: OnnxAttribute): Proto.IAttributeProto {
  const { AttributeType } = onnx.AttributeProto;
  if ('int' in value) return { type: AttributeType.INT, i: value.int };
  if ('float' in value) return { type: AttributeType.FLOAT, f: value.float };
  if ('string' in value) return { type: AttributeType.STRING, s: new TextEncoder().encode(value.string) };
  if ('ints' in value) return { type: AttributeType.INTS, ints: [...value.ints] };
  return { type: AttributeType.FLOATS, floats: [...value.floats] };
}

/** A stored tensor as protobuf. */
export function encodeInitializer({ name, type, shape, data }: OnnxInitializer): Proto.ITensorProto {
  return { name, dataType: TYPE_NUMBER[type], dims: [...shape], rawData: rawBytes(data, type) };
}

/** An input or output as protobuf. */
export function encodePort({ name, type, shape }: OnnxPort): Proto.IValueInfoProto {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: TYPE_NUMBER[type], shape: { dim } } } };
}
