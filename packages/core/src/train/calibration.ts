import { dispose, tidy, type Tensor } from '@tensorflow/tfjs-core';
import type { CalibrationRun, InitializeContext, LabelledBatch, NodeObserver } from '../algorithm/definition.ts';
import { NncfError } from '../errors.ts';
import type { InputSpec, ModelAdapter } from '../graph/model-adapter.ts';
import { labelledBatch, type TaskLoss } from './labelled-batches.ts';

/** One batch: the inputs, or inputs with labels as `[xs, ys]` or `{ xs, ys }`. */
export type CalibrationBatch = Tensor | readonly unknown[] | { readonly xs: unknown; readonly ys?: unknown };

/** Batches from an array, a generator, an async generator, or a `tf.data.Dataset`. */
export type CalibrationData<Batch = CalibrationBatch> =
  | Iterable<Batch>
  | AsyncIterable<Batch>
  | {
      iterator(): Promise<{
        next(): Promise<{ readonly value: unknown; readonly done?: boolean }>;
      }>;
    };

/** Says how far an initialization is. */
export type Progress = (stage: string, done: number, total: number) => void;

/** A model that calibration data are run through. */
export interface CalibrationSubject {
  readonly adapter: ModelAdapter;
  /** Lets observers look on until the returned function is called. */
  readonly observe: (observers: readonly NodeObserver[]) => () => void;
}

/**
 * Makes the context in which algorithms look at data.
 *
 * Batches of an array stay the caller's; those of a generator or of a `tf.data.Dataset` are disposed after use, as
 * `fitDataset` does.
 */
export async function calibrationContext(
  subject: CalibrationSubject,
  data: CalibrationData | undefined,
  progress: Progress,
  loss?: TaskLoss<never>,
): Promise<InitializeContext> {
  const batchSize = data === undefined ? 0 : await firstBatchSize(subject.adapter, data);
  return {
    hasData: data !== undefined,
    batchSize,
    progress,
    run: async (options) => {
      const count = data === undefined ? 0 : await runObserved(subject, data, options);
      if (count === 0 && options.maxBatches > 0) throw noData();
      return count;
    },
    labelledBatches: loss && ((samples) => keepLabelled(subject.adapter, data ?? [], loss, samples)),
  };
}

async function keepLabelled(
  adapter: ModelAdapter,
  data: CalibrationData,
  loss: TaskLoss<never>,
  samples: number,
): Promise<readonly LabelledBatch[]> {
  const kept: LabelledBatch[] = [];
  try {
    for await (const batch of batches(data)) {
      checkedInputs(adapter, batch, kept.length);
      kept.push(labelledBatch(adapter, batch, (copy) => inputsOf(copy, namesOf(adapter)), loss));
      if (kept.reduce((sum, each) => sum + each.samples, 0) >= samples) break;
    }
  } catch (error) {
    for (const each of kept) each.dispose();
    throw error;
  }
  if (kept.length === 0) throw noData();
  return kept;
}

async function runObserved({ adapter, observe }: CalibrationSubject, data: CalibrationData, run: CalibrationRun): Promise<number> {
  const release = observe(run.observers ?? []);
  try {
    return await runBatches(adapter, data, run);
  } finally {
    release();
  }
}

async function runBatches(adapter: ModelAdapter, data: CalibrationData, run: CalibrationRun): Promise<number> {
  let count = 0;
  for await (const batch of batches(data)) {
    if (count >= run.maxBatches) break;
    const inputs = checkedInputs(adapter, batch, count);
    for (let pass = 0; pass < (run.passes ?? 1); pass++) {
      run.beforePass?.(pass, count);
      forward(adapter, inputs, run, pass);
    }
    count++;
    if (run.onBatch?.(count - 1, inputs[0]?.shape[0] ?? 0) === 'stop') break;
  }
  return count;
}

function forward(adapter: ModelAdapter, inputs: readonly Tensor[], { training = false, onOutputs }: CalibrationRun, pass: number): void {
  tidy(() => {
    const outputs = adapter.forward(inputs, training);
    onOutputs?.(outputs, pass);
  });
}

async function firstBatchSize(adapter: ModelAdapter, data: CalibrationData): Promise<number> {
  // A generator gives each batch once: looking at it would lose it.
  if (!Array.isArray(data)) return 0;
  const [first] = data as readonly unknown[];
  return first === undefined ? 0 : (inputsOf(first, namesOf(adapter))[0]?.shape[0] ?? 0);
}

async function* batches(data: CalibrationData): AsyncGenerator<unknown> {
  if (!isStream(data)) throw notAStream(data);
  if ('iterator' in data) yield* fromDataset(data);
  else if (Array.isArray(data)) yield* data;
  else for await (const batch of data as AsyncIterable<unknown>) yield* once(batch);
}

