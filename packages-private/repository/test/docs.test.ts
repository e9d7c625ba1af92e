import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const PAGES = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
/** Inside this package, so that the code of the pages finds all that a user would have installed. */
const SCRATCH = join(import.meta.dirname, '../.docs');

const textOf = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

const links = (page: string): string[] =>
  [...textOf(page).matchAll(/\]\(([^)\s]+)\)/gu)]
    .map((match) => match[1] ?? '')
    .filter((link) => !/^[a-z]+:/u.test(link) && !link.startsWith('#'));

const codeBlocks = (page: string): string[] => [...textOf(page).matchAll(/^```ts\n([\s\S]*?)^```/gmu)].map((match) => match[1] ?? '');

describe.each(PAGES)('%s', (page) => {
  it('links to files that exist', () => {
    const dead = links(page).filter((link) => !existsSync(join(ROOT, dirname(page), link.split('#')[0] ?? '')));
    expect(dead).toEqual([]);
  });
});

describe('code of the pages', () => {
  afterAll(() => rmSync(SCRATCH, { recursive: true, force: true }));

  it('is typed rightly', () => {
    rmSync(SCRATCH, { recursive: true, force: true });
    mkdirSync(SCRATCH, { recursive: true });
    for (const page of PAGES) {
      codeBlocks(page).forEach((code, i) =>
        writeFileSync(join(SCRATCH, `${page.replaceAll(/[/.]/gu, '_')}_${i}.ts`), `${code}\nexport {};\n`),
      );
    }
    const config = {
      extends: relative(SCRATCH, join(ROOT, 'tsconfig.base.json')),
      compilerOptions: { isolatedDeclarations: false, lib: ['ES2023', 'DOM'] },
      include: ['*.ts'],
    };
    writeFileSync(join(SCRATCH, 'tsconfig.json'), JSON.stringify(config));
    expect(typeCheck()).toBe('');
  });
});

function typeCheck(): string {
  try {
    execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', join(SCRATCH, 'tsconfig.json')], { encoding: 'utf8' });
    return '';
  } catch (error) {
    return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
  }
}
