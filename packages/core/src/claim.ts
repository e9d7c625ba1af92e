import { NncfError } from './errors.ts';
import { isLayersModel, type CompressibleModel, type ModelAdapter } from './graph/model-adapter.ts';

/** Whose compression an object takes part in. */
interface Owner {
  readonly model: object;
  readonly name: string;
}

/** Models that are compressed now, and their layers: a second compression would trace the first one's operators. */
const owners = new WeakMap<object, Owner>();

/**
 * Marks a model and its layers as compressed.
 *
 * @returns gives them free
 * @throws NncfError `ALREADY_COMPRESSED` that names the layer and the other model; nothing is marked then
 */
export function claim(model: CompressibleModel, adapter: ModelAdapter): () => void {
  const owner = { model, name: isLayersModel(model) ? model.name : 'functional code' };
  const parts = new Map<object, string>([[model, owner.name], ...(adapter.parts ?? [])]);
  for (const [part, name] of parts) {
    const other = owners.get(part);
    if (other !== undefined) throw other.model === model ? twice(owner.name) : shared(name, owner.name, other.name);
  }
  for (const part of parts.keys()) owners.set(part, owner);
  return () => {
    for (const part of parts.keys()) owners.delete(part);
  };
}

function twice(name: string): NncfError {
  return new NncfError({
    code: 'ALREADY_COMPRESSED',
    message: `The model "${name}" is compressed already.`,
    hint: 'List all methods in one configuration, or call remove() first.',
  });
}

function shared(part: string, model: string, other: string): NncfError {
  return new NncfError({
    code: 'ALREADY_COMPRESSED',
    message: `"${part}" of the model "${model}" also belongs to the model "${other}", which is compressed already.`,
    hint: `Compress one model that holds both, or call remove() on the compression of "${other}" first.`,
  });
}
