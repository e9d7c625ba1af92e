import { basename } from 'node:path';
import type { ImageDataset } from './dataset.ts';
import { createEncodedDataset, type DecodeOptions, type EncodedImage } from './encoded.ts';
import { corruptFile } from './errors.ts';
import { readTar } from './tar.ts';

/** Number of classes of ILSVRC-2012. */
const CLASSES = 1000;
const LABELS = 'imagenet-samples/labels.tsv';

interface LabelRow {
  readonly label: number;
  readonly name: string;
  readonly file: string;
}

/**
 * Pictures of a pack of ImageNet samples: a tar file with `imagenet-samples/labels.tsv` (columns index, wnid, name, file) and the
 * pictures it names. Preprocessing as for evaluation: shorter side 256, centre 224 × 224, unless told otherwise.
 *
 * The samples are training pictures: good for calibration, for a drop between two networks and for their agreement, and no
 * "ImageNet accuracy".
 * @throws NncfError `DATASET_MISSING`, or `CORRUPT_FILE` when the pack is damaged or its label file is not as described.
 */
export async function imagenetSamples(file: string, options: DecodeOptions = {}): Promise<ImageDataset> {
  const files = await readTar(file);
  const table = files.get(LABELS);
  if (table === undefined) throw corruptFile(file, `${LABELS} is missing`);
  const rows = new TextDecoder()
    .decode(table)
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => readRow(line, file));
  const classNames = Array.from({ length: CLASSES }, (_, index) => `class ${index}`);
  for (const { label, name } of rows) classNames[label] = name;
  const images = rows.map((row): EncodedImage => ({ file: row.file, label: row.label, bytes: pick(files, row.file, file) }));
  return createEncodedDataset({ name: basename(file, '.tar'), classNames, images }, options);
}

function readRow(line: string, file: string): LabelRow {
  const [index = '', , name, picture] = line.split('\t');
  const label = /^\d+$/.test(index) ? Number(index) : CLASSES;
  if (label >= CLASSES || name === undefined || picture === undefined)
    throw corruptFile(file, `${LABELS}: "${line}" is not index, wnid, name, file`);
  return { label, name, file: picture };
}

function pick(files: Map<string, Uint8Array>, name: string, file: string): Uint8Array {
  const bytes = files.get(`imagenet-samples/${name}`);
  if (bytes === undefined) throw corruptFile(file, `${LABELS} names ${name}, which is missing`);
  return bytes;
}
