import { unzipSync } from 'fflate';
import { Dataset, File, FS, Group, ready, type Entity } from 'h5wasm/node';
import type { ForeignTensor, ForeignTensors } from './foreign-tensors.ts';

/** Member of a `.keras` archive that holds the weights. */
const WEIGHTS = 'model.weights.h5';

/** Variables of layers whose class Keras 3 tells by the name of their group, in the order in which they are numbered there. */
const VARIABLES: readonly (readonly [group: RegExp, byCount: Readonly<Record<number, readonly string[]>>])[] = [
  [/^(conv|depthwise_conv|dense)/, { 1: ['kernel'], 2: ['kernel', 'bias'] }],
  [/^batch_normalization/, { 3: ['beta', 'moving_mean', 'moving_variance'], 4: ['gamma', 'beta', 'moving_mean', 'moving_variance'] }],
];

/** Tensors of a `.keras` archive of Keras 3. */
export function kerasArchiveTensors(bytes: Uint8Array): Promise<ForeignTensors> {
  const weights = unzipSync(bytes, { filter: ({ name }) => name === WEIGHTS })[WEIGHTS];
  if (weights === undefined) throw new Error(`the archive has no ${WEIGHTS}`);
  return kerasTensors(weights);
}

/** Tensors of an HDF5 file of Keras: of `save` or `save_weights` in Keras 2, `.weights.h5` of Keras 3. */
export async function kerasTensors(bytes: Uint8Array): Promise<ForeignTensors> {
  if (!SIGNATURE.every((byte, at) => bytes[at] === byte)) throw new Error('it is no HDF5 file');
  await ready;
  // The library reads from its own file system, which lies in memory.
  const path = `/weights-${count++}.h5`;
  FS!.writeFile(path, bytes);
  try {
    return tensorsOf(new File(path, 'r'));
  } finally {
    FS!.unlink(path);
  }
}

/** First bytes of every HDF5 file. */
const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

let count = 0;

function tensorsOf(file: File): ForeignTensors {
  try {
    const root = groupAt(file, 'model_weights') ?? file;
    const numbered = groupAt(root, 'layers');
    const tensors = numbered === undefined ? namedTensors(root) : numberedTensors(numbered);
    if (tensors.length === 0) throw new Error('there are no layers of Keras in it');
    return new Map(tensors);
  } finally {
    file.close();
  }
}

type Named = readonly [name: string, tensor: ForeignTensor];

/** Keras 2: a group for each layer, whose attribute `weight_names` says where its variables lie below it. */
function namedTensors(root: Group): Named[] {
  return groupsOf(root).flatMap(([layer, group]) =>
    strings(group.attrs['weight_names']?.value).map((path): Named => {
      const variable = path.replace(/:\d+$/, '').split('/').at(-1) ?? '';
      return [`${plain(layer)}/${variable.replace('depthwise_kernel', 'kernel')}`, tensorAt(group, path)];
    }),
  );
}

/** Keras 3: groups numbered by class, the layer's name in an attribute, variables numbered too. */
function numberedTensors(layers: Group): Named[] {
  return groupsOf(layers).flatMap(([groupName, group]) => {
    const variables = groupAt(group, 'vars');
    const places = variables === undefined ? [] : variables.keys();
    const names = VARIABLES.find(([pattern]) => pattern.test(groupName))?.[1][places.length];
    const [layer = groupName] = strings(variables?.attrs['name']?.value);
    return variables === undefined || names === undefined
      ? []
      : names.map((name, place): Named => [`${plain(layer)}/${name}`, tensorAt(variables, String(place))]);
  });
}

/** Names of layers have no groups in them: `conv1/conv` of older files is `conv1_conv` of newer ones. */
function plain(layer: string): string {
  return layer.replaceAll('/', '_');
}

/** Groups below one, those of nested names (`conv1/conv`) too: down to where variables are named. */
function groupsOf(parent: Group, prefix = ''): [name: string, group: Group][] {
  return parent.keys().flatMap((key): [string, Group][] => {
    const child = entityAt(parent, key);
    if (!(child instanceof Group)) return [];
    const name = `${prefix}${key}`;
    const isLayer = 'weight_names' in child.attrs || child.keys().includes('vars');
    return isLayer ? [[name, child]] : groupsOf(child, `${name}/`);
  });
}

function groupAt(parent: Group, name: string): Group | undefined {
  const child = parent.keys().includes(name) ? entityAt(parent, name) : null;
  return child instanceof Group ? child : undefined;
}

function entityAt(parent: Group, path: string): Entity | null {
  return parent.get(path);
}

function tensorAt(group: Group, path: string): ForeignTensor {
  const dataset = entityAt(group, path);
  if (!(dataset instanceof Dataset)) throw new Error(`${group.path}/${path} is not there`);
  const { value, shape } = dataset;
  if (!(value instanceof Float32Array)) throw new Error(`${group.path}/${path} holds no 32-bit floating-point numbers`);
  return { shape: shape ?? [], data: value };
}

function strings(value: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((each): each is string => typeof each === 'string');
}
