/**
 * Prints the table of the zoo: every model built, compared with ONNX Runtime, quantized, trained for ten steps, exported and checked.
 *
 *     npm run zoo -- --width 0.25 resnet18 unet
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import { positive, progressFor, toTable } from '@nncf/sample-training';
import { Command } from 'commander';
import { checkModel, type ModelReport } from '../check-model.ts';
import { checkerComplaints } from '../checker.ts';
import { subjects } from '../subjects.ts';

/** Agreement with ONNX Runtime that is asked for. */
const TOLERANCE = 1e-3;

const program = new Command('zoo')
  .argument('[models...]', 'names; all unless given')
  .option('--width <factor>', 'factor on the channels of every model', positive, 1)
  .parse();
const { width } = program.opts<{ width: number }>();
const names = program.args;
const unknown = names.filter((name) => subjects.every((subject) => subject.name !== name));
if (unknown.length > 0) program.error(`error: no model ${unknown.join(', ')}; known are ${subjects.map(({ name }) => name).join(', ')}`);

await useBackend();
const folder = mkdtempSync(join(tmpdir(), 'nncf-zoo-'));
try {
  const rows = await measured();
  console.info(
    toTable({ columns: ['parameters', 'quantizers', 'loss', 'after 10 steps', 'ONNX Runtime', 'onnx.checker', ''], rows: rows.map(rowOf) }),
  );
  if (rows.some((row) => !holds(row))) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A report with what the checker says. */
type Row = ModelReport & { readonly complaints: readonly string[] };

async function measured(): Promise<Row[]> {
  const chosen = subjects.filter(({ name }) => names.length === 0 || names.includes(name));
  const bar = progressFor(process.stderr)('models');
  const rows: Row[] = [];
  for (const [place, subject] of chosen.entries()) {
    bar.update(place, chosen.length);
    const report = await checkModel(subject, width, folder);
    rows.push({ ...report, complaints: checkerComplaints(report.files).filter((complaint) => complaint !== null) });
    report.files.forEach((file) => rmSync(file));
  }
  bar.stop();
  return rows;
}

function rowOf(row: Row): string[] {
  const { name, parameters, quantizers, losses, difference, complaints } = row;
  return [
    name,
    `${(parameters / 1e6).toFixed(2)} M`,
    String(quantizers),
    losses[0]!.toFixed(3),
    losses.at(-1)!.toFixed(3),
    difference.toExponential(0),
    complaints.length === 0 ? 'accepts' : complaints.join('\n'),
    holds(row) ? '' : 'fails',
  ];
}

function holds({ losses, difference, complaints }: Row): boolean {
  return losses.at(-1)! < losses[0]! && difference < TOLERANCE && complaints.length === 0;
}
