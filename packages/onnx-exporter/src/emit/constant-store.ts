import type { OnnxDataType, TypedArray } from '@nncf/core';
import type { OnnxInitializer } from './onnx-graph.ts';

/** Initializers of a file, equal ones stored once. */
export class ConstantStore {
  private readonly byContents = new Map<string, OnnxInitializer[]>();
  private readonly byName = new Map<string, OnnxInitializer>();
  private readonly freeName: (wanted: string) => string;

  /** @param freeName makes a name unique within the file */
  constructor(freeName: (wanted: string) => string) {
    this.freeName = freeName;
  }

  /** Stores a tensor, returns its name: the wanted one, or one made from it. */
  add(data: TypedArray, shape: readonly number[], type: OnnxDataType, wanted = 'const'): string {
    const key = `${type}[${shape.join(',')}]${checksum(data)}`;
    const alike = this.byContents.get(key) ?? [];
    const same = alike.find((initializer) => equal(initializer.data, data));
    if (same !== undefined) return same.name;
    const initializer = { name: this.freeName(wanted), type, shape: [...shape], data };
    this.byContents.set(key, [...alike, initializer]);
    this.byName.set(initializer.name, initializer);
    return initializer.name;
  }

  /** The initializer with this name. */
  get(name: string): OnnxInitializer | undefined {
    return this.byName.get(name);
  }

  /** All initializers by name. */
  all(): ReadonlyMap<string, OnnxInitializer> {
    return this.byName;
  }
}

/** FNV-1a over at most some hundred bytes spread over the tensor: equality is checked afterwards anyway. */
function checksum(data: TypedArray): number {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // An odd step visits every byte of an element in turn.
  const step = Math.max(Math.floor(bytes.length / 512), 1) | 1;
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i += step) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193);
  return hash >>> 0;
}

// Object.is, so that −0 and NaN are kept as they are.
function equal(a: TypedArray, b: TypedArray): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
