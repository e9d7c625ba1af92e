import type { SafetensorsTensor } from '@nncf/core';
import onnxProto from 'onnx-proto';
import type { onnx as Proto } from 'onnx-proto';
import { corruptFile } from '../errors.ts';

/** A tensor by the name that the zoo has for it. */
export type NamedTensor = readonly [name: string, tensor: SafetensorsTensor];

/** `TensorProto.DataType.FLOAT` */
const FLOAT = 1;

/** Ends of names: parameters of PyTorch's layers, and what they are called in the zoo. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/_embeddings\.weight$/, '_embeddings.embeddings'],
  [/LayerNorm\.weight$/, 'LayerNorm.gamma'],
  [/LayerNorm\.bias$/, 'LayerNorm.beta'],
];

/**
 * Weights of a BERT that PyTorch has exported to ONNX, under the zoo's names. Parameters keep their names in such a file, but the kernels of dense
 * layers, which it holds transposed to [in, out], are numbered: they go by the name of the product that reads them.
 *
 * @param prefix of the model within what was exported: `model.0.auto_model`
 * @throws NncfError `CORRUPT_FILE` when the file is no ONNX model or a weight is no 32-bit float
 */
export function bertWeightsOfOnnx(bytes: Uint8Array, prefix: string, file: string): readonly NamedTensor[] {
  const { initializer = [], node = [] } = graphOf(bytes, file);
  const readers = new Map((node ?? []).flatMap((each) => (each.opType === 'MatMul' ? [[each.input?.[1] ?? '', each] as const] : [])));
  return (initializer ?? []).flatMap((tensor): NamedTensor[] => {
    const name = nameOf(tensor.name ?? '', prefix, readers);
    return name === undefined ? [] : [[name, contentOf(tensor, file)]];
  });
}

function graphOf(bytes: Uint8Array, file: string): Proto.IGraphProto {
  try {
    return onnxProto.onnx.ModelProto.decode(bytes).graph ?? {};
  } catch (cause) {
    throw corruptFile(file, 'it is no ONNX model', cause);
  }
}

function nameOf(name: string, prefix: string, readers: ReadonlyMap<string, Proto.INodeProto>): string | undefined {
  if (name.startsWith(`${prefix}.`)) {
    const own = name.slice(prefix.length + 1);
    return RENAMED.reduce((result, [end, better]) => result.replace(end, better), own);
  }
  // The node of the product is called by the path of its module: /model/model.0/auto_model/encoder/layer.0/output/dense/MatMul
  const path = readers.get(name)?.output?.[0]?.replaceAll('/', '.') ?? '';
  const start = path.indexOf(`.${prefix.split('.').at(-1)}.`);
  const [, layer] = /^\.[^.]+\.(.+)\.MatMul_output_0$/.exec(path.slice(start)) ?? [];
  return start < 0 || layer === undefined ? undefined : `${layer}.kernel`;
}

function contentOf({ name, dims, dataType, rawData }: Proto.ITensorProto, file: string): SafetensorsTensor {
  if (dataType !== FLOAT || rawData === null || rawData === undefined) throw corruptFile(file, `${name ?? ''} does not hold 32-bit floats`);
  // A copy of its own: what was decoded lies anywhere in the file.
  const data = new Float32Array(new Uint8Array(rawData).buffer);
  return { dtype: 'F32', shape: (dims ?? []).map(Number), data };
}
