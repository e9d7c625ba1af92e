import type { Tensor, Variable } from '@tensorflow/tfjs-core';
import type { LayersModel, layers } from '@tensorflow/tfjs-layers';
import type { InputInfo } from '../config/nncf-config.ts';
import { NncfError } from '../errors.ts';
import type { AroundScope, InputSpec, ModelAdapter } from './model-adapter.ts';

type Layer = layers.Layer;

/** Adapter of `tf.LayersModel`: wraps `call` of every layer instance, nested models included. */
export class LayersAdapter implements ModelAdapter {
  readonly inputs: readonly InputSpec[];
  readonly variables: ReadonlyMap<string, Variable>;
  readonly interceptsRoot = false;
  private readonly model: LayersModel;

  constructor(model: LayersModel, inputInfo: readonly InputInfo[]) {
    this.model = model;
    this.inputs = model.inputs.map(({ sourceLayer, shape, dtype }, i) => ({
      // Not `model.inputNames`, which a Sequential has only after its first use.
      name: sourceLayer.name,
      shape: resolveShape(shape, inputInfo[i]?.sample_size, sourceLayer.name),
      dtype: dtype ?? 'float32',
    }));
    this.variables = collectVariables(model);
  }

  instrument(around: AroundScope): () => void {
    const undo = [overrideCall(this.model, undefined, around)];
    for (const layer of allLayers(this.model)) undo.push(overrideCall(layer, layer.name, around));
    return () => {
      for (const restore of undo.reverse()) restore();
    };
  }

  forward(inputs: readonly Tensor[], training: boolean): readonly Tensor[] {
    const out = this.model.apply([...inputs], { training }) as Tensor | Tensor[];
    return Array.isArray(out) ? out : [out];
  }
}

/** Layers inside a model or a layer that is one; a layer that stands in two places comes once. */
function allLayers(container: object, seen: Set<Layer> = new Set()): Set<Layer> {
  for (const layer of innerLayers(container)) {
    if (seen.has(layer)) continue;
    seen.add(layer);
    allLayers(layer, seen);
  }
  return seen;
}

function innerLayers(container: object): readonly Layer[] {
  return 'layers' in container && Array.isArray(container.layers) ? (container.layers as Layer[]) : [];
}

function overrideCall(layer: Layer, scope: string | undefined, around: AroundScope): () => void {
  const own = Object.getOwnPropertyDescriptor(layer, 'call');
  const call = layer.call.bind(layer);
  const wrapped: Layer['call'] = (inputs, kwargs) => around(scope, isTraining(kwargs), () => call(inputs, kwargs));
  Object.defineProperty(layer, 'call', {
    value: wrapped,
    configurable: true,
    writable: true,
    enumerable: false,
  });
  return () => {
    if (own === undefined) Reflect.deleteProperty(layer, 'call');
    else Object.defineProperty(layer, 'call', own);
  };
}

function isTraining(kwargs: Record<string, unknown> | null | undefined): boolean | undefined {
  const training = kwargs?.['training'];
  return training === undefined ? undefined : training === true;
}

/** Variables by `<layer path>/<weight>`; a shared layer's stand once, under its first path. */
function collectVariables(model: LayersModel): Map<string, Variable> {
  const found = new Map<string, Variable>();
  const seen = new Set<object>();
  const visit = (container: object, path: string): void => {
    for (const layer of innerLayers(container)) {
      const own = path === '' ? layer.name : `${path}/${layer.name}`;
      if (seen.has(layer)) continue;
      seen.add(layer);
      if (innerLayers(layer).length > 0) visit(layer, own);
      else for (const weight of layer.weights) addVariable(found, own, weight.originalName, weight.read() as Variable);
    }
  };
  visit(model, '');
  return found;
}

function addVariable(found: Map<string, Variable>, path: string, originalName: string, variable: Variable): void {
  const base = `${path}/${originalName.split('/').at(-1) ?? 'weight'}`;
  let name = base;
  for (let i = 1; found.has(name); i++) name = `${base}_${i}`;
  found.set(name, variable);
}

/** The declared shape with open sizes filled from `sample_size`, which may be written channels first. */
function resolveShape(declared: readonly (number | null)[], sample: readonly number[] | undefined, name: string): (number | null)[] {
  const given = sample === undefined ? undefined : matchLayout(declared, sample);
  const shape = declared.map((size, axis) => (axis === 0 ? null : (size ?? given?.[axis] ?? null)));
  if (shape.slice(1).includes(null)) throw openInput(name, declared);
  if (given !== undefined && !given.every((size, axis) => axis === 0 || size === shape[axis]))
    throw otherInput(name, declared, sample ?? []);
  return shape;
}

/** `sample` itself, or turned from NCHW to NHWC where only that fits the declared shape. */
function matchLayout(declared: readonly (number | null)[], sample: readonly number[]): readonly number[] {
  const fits = (sizes: readonly number[]): boolean => declared.every((size, axis) => axis === 0 || size === null || size === sizes[axis]);
  const [n = 1, c = 1, h = 1, w = 1] = sample;
  const turned = sample.length === 4 ? [n, h, w, c] : sample;
  return !fits(sample) && fits(turned) ? turned : sample;
}

function openInput(name: string, declared: readonly (number | null)[]): NncfError {
  return new NncfError({
    code: 'INPUT_UNKNOWN',
    message: `The input "${name}" leaves sizes open: [${declared.map((size) => size ?? '?').join(', ')}].`,
    hint: 'Give one size to plan for at /input_info: { "sample_size": [1, 224, 224, 3] }.',
  });
}

function otherInput(name: string, declared: readonly (number | null)[], sample: readonly number[]): NncfError {
  return new NncfError({
    code: 'CONFIG_INVALID',
    message: `/input_info gives [${sample.join(', ')}] for the input "${name}", which is [${declared.map((size) => size ?? '?').join(', ')}].`,
    hint: 'Leave input_info out: the model knows its own sizes.',
  });
}