async function* fromDataset(data: {
  iterator(): Promise<{ next(): Promise<{ value: unknown; done?: boolean }> }>;
}): AsyncGenerator<unknown> {
  const iterator = await data.iterator();
  for (let item = await iterator.next(); item.done !== true; item = await iterator.next()) yield* once(item.value);
}

function* once(batch: unknown): Generator<unknown> {
  try {
    yield batch;
  } finally {
    dispose(batch as Tensor);
  }
}

function isStream(data: unknown): boolean {
  return typeof data === 'object' && data !== null && ('iterator' in data || Symbol.iterator in data || Symbol.asyncIterator in data);
}

function notAStream(data: unknown): NncfError {
  return new NncfError({
    code: 'CALIBRATION_INVALID',
    message: `Calibration data come as an array, a generator or a tf.data.Dataset of batches; found ${isTensor(data) ? 'one tensor' : String(data)}.`,
    hint: 'Wrap a single batch: initialize([x]).',
  });
}

const isTensor = (value: unknown): value is Tensor => typeof value === 'object' && value !== null && 'dataSync' in value;

const namesOf = (adapter: ModelAdapter): readonly string[] => adapter.inputs.map(({ name }) => name);

/** The model's inputs out of a batch in any of its forms. */
function inputsOf(batch: unknown, names: readonly string[]): readonly Tensor[] {
  if (isTensor(batch)) return [batch];
  if (Array.isArray(batch)) {
    const [head] = batch as unknown[];
    if (!isTensor(head)) return inputsOf(head, names);
    return (batch as Tensor[]).slice(0, names.length);
  }
  if (typeof batch === 'object' && batch !== null) return 'xs' in batch ? inputsOf(batch.xs, names) : byName(batch, names);
  throw new NncfError({
    code: 'CALIBRATION_INVALID',
    message: `A batch must be a tensor, [xs, ys] or { xs, ys }; found ${batch === null ? 'null' : typeof batch}.`,
    hint: 'Each item that the data set gives is one batch, batch axis first.',
  });
}

/** A record's tensors in the order of the model's inputs, as `fitDataset` reads it. */
function byName(record: object, names: readonly string[]): readonly Tensor[] {
  return names.map((name) => {
    const tensor: unknown = Reflect.get(record, name);
    if (isTensor(tensor)) return tensor;
    throw new NncfError({
      code: 'CALIBRATION_INVALID',
      message: `A batch has no tensor for the input "${name}"; it has ${Object.keys(record).join(', ') || 'nothing'}.`,
      hint: `Name the tensors as the model names its inputs: ${names.join(', ')}.`,
    });
  });
}

/** The inputs of a batch, which an error names by its number from 0. */
function checkedInputs(adapter: ModelAdapter, batch: unknown, index: number): readonly Tensor[] {
  const inputs = inputsOf(batch, namesOf(adapter));
  adapter.inputs.forEach((spec, i) => checkInput(inputs[i], spec, index));
  for (const input of inputs) checkFinite(input, index);
  return inputs;
}

function checkInput(input: Tensor | undefined, { name, shape, dtype, whole }: InputSpec, index: number): void {
  if (input === undefined) throw misfit(index, `has no tensor for the input "${name}"`, 'Give one tensor for every input of the model.');
  const fits = input.shape.length === shape.length && shape.every((size, axis) => size === null || size === input.shape[axis]);
  const wanted = `[${shape.map((size) => size ?? 'any').join(', ')}]`;
  if (!fits)
    throw misfit(index, `has the shape [${input.shape.join(', ')}]; the input "${name}" wants ${wanted}`, 'The first axis is the batch.');
  // Indices come as whole numbers, whatever type the model declares: an Embedding takes both.
  if (input.dtype !== dtype && whole !== true)
    throw misfit(index, `holds ${input.dtype}; the input "${name}" wants ${dtype}`, `Convert it by tf.cast(x, '${dtype}').`);
}

function misfit(index: number, what: string, hint: string): NncfError {
  return new NncfError({ code: 'CALIBRATION_INVALID', message: `Batch ${index} of the calibration data ${what}.`, hint });
}

function checkFinite(input: Tensor, index: number): void {
  if (input.dtype !== 'float32') return;
  const position = input.dataSync().findIndex((x) => !Number.isFinite(x));
  if (position >= 0) throw notFinite(input, position, index);
}

function notFinite(input: Tensor, position: number, index: number): NncfError {
  return new NncfError({
    code: 'DATA_NOT_FINITE',
    message: `Batch ${index} of the calibration data, of shape [${input.shape.join(', ')}], holds ${String(input.dataSync()[position])} at flat position ${position}.`,
    hint: 'Look at the preprocessing: a division by zero or a broken file.',
  });
}

function noData(): NncfError {
  return new NncfError({
    code: 'CALIBRATION_EMPTY',
    message: 'The calibration data gave no batch.',
    hint: 'Give initialize() at least one batch. A generator can be read once only: hand over a fresh one, or an array.',
  });
}
