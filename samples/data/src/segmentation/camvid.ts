import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { datasetMissing } from '../errors.ts';
import { readTar } from '../tar.ts';
import { createSegmentationDataset, reportBroken, type EncodedPair, type PairOptions, type SegmentationDataset } from './dataset.ts';

/** The eleven classes that are told apart; 11 in a mask is void. */
export const camvidClasses: readonly string[] = [
  'sky',
  'building',
  'pole',
  'road',
  'pavement',
  'tree',
  'sign_symbol',
  'fence',
  'car',
  'pedestrian',
  'bicyclist',
];
const VOID = 11;

/** Height and width of the pictures as they are published for this task. */
const PICTURE_SIZE = [360, 480] as const;

/** Parts of CamVid: 367, 101 and 233 pictures. */
export type CamvidSplit = 'train' | 'val' | 'test';

/**
 * CamVid (Brostow et al. 2009) in the layout of SegNet: `<split>/<name>` pictures, `<split>annot/<name>.png` masks, and, where it is there, `<split>.txt`
 * with a pair a line. Pictures without a mask are reported and left out.
 * @param source the folder that holds `train/`, or a tar file with the folder `CamVid`
 * @throws NncfError `DATASET_MISSING` when there is no pair, `CORRUPT_FILE` for a damaged archive
 */
export async function camvid(source: string, split: CamvidSplit, options: Partial<PairOptions> = {}): Promise<SegmentationDataset> {
  const { onBroken = reportBroken } = options;
  const { size } = await stat(source).catch((cause: unknown) => {
    throw datasetMissing(source, HINT, cause);
  });
  const files = extname(source) === '.tar' && size > 0 ? await archive(source) : folder(source);
  const pairs = await present(await listed(files, split), files, onBroken);
  if (pairs.length === 0) throw datasetMissing(`a picture with a mask in ${source}, ${split}`, HINT);
  const spec = { name: `${basename(source, '.tar')} ${split}`, classNames: camvidClasses, ignored: VOID, pairs };
  return createSegmentationDataset(spec, { pictureSize: PICTURE_SIZE, ...options, onBroken });
}

const HINT = 'Give the folder that holds train/ and trainannot/, or a tar file of CamVid.';

/** Where files lie. */
interface Files {
  /** How a file is called in reports. */
  nameOf(path: string): string;
  /** Names in a folder, sorted. */
  list(folder: string): Promise<string[]>;
  text(path: string): Promise<string | undefined>;
  has(path: string): Promise<boolean>;
  /** Contents that are at hand already. */
  bytes(path: string): Uint8Array | undefined;
}

async function archive(file: string): Promise<Files> {
  const entries = await readTar(file);
  const at = (path: string): Uint8Array | undefined => entries.get(`CamVid/${path}`);
  return {
    nameOf: (path) => `${file}:CamVid/${path}`,
    list: (folderName) => {
      const prefix = `CamVid/${folderName}/`;
      const names = [...entries.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
      return Promise.resolve(names.sort());
    },
    text: (path) => Promise.resolve(at(path) === undefined ? undefined : new TextDecoder().decode(at(path))),
    has: (path) => Promise.resolve(at(path) !== undefined),
    bytes: at,
  };
}

function folder(root: string): Files {
  return {
    nameOf: (path) => join(root, path),
    list: async (folderName) => (await readdir(join(root, folderName)).catch(() => [])).sort(),
    text: (path) => readFile(join(root, path), 'utf8').catch(() => undefined),
    has: (path) =>
      stat(join(root, path)).then(
        () => true,
        () => false,
      ),
    bytes: () => undefined,
  };
}

type Paths = readonly [picture: string, mask: string];

/** Pairs of the list, or every picture with the mask of its name. */
async function listed(files: Files, split: CamvidSplit): Promise<Paths[]> {
  const list = await files.text(`${split}.txt`);
  if (list !== undefined) return list.split(/\r?\n/).flatMap(readLine);
  const names = (await files.list(split)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name));
  return names.map((name) => [`${split}/${name}`, `${split}annot/${basename(name, extname(name))}.png`] as const);
}

function readLine(line: string): Paths[] {
  const [picture, mask] = line.trim().split(/\s+/);
  return picture === undefined || picture === '' ? [] : [[picture, mask ?? '']];
}

async function present(paths: readonly Paths[], files: Files, onBroken: (file: string, reason: string) => void): Promise<EncodedPair[]> {
  const pairs: EncodedPair[] = [];
  for (const [picture, mask] of paths) {
    if (mask === '' || !(await files.has(mask)))
      onBroken(files.nameOf(picture), `it has no mask (${mask === '' ? 'none is named' : mask})`);
    else if (!(await files.has(picture))) onBroken(files.nameOf(picture), 'it is not there');
    else pairs.push(pairOf(picture, mask, files));
  }
  return pairs;
}

function pairOf(picture: string, mask: string, files: Files): EncodedPair {
  const [bytes, maskBytes] = [files.bytes(picture), files.bytes(mask)];
  const names = { file: files.nameOf(picture), maskFile: files.nameOf(mask) };
  return bytes === undefined || maskBytes === undefined ? names : { ...names, bytes, maskBytes };
}
