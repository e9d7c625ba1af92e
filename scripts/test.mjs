/**
 * `npm test`: all the set-up of a fresh clone, then every check. The last line on standard output is `N passed, N failed`: tests, and one
 * for each of the other checks. NNCF_TEST picks parts, separated by commas: `NNCF_TEST=lint,unit npm test`; what follows `--` goes to vitest.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { build, pack } from './pack.mjs';
import { setup } from './setup.mjs';
import { publicPackages, run } from './workspace.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'nncf-test-'));

/** Passed and failed tests of a part. @typedef {{ passed: number, failed: number }} Count */

/** A command that passes with exit code 0. @returns {Count} */
function check(command, args, options) {
  return run(command, args, options) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

function add(counts) {
  const sum = (key) => counts.reduce((total, count) => total + count[key], 0);
  return { passed: sum('passed'), failed: sum('failed') };
}

/** What would be published: entry points, types, files. */
function checkPackage(folder) {
  const tarball = pack(basename(folder), scratch);
  const counts = [
    check('publint', ['run', tarball, '--strict'], { quiet: true }),
    check('attw', [tarball, '--profile', 'esm-only', '--no-emoji'], { quiet: true }),
  ];
  console.info(`${basename(tarball)}: ${add(counts).failed === 0 ? 'publint and attw have no complaint' : 'see above'}`);
  return add(counts);
}

/** Counts a vitest report; a file that could not be loaded counts as one failure. */
function countTests(report) {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const broken = testResults.filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0).length;
  return { passed: numPassedTests, failed: numFailedTests + broken };
}

function unitTests() {
  const report = join(scratch, 'vitest.json');
  const status = run('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)]);
  const count = countTests(report);
  return status !== 0 && count.failed === 0 ? { ...count, failed: 1 } : count;
}

const PARTS = {
  lint: () => check('oxlint', ['--deny-warnings']),
  format: () => check('oxfmt', ['--check', '.']),
  types: () => check('tsc', ['-p', 'tsconfig.json']),
  knip: () => check('knip', ['--no-progress']),
  build: () => (build(), { passed: 1, failed: 0 }),
  packages: () => (build(), add(publicPackages().map(checkPackage))),
  unit: unitTests,
};

/** A part that throws counts as one failure, and the others run all the same. */
function runPart(name) {
  const started = performance.now();
  console.info(`\n── ${name}`);
  let count = { passed: 0, failed: 1 };
  try {
    count = PARTS[name]();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
  console.info(`── ${name}: ${count.failed === 0 ? 'passed' : 'FAILED'} in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return count;
}

function chosenParts() {
  const wanted = (process.env.NNCF_TEST ?? '').split(',').filter((name) => name !== '');
  const unknown = wanted.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) throw new Error(`NNCF_TEST has no part "${unknown}"; there are ${Object.keys(PARTS).join(', ')}.`);
  return wanted.length === 0 ? Object.keys(PARTS) : wanted;
}

let total = { passed: 0, failed: 1 };
try {
  const parts = chosenParts();
  setup();
  total = add(parts.map(runPart));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = total.failed === 0 ? 0 : 1;
console.log(`${total.passed} passed, ${total.failed} failed`);
