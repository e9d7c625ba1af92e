import type { OnnxBuilder } from '@nncf/core';
import onnxProto from 'onnx-proto';
import { GraphBuilder } from './emit/graph-builder.ts';
import type { OnnxNode, OnnxPort } from './emit/onnx-graph.ts';
import { nameTaken, notOnnx } from './errors.ts';
import { encodeInitializer, encodeNode, encodePort } from './proto/encode-model.ts';

const { onnx } = onnxProto;

/** An output of an extended file. */
export interface ExtendedOutput extends OnnxPort {
  /** The value that it is, where that has another name; the output's name must then be free. */
  readonly value?: string;
}

/**
 * Appends operations to an exported file that the model itself cannot have, such as the non-maximum suppression of a detector.
 *
 * @param extend writes nodes that read the model's `outputs` (names, in order) and returns the outputs of the new file
 * @throws NncfError `EXPORT_INVALID` when the bytes are no ONNX model, or when an output is to have the name of another value
 */
export function extendOnnx(
  bytes: Uint8Array,
  extend: (builder: OnnxBuilder, outputs: readonly string[]) => readonly ExtendedOutput[],
): Uint8Array {
  const model = decodeModel(bytes);
  const graph = model.graph ?? {};
  const builder = builderBehind(model);
  const outputs = extend(
    builder,
    (graph.output ?? []).map(({ name }) => name ?? ''),
  );
  const copies = outputs.flatMap(({ name, value }) => (value === undefined ? [] : [copyOf(builder, value, name)]));
  graph.node = [...(graph.node ?? []), ...[...builder.nodes, ...copies].map(encodeNode)];
  graph.initializer = [...(graph.initializer ?? []), ...[...builder.constants.all().values()].map(encodeInitializer)];
  graph.output = outputs.map(encodePort);
  model.opsetImport = [...builder.domains].map(([domain, version]) => ({ domain, version }));
  return onnx.ModelProto.encode(model).finish();
}

function copyOf(builder: GraphBuilder, value: string, name: string): OnnxNode {
  if (builder.reserve(name) !== name) throw nameTaken(name);
  return { name: builder.reserve(`${name}/Identity`), op: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: {} };
}

type Model = ReturnType<typeof onnx.ModelProto.decode>;

function decodeModel(bytes: Uint8Array): Model {
  try {
    const model = onnx.ModelProto.decode(bytes);
    if ((model.graph?.node?.length ?? 0) > 0) return model;
  } catch (cause) {
    throw notOnnx(cause);
  }
  throw notOnnx();
}

/** A builder that knows the names and operator sets which the file has already. */
function builderBehind({ graph, opsetImport }: Model): GraphBuilder {
  const sets = new Map(opsetImport.map(({ domain, version }) => [domain ?? '', Number(version)]));
  const builder = new GraphBuilder(sets.get('') ?? 17, {});
  for (const [domain, version] of sets) builder.useDomain(domain, version);
  for (const { name } of [...(graph?.input ?? []), ...(graph?.initializer ?? [])]) builder.reserve(name ?? '');
  for (const { name, output } of graph?.node ?? []) for (const taken of [name, ...(output ?? [])]) builder.reserve(taken ?? '');
  return builder;
}
