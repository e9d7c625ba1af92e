import { dispose, keep, zerosLike, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import type { LayersModel, layers } from '@tensorflow/tfjs-layers';
import type { InputInfo } from '../config/nncf-config.ts';
import { layersInputs } from './layers-inputs.ts';
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
    this.inputs = layersInputs(model, inputInfo);
    this.variables = collectVariables(model);
  }

  /** Layers by name; those of inputs are never called. */
  get parts(): ReadonlyMap<object, string> {
    const layers = [...allLayers(this.model)].filter((layer) => layer.getClassName() !== 'InputLayer');
    return new Map(layers.map((layer) => [layer, layer.name]));
  }

  instrument(around: AroundScope, starts: () => void = () => undefined): () => void {
    const undo = [overrideCall(this.model, undefined, around), onRead(this.model, 'outputs', starts)];
    for (const layer of allLayers(this.model)) undo.push(overrideCall(layer, layer.name, around));
    return () => {
      for (const restore of undo.reverse()) restore();
    };
  }

  unbound(): () => void {
    const undo = [...allLayers(this.model)].flatMap((layer) => [withZeroState(layer as BoundLayer), withAnyBatch(layer as BoundLayer)]);
    return () => {
      for (const restore of undo) restore();
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

/**
 * Tells when a property is read. `fit`, `predict` and `evaluate` of TensorFlow.js do not go through `call` of the model; all read
 * its outputs right before they run its layers.
 */
function onRead<Target extends object>(target: Target, key: keyof Target, read: () => void): () => void {
  const own = Object.getOwnPropertyDescriptor(target, key);
  let value = target[key];
  Object.defineProperty(target, key, {
    get: () => (read(), value),
    set: (other: Target[typeof key]) => {
      value = other;
    },
    configurable: true,
    enumerable: own?.enumerable ?? true,
  });
  return () => Object.defineProperty(target, key, { ...own, value });
}

/** Fields of tfjs-layers that a pass depends on besides its input. */
interface BoundLayer {
  /** Declared input; another batch size makes TensorFlow.js warn. */
  batchInputShape?: readonly (number | null)[] | null;
  /** Of a recurrent layer; tensors where it goes on in each batch where it stopped in the last. */
  states?: (Tensor | null)[];
}

function withZeroState(layer: BoundLayer): () => void {
  const own = layer.states?.filter((state) => state !== null) ?? [];
  if (own.length === 0) return () => undefined;
  layer.states = own.map((state) => keep(zerosLike(state)));
  return () => {
    dispose(layer.states as Tensor[]);
    layer.states = own;
  };
}

function withAnyBatch(layer: BoundLayer): () => void {
  const own = layer.batchInputShape;
  if (own == null) return () => undefined;
  layer.batchInputShape = [null, ...own.slice(1)];
  return () => {
    layer.batchInputShape = own;
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
