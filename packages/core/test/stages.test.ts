import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const SOURCE = join(import.meta.dirname, '../src');

/** The stages in the order in which data walks through them. */
const STAGES = ['config', 'engine', 'graph', 'plan', 'algorithm', 'registry', 'patch', 'train', 'state', 'export'];

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

const importsOf = (file: string): string[] =>
  [...readFileSync(join(SOURCE, file), 'utf8').matchAll(/from ["'](\.[^"']+)["']/gu)].map((match) =>
    relative(SOURCE, join(SOURCE, file, '..', match[1] ?? '')),
  );

const stageOf = (file: string): number => STAGES.indexOf(file.split('/')[0] ?? '');

describe('the one-way walk', () => {
  it('has a folder for every stage', () => {
    for (const stage of STAGES) expect(files.some((file) => file.startsWith(`${stage}/`))).toBe(true);
  });

  it('lets no stage import a later one', () => {
    const backwards = files.flatMap((file) =>
      importsOf(file)
        .filter((imported) => stageOf(file) >= 0 && stageOf(imported) > stageOf(file))
        .map((imported) => `${file} imports ${imported}`),
    );
    // Types of one configuration section are looked up by the algorithms' packages, nothing else points forward.
    expect(backwards).toEqual([]);
  });

  it('names no algorithm', () => {
    const named = files.filter((file) =>
      /@nncf\/(quantization|binarization|magnitude-sparsity|rb-sparsity)/u.test(readFileSync(join(SOURCE, file), 'utf8')),
    );
    expect(named).toEqual([]);
  });

  it('touches the engine in one file and the container in one', () => {
    const uses = (pattern: RegExp): string[] => files.filter((file) => pattern.test(readFileSync(join(SOURCE, file), 'utf8')));
    expect(uses(/\bengine\(\)/u)).toEqual(['engine/interceptor.ts']);
    expect(uses(/from ["']tsyringe["']/u)).toEqual(['registry/registry.ts']);
  });
});
