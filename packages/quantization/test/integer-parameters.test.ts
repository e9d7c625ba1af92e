import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { integerParameters, widenHalfRange } from '../src/integer-parameters.ts';
import { asymmetricLevels, symmetricLevels } from '../src/levels.ts';
import { asymmetricGridOf, quantized, roundHalfToEven } from './reference.ts';

describe('integerParameters', () => {
  it.each([
    { levelLow: -128, levelHigh: 127, low: -0.1203568727, high: 0.0571926013, zeroPoint: 45, scale: 0.0006962725 },
    { levelLow: 0, levelHigh: 255, low: 0, high: 1, zeroPoint: 0, scale: 0.0039215689 },
    { levelLow: -127, levelHigh: 127, low: -2.54, high: 2.54, zeroPoint: 0, scale: 0.02 },
    { levelLow: 0, levelHigh: 255, low: -1, high: 2, zeroPoint: 85, scale: 3 / 255 },
    // A range that leaves zero out: the zero point is held to the levels.
    { levelLow: 0, levelHigh: 255, low: 1, high: 2, zeroPoint: 0, scale: 1 / 255 },
  ])('of [$low, $high] on $levelLow to $levelHigh', ({ low, high, levelLow, levelHigh, zeroPoint, scale }) => {
    const parameters = integerParameters({ low: [low], high: [high], levelLow, levelHigh });
    expect([...parameters.zeroPoint]).toEqual([zeroPoint]);
    expect(parameters.scale[0]).toBeCloseTo(scale, 9);
    expect([parameters.levelLow, parameters.levelHigh]).toEqual([levelLow, levelHigh]);
  });

  it('has one of each per channel', () => {
    const { scale, zeroPoint } = integerParameters({
      low: new Float32Array([-1, 0]),
      high: new Float32Array([2, 5.1]),
      levelLow: 0,
      levelHigh: 255,
    });
    expect([...zeroPoint]).toEqual([85, 0]);
    expect([...scale]).toEqual([Math.fround(3 / 255), Math.fround(Math.fround(5.1) / 255)]);
  });

  it('gives back the numbers of the fake quantizer', () => {
    const real = (min: number, max: number): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });
    fc.assert(
      fc.property(real(-5, 5), real(0.1, 5), fc.integer({ min: 2, max: 8 }), real(-6, 6), (inputLow, inputRange, bits, x) => {
        const { levelLow, levelHigh, levels } = asymmetricLevels({ bits });
        const grid = asymmetricGridOf(inputLow, inputRange, levels);
        const { scale, zeroPoint } = integerParameters({ low: [grid.low], high: [grid.low + grid.range], levelLow, levelHigh });
        const y = quantized(x, grid);
        const integer = Math.min(Math.max(roundHalfToEven(y / scale[0]!) + zeroPoint[0]!, levelLow), levelHigh);
        expect((integer - zeroPoint[0]!) * scale[0]!).toBeCloseTo(y, 5);
      }),
      { numRuns: 200, seed: 3 },
    );
  });
});

describe('widenHalfRange', () => {
  it('keeps the quantum and doubles the levels', () => {
    const { levelLow, levelHigh } = symmetricLevels({ bits: 8, signed: true, halfRange: true });
    const wide = widenHalfRange({ low: [-6.4], high: [6.3], levelLow, levelHigh });
    expect([wide.levelLow, wide.levelHigh]).toEqual([-128, 127]);
    expect(wide.low[0]).toBeCloseTo(-12.8, 12);
    expect(wide.high[0]).toBeCloseTo(12.7, 12);
    expect(integerParameters(wide).scale[0]).toBeCloseTo(0.1, 7);
  });

  it('keeps a narrow grid narrow', () => {
    const { levelLow, levelHigh } = symmetricLevels({ bits: 8, signed: true, narrowRange: true, halfRange: true });
    const wide = widenHalfRange({ low: [-6.3], high: [6.3], levelLow, levelHigh });
    expect([wide.levelLow, wide.levelHigh]).toEqual([-127, 127]);
    expect(wide.low[0]).toBeCloseTo(-12.7, 12);
    expect(wide.high[0]).toBeCloseTo(12.7, 12);
  });
});

describe('levels', () => {
  it.each([
    [{ bits: 8, signed: true, narrowRange: true }, -127, 127, 255],
    [{ bits: 8, signed: true }, -128, 127, 256],
    [{ bits: 8 }, -128, 127, 256],
    [{ bits: 8, signed: false }, 0, 255, 256],
    [{ bits: 8, signed: false, narrowRange: true }, 0, 254, 255],
    [{ bits: 2, signed: true, narrowRange: true }, -1, 1, 3],
    [{ bits: 16, signed: true }, -32768, 32767, 65536],
    [{ bits: 8, signed: true, narrowRange: true, halfRange: true }, -63, 63, 127],
    [{ bits: 8, signed: false, halfRange: true }, 0, 127, 128],
  ])('of a symmetric quantizer with %o', (options, levelLow, levelHigh, levels) => {
    expect(symmetricLevels(options)).toEqual({ levelLow, levelHigh, levels });
  });

  it.each([
    [{ bits: 8 }, 255],
    [{ bits: 4 }, 15],
    [{ bits: 8, halfRange: true }, 127],
  ])('of an asymmetric quantizer with %o', (options, levelHigh) => {
    expect(asymmetricLevels(options)).toEqual({ levelLow: 0, levelHigh, levels: levelHigh + 1 });
  });
});
