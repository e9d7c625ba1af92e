import type { OnnxBuilder } from '@nncf/core';
import { extendOnnx } from '@nncf/onnx-exporter';
import type { Detector } from '@nncf/zoo';
import { CENTRE_SCALE, SIZE_SCALE } from '../ssd/box-coder.ts';
import { selectionOf, type Selection, type SelectionOptions } from '../ssd/selection.ts';

/** What a detector's outputs refer to. */
type Meaning = Pick<Detector, 'anchors' | 'scoring'>;

/**
 * Appends to a detector's file what turns its outputs into boxes: decoding, `NonMaxSuppression` class by class and the choice of the surest, as
 * `selectDetections` does it. The file takes one picture; its outputs are `boxes` `[found, 4]` (top, left, bottom, right as shares of the picture), `scores`
 * `[found]` and `labels` `[found]`, the surest first.
 * @param bytes a file with the detector's two outputs, exported for a batch of one
 */
export function appendDetection(bytes: Uint8Array, { anchors, scoring }: Meaning, options: SelectionOptions = {}): Uint8Array {
  const selection = selectionOf(options);
  return extendOnnx(bytes, (builder, [encodings = '', logits = '']) => {
    const write = writer(builder);
    const boxes = decoded(write, encodings, anchors);
    const scores = write.one(scoring === 'softmax' ? 'Softmax' : 'Sigmoid', [logits], scoring === 'softmax' ? { axis: { int: -1 } } : {});
    // [1, anchors, classes] → [1, classes without the background, anchors]
    const objects = write.one('Slice', [scores, write.int64s([1]), write.int64s([LAST]), write.int64s([2])]);
    const byClass = write.one('Transpose', [objects], { perm: { ints: [0, 2, 1] } });
    const outputs = chosen(write, boxes, byClass, anchors.length / 4, selection);
    return [
      { name: 'boxes', value: outputs.boxes, type: 'FLOAT', shape: ['found', 4] },
      { name: 'scores', value: outputs.scores, type: 'FLOAT', shape: ['found'] },
      { name: 'labels', value: outputs.labels, type: 'INT64', shape: ['found'] },
    ];
  });
}

/** Behind the last element, for a slice. */
const LAST = 2 ** 31 - 1;

type Attributes = NonNullable<Parameters<OnnxBuilder['node']>[2]>['attributes'];

interface Writer {
  readonly builder: OnnxBuilder;
  /** Appends a node with one output. */
  one(op: string, inputs: readonly string[], attributes?: Attributes, name?: string): string;
  int64s(values: readonly number[]): string;
  floats(values: readonly number[] | Float32Array, shape: readonly number[]): string;
}

function writer(builder: OnnxBuilder): Writer {
  return {
    builder,
    one: (op, inputs, attributes = {}) => builder.node(op, inputs, { attributes })[0] ?? '',
    int64s: (values) => builder.constant(values, [values.length], 'INT64'),
    floats: (values, shape) => builder.constant(values, shape, 'FLOAT'),
  };
}

/** Edges `[1, anchors, 4]` of encodings `[1, anchors, 4]`. */
function decoded(write: Writer, encodings: string, anchors: Float32Array): string {
  const count = anchors.length / 4;
  const columns = (from: number, factor: number): string =>
    write.floats(
      Float32Array.from({ length: 2 * count }, (_, place) => factor * anchors[4 * Math.floor(place / 2) + from + (place % 2)]!),
      [1, count, 2],
    );
  const part = (from: number): string => write.one('Slice', [encodings, write.int64s([from]), write.int64s([from + 2]), write.int64s([2])]);
  const middle = write.one('Add', [write.one('Mul', [part(0), columns(2, 1 / CENTRE_SCALE)]), columns(0, 1)]);
  const stretch = write.one('Exp', [write.one('Div', [part(2), write.floats([SIZE_SCALE], [])])]);
  const half = write.one('Mul', [stretch, columns(2, 1 / 2)]);
  return write.one('Concat', [write.one('Sub', [middle, half]), write.one('Add', [middle, half])], { axis: { int: 2 } });
}

/** Suppression, then the surest of what remains. */
function chosen(
  write: Writer,
  boxes: string,
  byClass: string,
  anchors: number,
  { limit, overlapThreshold, scoreThreshold }: Selection,
): { boxes: string; scores: string; labels: string } {
  const { builder, one, int64s, floats } = write;
  const kept = one('NonMaxSuppression', [boxes, byClass, int64s([limit]), floats([overlapThreshold], [1]), floats([scoreThreshold], [1])]);
  const column = (place: number): string =>
    one('Squeeze', [one('Slice', [kept, int64s([place]), int64s([place + 1]), int64s([1])]), int64s([1])]);
  const [classes, places] = [column(1), column(2)];
  const flat = one('Add', [one('Mul', [classes, builder.constant([anchors], [], 'INT64')]), places]);
  const scores = one('Gather', [one('Reshape', [byClass, int64s([-1])]), flat]);
  const count = one('Min', [int64s([limit]), one('Shape', [flat])]);
  const [values = '', order = ''] = builder.node('TopK', [scores, count], { attributes: { axis: { int: 0 } }, outputs: 2 });
  const gathered = one('Gather', [one('Squeeze', [boxes, int64s([0])]), one('Gather', [places, order])]);
  const labels = one('Add', [one('Gather', [classes, order]), builder.constant([1], [], 'INT64')]);
  return { boxes: one('Clip', [gathered, floats([0], []), floats([1], [])]), scores: values, labels };
}
