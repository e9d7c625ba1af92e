/**
 * Fake quantization beside TensorFlow's own: milliseconds for 4,194,304 values (16 MB), and how many numbers differ from the formula.
 *
 *     pnpm exec tsx --conditions=nncf-source packages/quantization/bench/fake-quantize.ts
 */
import { isNative, nativeOp, nativeOp1, type NativeAttributes, useBackend } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import { fakeQuantizeSymmetricLevels } from '../src/fake-quantize.ts';
import { symmetricLevels } from '../src/levels.ts';

const SHAPE: [number, number] = [65536, 64];
const SCALE = 1.7;
const ROUNDS = 15;
const FAKE_QUANT: NativeAttributes = { num_bits: { int: 8 }, narrow_range: { bool: true } };
const QUANTIZE_DEQUANTIZE: NativeAttributes = {
  T: { type: 'float32' },
  num_bits: { int: 8 },
  signed_input: { bool: true },
  range_given: { bool: true },
  narrow_range: { bool: true },
  round_mode: { string: 'HALF_TO_EVEN' },
  axis: { int: -1 },
};

type Candidate = (x: tf.Tensor) => tf.Tensor;

await useBackend();
const signed = symmetricLevels({ bits: 8, narrowRange: true });
const unsigned = symmetricLevels({ bits: 8, signed: false });
const scale = tf.scalar(SCALE);
const scales = tf.fill([SHAPE[1]], SCALE);
const x = tf.randomNormal(SHAPE, 0, 1, 'float32', 7);
const upstream = tf.randomNormal(SHAPE, 0, 1, 'float32', 8);

const ours =
  (parameter: tf.Tensor, levels = signed): Candidate =>
  (input) =>
    fakeQuantizeSymmetricLevels(input, parameter, levels);
const forward: Record<string, Candidate> = {
  'signed, per tensor': ours(scale),
  'unsigned, per tensor': ours(scale, unsigned),
  'signed, per channel': ours(scales),
  ...(isNative() ? nativeCandidates() : {}),
};
const withGradient: Record<string, Candidate> = {
  'signed, per tensor': gradient(ours(scale), scale),
  'unsigned, per tensor': gradient(ours(scale, unsigned), scale),
  'signed, per channel': gradient(ours(scales), scales),
};

console.log(`${tf.getBackend()}, ${x.size} values, milliseconds: best and median of ${ROUNDS}, all candidates in turn`);
report('forward', forward);
report('forward and gradient', withGradient);
if (isNative()) compare(nativeCandidates());

function nativeCandidates(): Record<string, Candidate> {
  const [low, high] = [tf.scalar(-SCALE), tf.scalar(SCALE)];
  return {
    FakeQuantWithMinMaxVars: (input) => nativeOp1('FakeQuantWithMinMaxVars', FAKE_QUANT, [input, low, high]),
    QuantizeAndDequantizeV4: (input) => nativeOp1('QuantizeAndDequantizeV4', QUANTIZE_DEQUANTIZE, [input, low, high]),
    FakeQuantWithMinMaxVarsGradient: (input) =>
      nativeOp('FakeQuantWithMinMaxVarsGradient', FAKE_QUANT, [upstream, input, low, high], 3)[0]!,
  };
}

function gradient(quantize: Candidate, parameter: tf.Tensor): Candidate {
  const byBoth = tf.grads((input, _parameter) => quantize(input!));
  return (input) => byBoth([input, parameter], upstream)[0]!;
}

function report(title: string, candidates: Record<string, Candidate>): void {
  const times = new Map(Object.keys(candidates).map((name) => [name, [] as number[]]));
  for (let round = -3; round < ROUNDS; round++) {
    for (const [name, candidate] of Object.entries(candidates)) {
      const elapsed = milliseconds(candidate);
      if (round >= 0) times.get(name)!.push(elapsed);
    }
  }
  for (const [name, elapsed] of times) {
    const sorted = elapsed.toSorted((a, b) => a - b);
    console.log(`${title.padEnd(22)}${name.padEnd(34)}${sorted[0]!.toFixed(2).padStart(8)}${sorted[ROUNDS >> 1]!.toFixed(2).padStart(8)}`);
  }
}

function milliseconds(candidate: Candidate): number {
  const start = performance.now();
  tf.tidy(() => void candidate(x));
  return performance.now() - start;
}

function compare(candidates: Record<string, Candidate>): void {
  const exact = ours(scale)(x).dataSync();
  for (const name of ['FakeQuantWithMinMaxVars', 'QuantizeAndDequantizeV4']) {
    const other = candidates[name]!(x).dataSync();
    const different = exact.filter((value, i) => value !== other[i]).length;
    const moved = exact.filter((value, i) => Math.abs(value - other[i]!) > SCALE / 254).length;
    console.log(`${name}: ${different} numbers differ, ${moved} of them by a quantum`);
  }
}
