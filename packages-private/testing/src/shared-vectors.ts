import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';

const folder = process.env['NNCF_SHARED'] ?? join(import.meta.dirname, '../../../../shared');
const file = join(folder, 'docs/vectors.json');

/** Declares tests on the vectors that lie beside the repository; where they do not, one test that says so and is skipped. */
export function withSharedVectors<Vectors>(declare: (vectors: Vectors) => void): void {
  if (existsSync(file)) declare(JSON.parse(readFileSync(file, 'utf8')) as Vectors);
  else
    describe('the shared vectors', () => it('are there', ({ skip }) => skip(`${file} does not exist (NNCF_SHARED names another folder)`)));
}
