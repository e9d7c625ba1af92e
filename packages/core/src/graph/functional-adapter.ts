import type { Tensor, Variable } from '@tensorflow/tfjs-core';
import type { InputInfo } from '../config/nncf-config.ts';
import { NncfError } from '../errors.ts';
import { elementType } from './input-info.ts';
import type { AroundScope, FunctionalModel, InputSpec, ModelAdapter } from './model-adapter.ts';
import { withScopes } from './scope.ts';

/** Adapter of `{ variables, call }`. It replaces `call` on the object itself, so that every holder of it is served. */
export class FunctionalAdapter implements ModelAdapter {
  readonly inputs: readonly InputSpec[];
  readonly variables: ReadonlyMap<string, Variable>;
  readonly interceptsRoot = true;
  private readonly model: FunctionalModel;

  constructor(model: FunctionalModel, inputInfo: readonly InputInfo[]) {
    if (inputInfo.length === 0) throw inputUnknown();
    this.model = model;
    this.variables = new Map(Object.entries(model.variables));
    this.inputs = inputInfo.map((info, i) => ({
      name: info.keyword ?? `input_${i}`,
      // Plain code may take any size; the sample is one of them.
      shape: info.sample_size.map(() => null),
      sample: info.sample_size.slice(1),
      dtype: elementType(info.type) ?? 'float32',
      filler: info.filler,
    }));
  }

  instrument(around: AroundScope): () => void {
    const own = Object.getOwnPropertyDescriptor(this.model, 'call');
    if (own?.configurable === false || !Object.isExtensible(this.model)) throw frozen();
    const call = this.model.call.bind(this.model);
    const instrumented: FunctionalModel['call'] = (x, options) =>
      around(undefined, options?.training ?? false, () =>
        withScopes(
          (name, f) => around(name, undefined, f),
          () => call(x, options),
        ),
      );
    Object.defineProperty(this.model, 'call', {
      value: instrumented,
      configurable: true,
      writable: true,
      enumerable: true,
    });
    return () => {
      if (own === undefined) Reflect.deleteProperty(this.model, 'call');
      else Object.defineProperty(this.model, 'call', own);
    };
  }

  forward(inputs: readonly Tensor[], training: boolean): readonly Tensor[] {
    // A functional model with several inputs takes them as an array in the place of `x`.
    const x = inputs.length === 1 ? inputs[0] : [...inputs];
    const out = this.model.call(x as Tensor, { training });
    return Array.isArray(out) ? out : [out];
  }
}

function frozen(): NncfError {
  return new NncfError({
    code: 'MODEL_UNSUPPORTED',
    message: 'The functional model is frozen: its `call` cannot be replaced by one with compression in it.',
    hint: 'Give an object that is not frozen or sealed: { ...model }.',
  });
}

function inputUnknown(): NncfError {
  return new NncfError({
    code: 'INPUT_UNKNOWN',
    message: 'A functional model does not tell its input sizes.',
    hint: 'Give them at /input_info: { "sample_size": [1, 32, 32, 3] }, one entry an input.',
  });
}
