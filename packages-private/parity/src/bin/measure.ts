/**
 * Measures both halves of every case and compares them, writes the fixtures and the table of docs/parity.md. With parts of names of cases measures
 * those alone.
 *
 *     npm run parity [-- resnet20 …]
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { useBackend, type BackendInfo } from '@nncf/backend';
import { BATCH, CASES, referenceConfigOf, STEPS, type Case } from '../cases.ts';
import { compare } from '../compare.ts';
import { comparable, readFigures, writeInputs } from '../figures.ts';
import { fixtureFile, readOutcome, writeFixture, type Outcome } from '../fixture.ts';
import { measure } from '../measure.ts';
import { runPython } from '../python.ts';
import { markdownTable, violations, withTable, type Row } from '../report.ts';
import { createSubject, disposeSubject, type Subject } from '../subject.ts';
import { END_MARGIN, MARGIN } from '../ties.ts';

const PAGE = join(import.meta.dirname, '../../../../docs/parity.md');

const wanted = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'nncf-parity-'));
try {
  const backend = await useBackend();
  const subjects = await prepare(CASES.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part))));
  runPython('reference.py', [folder]);
  mkdirSync(dirname(fixtureFile(CASES[0]!)), { recursive: true });
  for (const [each, subject] of subjects) await compareCase(each, subject, backend);
  const rows = await allRows();
  console.info(markdownTable(rows));
  writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), rows));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Our halves, and what the other half needs of them in the folder. */
async function prepare(cases: readonly Case[]): Promise<Map<Case, Subject>> {
  const subjects = new Map<Case, Subject>();
  for (const each of cases) {
    const subject = await createSubject(each);
    await writeInputs(folder, each.name, subject);
    subjects.set(each, subject);
  }
  const given = [...subjects].map(([each, { images, learningRate }]) => ({
    name: each.name,
    network: each.network,
    config: referenceConfigOf(each, images.shape.slice(1)),
    batch: BATCH,
    steps: STEPS,
    learningRate,
    margin: MARGIN,
    endMargin: END_MARGIN,
  }));
  writeFileSync(join(folder, 'cases.json'), JSON.stringify(given));
  return subjects;
}

async function compareCase(each: Case, subject: Subject, backend: BackendInfo): Promise<void> {
  const reference = comparable(await readFigures(join(folder, `${each.name}.out.safetensors`)), each);
  const { figures, grids, ties } = measure(subject, reference, STEPS);
  const comparison = compare({ figures: comparable(figures, each), grids, ties }, reference);
  const weights = [...subject.quantizers.values()].filter(({ isWeight }) => isWeight).length;
  const quantizers = { weights, activations: subject.quantizers.size - weights };
  disposeSubject(subject);
  const outcome: Outcome = { quantizers, comparison, ties, measured: versions(backend) };
  await writeFixture(each, reference, outcome);
  const wrong = violations(outcome);
  console.info(`${each.name}: ${wrong.length === 0 ? 'equal' : wrong.join('; ')}`);
  if (wrong.length > 0) process.exitCode = 1;
}

function versions({ name, tensorflow }: BackendInfo): string {
  const { nncf, torch, python } = JSON.parse(readFileSync(join(folder, 'versions.json'), 'utf8')) as Record<string, string>;
  const ours = tensorflow === undefined ? name : `${name} on TensorFlow ${tensorflow}`;
  return `NNCF ${nncf} on PyTorch ${torch} and Python ${python} against ${ours} and Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`;
}

async function allRows(): Promise<Row[]> {
  const rows = await Promise.all(CASES.map(async (each) => ({ each, outcome: await readOutcome(each) })));
  return rows.flatMap(({ each, outcome }) => (outcome === undefined ? [] : [{ each, ...outcome }]));
}
