/**
 * The kernel map: the one place that reaches under TensorFlow.js's typed surface. It runs TensorFlow's operations by name on tfjs-node, and
 * exchanges entries of the kernel and gradient registries in a way that can be undone.
 */
import * as tf from '@tensorflow/tfjs-core';
import { notNative } from './errors.ts';

/** A value of an operation's attribute, tagged with TensorFlow's attribute type. */
export type NativeAttribute =
  | { readonly type: tf.DataType }
  | { readonly float: number }
  | { readonly int: number | readonly number[] }
  | { readonly bool: boolean }
  | { readonly string: string };

/** Attributes of a TensorFlow operation by name, e.g. `{ T: { type: 'float32' }, epsilon: { float: 1e-3 } }`. */
export type NativeAttributes = Readonly<Record<string, NativeAttribute>>;

/** What the addon wants for an attribute. */
interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean | string | readonly number[];
}

/** The part of tfjs-node's backend that is used here. */
interface NativeBackend {
  readonly binding: Readonly<Record<string, number>> & { readonly TF_Version: string };
  readonly isUsingGpuDevice: boolean;
  executeMultipleOutputs(name: string, attributes: readonly OpAttribute[], inputs: readonly tf.TensorInfo[], outputs: number): tf.Tensor[];
}

const NATIVE = 'tensorflow';

/** Attributes are module constants in the hot kernels, so their translation is kept. */
const translated = new WeakMap<NativeAttributes, OpAttribute[]>();

function asNative(backend: object): NativeBackend | undefined {
  return 'executeMultipleOutputs' in backend && 'binding' in backend ? (backend as unknown as NativeBackend) : undefined;
}

function dataTypeCode(backend: NativeBackend, dtype: tf.DataType): number {
  const names: Record<tf.DataType, string> = {
    float32: 'TF_FLOAT',
    int32: 'TF_INT32',
    bool: 'TF_BOOL',
    complex64: 'TF_COMPLEX64',
    string: 'TF_STRING',
  };
  return backend.binding[names[dtype]] ?? 0;
}

function translateOne(backend: NativeBackend, name: string, attribute: NativeAttribute): OpAttribute {
  const code = (kind: string): number => backend.binding[`TF_ATTR_${kind}`] ?? 0;
  if ('type' in attribute) return { name, type: code('TYPE'), value: dataTypeCode(backend, attribute.type) };
  if ('float' in attribute) return { name, type: code('FLOAT'), value: attribute.float };
  if ('int' in attribute) return { name, type: code('INT'), value: attribute.int };
  if ('bool' in attribute) return { name, type: code('BOOL'), value: attribute.bool };
  return { name, type: code('STRING'), value: attribute.string };
}

function translate(backend: NativeBackend, attributes: NativeAttributes): OpAttribute[] {
  const known = translated.get(attributes);
  if (known !== undefined) return known;
  const made = Object.entries(attributes).map(([name, attribute]) => translateOne(backend, name, attribute));
  translated.set(attributes, made);
  return made;
}

/** True while tfjs-node (or tfjs-node-gpu) is the backend in use, so that {@link nativeOp} works. */
export function isNative(): boolean {
  return tf.getBackend() === NATIVE && asNative(tf.backend()) !== undefined;
}

/** True on tfjs-node-gpu with a GPU in use. */
export function isNativeGpu(): boolean {
  return tf.getBackend() === NATIVE && asNative(tf.backend())?.isUsingGpuDevice === true;
}

/** Version of the TensorFlow library under tfjs-node, e.g. `2.21.0`; undefined on other backends. */
export function nativeVersion(): string | undefined {
  return tf.getBackend() === NATIVE ? asNative(tf.backend())?.binding.TF_Version : undefined;
}

/**
 * Runs one TensorFlow operation by name on tfjs-node. It is not recorded on the gradient tape: call it inside a kernel, a `tf.customGrad`, or a
 * gradient function.
 *
 * @param name Operation as TensorFlow calls it, e.g. `FakeQuantWithMinMaxVars`.
 * @param attributes Its attributes; pass the same object each time, its translation is cached.
 * @param inputs Its inputs in order.
 * @param outputs Number of outputs.
 * @returns The outputs, tracked by the surrounding `tf.tidy`.
 * @throws NncfError `BACKEND_NOT_NATIVE` on other backends. TensorFlow's own message where the operation refuses its arguments.
 */
