/**
 * Writes reference-counts.json: the quantizers of NNCF for PyTorch in well-known models.
 *
 *     pnpm --filter @nncf/parity counts
 */
import { join } from 'node:path';
import { runPython } from '../python.ts';

const FOLDER = join(import.meta.dirname, '../..');

runPython('reference_counts.py', [join(FOLDER, 'reference-counts.json'), ...process.argv.slice(2)]);
