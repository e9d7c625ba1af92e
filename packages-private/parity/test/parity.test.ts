import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { useBackend } from '@nncf/backend';
import { beforeAll, describe, expect, it } from 'vitest';
import { CASES } from '../src/cases.ts';
import { compare } from '../src/compare.ts';
import { figure, type Figures } from '../src/figures.ts';
import { condense, fixtureFile, fixtureSteps, readFixture } from '../src/fixture.ts';
import { measure, type Measured } from '../src/measure.ts';
import { violations } from '../src/report.ts';
import { createSubject, disposeSubject } from '../src/subject.ts';

beforeAll(() => useBackend({ quiet: true }));

type Halves = { readonly ours: Measured; readonly reference: Figures };

async function halvesOf(each: (typeof CASES)[number]): Promise<Halves> {
  const reference = await readFixture(each);
  const subject = await createSubject(each);
  const measured = measure(subject, reference, fixtureSteps(each));
  disposeSubject(subject);
  return { ours: { ...measured, figures: condense(measured.figures, each) }, reference };
}

describe.each(CASES)('$name', (each) => {
  it('has the figures of NNCF for PyTorch', async () => {
    const { ours, reference } = await halvesOf(each);
    expect(violations({ comparison: compare(ours, reference), ties: ours.ties })).toEqual([]);
  });
});

describe('the comparison', () => {
  const [each] = CASES;
  let halves: Halves;
  beforeAll(async () => {
    halves = await halvesOf(each!);
  });
  const found = (reference: Figures): string[] => violations({ comparison: compare(halves.ours, reference), ties: halves.ours.ties });
  const changed = (name: string, change: (value: number) => number): Figures => {
    const tensor = halves.reference.get(name)!;
    const values = Float32Array.from(tensor.data as Float32Array, change);
    return new Map([...halves.reference, [name, { ...figure(values), shape: tensor.shape }]]);
  };

  it.each([
    ['ranges/relu1/scale', (value: number) => value * (1 + 3e-5), /^ranges of relu1\/scale differ by 3e-5/u],
    ['signed/relu1', (value: number) => 1 - value, /^ranges of relu1 differ by 1e\+0/u],
    ['output/relu1', (value: number) => value * (1 + 3e-5), /^outputs of relu1 differ by 3e-5/u],
    ['gradient/conv1.kernel', (value: number) => value * (1 + 3e-4), /^gradients of conv1\.kernel differ by 3e-4/u],
    ['gradient/relu2/scale', (value: number) => 2 * value, /^gradients of relu2\/scale differ/u],
    ['loss', (value: number) => value + 2e-3, /^losses differ by 2e-3/u],
  ])('sees a difference in %s', (name, change, message) => {
    expect(found(changed(name, change))).toEqual([expect.stringMatching(message)]);
  });

  it('sees a quantizer that stands elsewhere', () => {
    const without = new Map([...halves.reference].filter(([name]) => !name.startsWith('ranges/relu1/')));
    expect(found(without)).toEqual(['ranges/relu1/scale is in one half only']);
  });
});

describe('the fixtures', () => {
  it('are there for every case and for nothing else, and stay small', () => {
    const folder = dirname(fixtureFile(CASES[0]!));
    expect(CASES.filter((each) => !existsSync(fixtureFile(each))).map(({ name }) => name)).toEqual([]);
    const files = readdirSync(folder);
    expect(files).toHaveLength(CASES.length);
    const bytes = files.map((file) => statSync(`${folder}/${file}`).size);
    expect(bytes.reduce((total, size) => total + size, 0)).toBeLessThan(2 ** 20);
  });
});
