import { basename } from 'node:path';
import { datasetMissing, invalidArgument } from '../errors.ts';
import { openSource, type FileSource } from './file-source.ts';
import { objectsOf, reportOnce, type AnnotationOptions, type DetectionDataset, type DetectionImage, type Report } from './images.ts';
import { placeBox } from './place-box.ts';
import { parseVocXml, type VocAnnotation, type VocObject } from './voc-xml.ts';

/** How a folder in the layout of Pascal VOC is read. */
export interface VocOptions extends AnnotationOptions {
  /**
   * Names of the classes without the background, in the order of their labels: give those of the training part to the others.
   * @default the names that occur, sorted
   */
  readonly classNames?: readonly string[];
}

/** The twenty classes of Pascal VOC (Everingham et al. 2010). */
export const vocClasses: readonly string[] =
  'aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person pottedplant sheep sofa train tvmonitor'.split(
    ' ',
  );

interface ReadAnnotation {
  readonly picture: string;
  readonly annotation: VocAnnotation;
}

/**
 * Pictures with boxes in the layout of Pascal VOC, in a folder or a tar archive of it: `Annotations/<name>.xml`, `JPEGImages/<name>.jpg` and
 * `ImageSets/Main/<split>.txt`, at the top or one folder below. VOC's corners are pixels counted from 1, both in the box.
 *
 * Reported, once, with the file's name: an annotation that is missing, empty or no XML, or whose picture is missing (the picture is left out); a box
 * that reaches more than a pixel outside the picture (it is cut off, and left out if nothing remains); an object of an unknown class (it is left out,
 * or refused, as `unknownClass` says). A picture without any object is background, and stays.
 * @param path the folder or archive
 * @throws NncfError `DATASET_MISSING`, `CORRUPT_FILE` for a damaged archive, `INVALID_ARGUMENT` for an unknown class that is refused
 */
export async function vocDataset(path: string, split: string, options: VocOptions = {}): Promise<DetectionDataset> {
  const source = await openSource(path);
  const list = `ImageSets/Main/${split}.txt`;
  const prefix = await source.prefixOf(list);
  if (prefix === undefined) throw datasetMissing(`${list} in ${path}`, 'Pictures are expected in the layout of Pascal VOC.');
  const report = reportOnce(options.onProblem);
  const read = await readAll(source, prefix, namesIn(await source.read(prefix + list)), report);
  const classNames = ['background', ...(options.classNames ?? namesOf(read))];
  const images = read.map((entry, id) => imageOf(source, entry, id, { ...options, classNames, report }));
  return { name: `${basename(path, '.tar')} ${split}`, classNames, images, report };
}

/** Names in a list, one a line; VOC's lists by class have a second column, −1 for pictures without the class. */
function namesIn(bytes: Uint8Array): string[] {
  const rows = new TextDecoder().decode(bytes).split(/\r?\n/u);
  return rows.map((row) => row.trim().split(/\s+/u)[0] ?? '').filter((name) => name !== '');
}

function namesOf(read: readonly ReadAnnotation[]): string[] {
  return [...new Set(read.flatMap(({ annotation }) => annotation.objects.map(({ name }) => name)))].sort();
}

async function readAll(source: FileSource, prefix: string, names: readonly string[], report: Report): Promise<ReadAnnotation[]> {
  const found: ReadAnnotation[] = [];
  for (const name of names) {
    const entry = await readOne(source, prefix, name, report);
    if (entry !== undefined) found.push(entry);
  }
  return found;
}

async function readOne(source: FileSource, prefix: string, name: string, report: Report): Promise<ReadAnnotation | undefined> {
  const file = `${prefix}Annotations/${name}.xml`;
  try {
    const annotation = parseVocXml(new TextDecoder().decode(await source.read(file)));
    const picture = await pictureOf(source, prefix, name, annotation.filename);
    return { picture, annotation };
  } catch (error) {
    report(source.nameOf(file), `the picture is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function pictureOf(source: FileSource, prefix: string, name: string, filename: string | undefined): Promise<string> {
  const candidates = [...(filename === undefined ? [] : [filename]), ...['jpg', 'jpeg', 'png'].map((ending) => `${name}.${ending}`)];
  for (const candidate of candidates) if (await source.has(`${prefix}JPEGImages/${candidate}`)) return `${prefix}JPEGImages/${candidate}`;
  throw new Error(`${candidates[0]} is not in JPEGImages`);
}

interface Context extends VocOptions {
  readonly classNames: readonly string[];
  readonly report: Report;
}

function imageOf(source: FileSource, { picture, annotation }: ReadAnnotation, id: number, context: Context): DetectionImage {
  const { width, height, objects } = annotation;
  const file = source.nameOf(picture);
  const rows = objects.flatMap((object) => {
    const label = labelOf(object, file, context);
    const { box, isCut } = placeBox([object.xmin - 1, object.ymin - 1, object.xmax, object.ymax], width, height);
    if (isCut || box === undefined) context.report(file, outside(object, box === undefined));
    return box === undefined || label === undefined ? [] : [{ box, label, ignored: object.difficult }];
  });
  return { file, id, width, height, ...objectsOf(rows), bytes: () => source.read(picture) };
}

function labelOf({ name }: VocObject, file: string, { classNames, unknownClass, report }: Context): number | undefined {
  const label = classNames.indexOf(name);
  if (label > 0) return label;
  if (unknownClass === 'refuse') throw invalidArgument(`${file}: ${name} is none of the classes ${classNames.slice(1).join(', ')}`);
  report(file, `objects of the unknown class ${name} are left out`);
  return undefined;
}

function outside({ name, xmin, ymin, xmax, ymax }: VocObject, isEmpty: boolean): string {
  return `the box of a ${name}, ${[xmin, ymin, xmax, ymax].join(', ')}, ${isEmpty ? 'is empty within the picture and left out' : 'is cut off at the edge'}`;
}
