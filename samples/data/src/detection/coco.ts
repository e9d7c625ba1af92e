import { basename } from 'node:path';
import { z } from 'zod';
import { corruptFile, datasetMissing, invalidArgument } from '../errors.ts';
import { openSource, type FileSource } from './file-source.ts';
import { objectsOf, reportOnce, type AnnotationOptions, type DetectionDataset, type DetectionImage, type Report } from './images.ts';
import { placeBox } from './place-box.ts';

/** How a file of COCO is read. */
export interface CocoOptions extends AnnotationOptions {
  /**
   * `dense`: labels 1, 2, … in the order of the categories' ids; `id`: the ids themselves, as networks of TensorFlow's detection zoo have them.
   * @default 'dense'
   */
  readonly labels?: 'dense' | 'id';
  /** Folder of the pictures. @default the split's name */
  readonly pictures?: string;
}

const schema = z.object({
  images: z.array(z.object({ id: z.int(), file_name: z.string().min(1), width: z.number().positive(), height: z.number().positive() })),
  annotations: z.array(
    z.object({
      image_id: z.int(),
      category_id: z.int(),
      bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
      iscrowd: z.int().optional(),
    }),
  ),
  categories: z.array(z.object({ id: z.int().positive(), name: z.string() })),
});

type CocoFile = z.infer<typeof schema>;
type CocoImage = CocoFile['images'][number];
type CocoAnnotation = CocoFile['annotations'][number];

interface Classes {
  readonly classNames: readonly string[];
  /** Labels by the categories' ids. */
  readonly labels: ReadonlyMap<number, number>;
}

/**
 * Pictures with boxes as COCO has them, in a folder or a tar archive of it: `annotations/instances_<split>.json` and `<split>/*.jpg`, at the top or one
 * folder below. Boxes are left, top, width and height in pixels.
 *
 * Reported, once, with the picture's name: a box that reaches more than a pixel outside (it is cut off, and left out if nothing remains), an object of an
 * unknown category (it is left out, or refused, as `unknownClass` says). A picture without any object is background, and stays.
 * @param path the folder or archive
 * @param split `train2017`, `val2017`
 * @throws NncfError `DATASET_MISSING`, `CORRUPT_FILE` for a damaged archive or a file of another form, `INVALID_ARGUMENT` for an unknown category that is refused
 */
export async function cocoDataset(path: string, split: string, options: CocoOptions = {}): Promise<DetectionDataset> {
  const source = await openSource(path);
  const file = `annotations/instances_${split}.json`;
  const prefix = await source.prefixOf(file);
  if (prefix === undefined) throw datasetMissing(`${file} in ${path}`, 'Pictures are expected in the layout of COCO.');
  const content = parse(await source.read(prefix + file), source.nameOf(prefix + file));
  const report = reportOnce(options.onProblem);
  const classes = classesOf(content.categories, options.labels ?? 'dense');
  const byImage = byImageId(content.annotations);
  const context = { ...options, source, folder: `${prefix}${options.pictures ?? split}/`, classes, report };
  const images = content.images.map((image) => imageOf(image, byImage.get(image.id) ?? [], context));
  return { name: `${basename(path, '.tar')} ${split}`, classNames: classes.classNames, images, report };
}

function parse(bytes: Uint8Array, file: string): CocoFile {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw corruptFile(file, `it is not as COCO's files are: ${reason}`, cause);
  }
}

function byImageId(annotations: readonly CocoAnnotation[]): Map<number, CocoAnnotation[]> {
  const groups = new Map<number, CocoAnnotation[]>();
  for (const annotation of annotations) {
    const group = groups.get(annotation.image_id) ?? [];
    group.push(annotation);
    groups.set(annotation.image_id, group);
  }
  return groups;
}

function classesOf(categories: CocoFile['categories'], form: 'dense' | 'id'): Classes {
  const sorted = categories.toSorted((a, b) => a.id - b.id);
  const labels = new Map(sorted.map(({ id }, place) => [id, form === 'id' ? id : place + 1]));
  const last = Math.max(0, ...labels.values());
  const classNames = ['background', ...Array.from({ length: last }, (_, place) => `id ${place + 1}`)];
  for (const { id, name } of sorted) classNames[labels.get(id)!] = name;
  return { classNames, labels };
}

interface Context extends CocoOptions {
  readonly source: FileSource;
  readonly folder: string;
  readonly classes: Classes;
  readonly report: Report;
}

function imageOf({ id, file_name, width, height }: CocoImage, annotations: readonly CocoAnnotation[], context: Context): DetectionImage {
  const { source, folder, report } = context;
  const file = source.nameOf(folder + file_name);
  const rows = annotations.flatMap(({ category_id, bbox, iscrowd = 0 }) => {
    const [left, top, boxWidth, boxHeight] = bbox;
    const label = labelOf(category_id, file, context);
    const { box, isCut } = placeBox([left, top, left + boxWidth, top + boxHeight], width, height);
    if (isCut || box === undefined) report(file, outside(bbox, box === undefined));
    return box === undefined || label === undefined ? [] : [{ box, label, ignored: iscrowd === 1 }];
  });
  return { file, id, width, height, ...objectsOf(rows), bytes: () => source.read(folder + file_name) };
}

function labelOf(id: number, file: string, { classes, unknownClass, report }: Context): number | undefined {
  const label = classes.labels.get(id);
  if (label !== undefined) return label;
  if (unknownClass === 'refuse') throw invalidArgument(`${file}: there is no category ${id}`);
  report(file, `objects of the unknown category ${id} are left out`);
  return undefined;
}

function outside(bbox: readonly number[], isEmpty: boolean): string {
  return `the box ${bbox.join(', ')} ${isEmpty ? 'is empty within the picture and left out' : 'is cut off at the edge'}`;
}