export function nativeOp(name: string, attributes: NativeAttributes, inputs: readonly tf.TensorInfo[], outputs = 1): tf.Tensor[] {
  const backend = tf.getBackend() === NATIVE ? asNative(tf.backend()) : undefined;
  if (backend === undefined) throw notNative(name, tf.getBackend());
  return backend.executeMultipleOutputs(name, translate(backend, attributes), inputs, outputs);
}

/** {@link nativeOp} for operations with one output. */
export function nativeOp1(name: string, attributes: NativeAttributes, inputs: readonly tf.TensorInfo[]): tf.Tensor {
  const [output] = nativeOp(name, attributes, inputs, 1);
  if (output === undefined) throw notNative(name, tf.getBackend());
  return output;
}

/** True where the backend in use has a kernel of this name. */
export function hasKernel(kernelName: string): boolean {
  return tf.getKernel(kernelName, tf.getBackend()) != null;
}

/** Runs a kernel through the engine, on the tape when gradients are wanted; for kernels with several outputs. */
export function runKernels(kernelName: string, inputs: tf.NamedTensorInfoMap, attributes: tf.NamedAttrMap = {}): tf.Tensor[] {
  const result: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(kernelName, inputs as unknown as tf.NamedTensorMap, attributes);
  return Array.isArray(result) ? result : [result];
}

/** Runs a kernel with one output through the engine. */
export function runKernel(kernelName: string, inputs: tf.NamedTensorInfoMap, attributes: tf.NamedAttrMap = {}): tf.Tensor {
  return tf.engine().runKernel<tf.Tensor>(kernelName, inputs as unknown as tf.NamedTensorMap, attributes);
}

/** Typed view of a kernel's attributes; the kernel's name says what they are. */
export function attributesOf<T extends object>(attributes: tf.NamedAttrMap | undefined): T {
  return (attributes ?? {}) as unknown as T;
}

/** Typed view of a kernel's inputs: tensors, since kernels here are made of TensorFlow.js operations. */
export function inputsOf<K extends string>(inputs: tf.NamedTensorInfoMap): Record<K, tf.Tensor> {
  return inputs as unknown as Record<K, tf.Tensor>;
}

/** Puts a kernel into TensorFlow.js's registry, replacing one of the same name; the returned function puts the old one back. */
function exchangeKernel(config: tf.KernelConfig): () => void {
  const { kernelName, backendName } = config;
  const before = tf.getKernel(kernelName, backendName);
  if (before != null) tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel(config);
  return () => {
    if (tf.getKernel(kernelName, backendName) !== config) return;
    tf.unregisterKernel(kernelName, backendName);
    if (before != null) tf.registerKernel(before);
  };
}

/** {@link exchangeKernel} for the kernels of backends that are loaded: one that loads later would put its own over them. */
export function exchangeKernels(configs: readonly tf.KernelConfig[]): () => void {
  const undo = configs.filter(({ backendName }) => isLoaded(backendName)).map(exchangeKernel);
  return () => undo.reverse().forEach((restore) => restore());
}

/** Whether a backend's package has been loaded. @param engineName as `tf.setBackend` takes it */
export function isLoaded(engineName: string): boolean {
  return tf.findBackendFactory(engineName) != null;
}

/** Puts a gradient into TensorFlow.js's registry, replacing one of the same name; the returned function puts the old one back. */
export function exchangeGradient(config: tf.GradConfig): () => void {
  const { kernelName } = config;
  const before = tf.getGradient(kernelName);
  if (before != null) tf.unregisterGradient(kernelName);
  tf.registerGradient(config);
  return () => {
    if (tf.getGradient(kernelName) !== config) return;
    tf.unregisterGradient(kernelName);
    if (before != null) tf.registerGradient(before);
  };
}

/** The cpu backend advises on first use to install tfjs-node; whoever comes here has chosen, so the advice is left out. */
export function silenceCpuHint(): void {
  const cpu: unknown = tf.findBackend('cpu');
  if (typeof cpu === 'object' && cpu !== null && 'firstUse' in cpu) cpu.firstUse = false;
}
