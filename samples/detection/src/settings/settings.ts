import { parseConfig, validate, type InputInfo, type NncfConfig } from '@nncf/core';
import { ssdAugmentation, type DetectionAugmentation } from '@nncf/datasets';
import { badSetting, readConfig, required, trainingSettings, type TrainingFlags, type TrainingSettings } from '@nncf/sample-training';
import type { SsdPriors } from '@nncf/zoo';
import type { SelectionOptions } from '../ssd/selection.ts';
import { programSchema, type ProgramConfig, type SsdSection } from './schema.ts';

/** What the command line may set; every flag wins over the configuration. */
export interface Flags extends TrainingFlags {
  readonly model?: string;
  readonly width?: number;
  readonly dataset?: string;
  readonly data?: string;
  readonly trainSplit?: string;
  readonly testSplit?: string;
  /** Folder for pictures with boxes, and how many. */
  readonly pictures?: string;
  readonly pictureCount?: number;
  /** Weights of the uncompressed network, to be shown beside the compressed one. */
  readonly floatWeights?: string;
}

/** Layouts of data that this program reads. */
export type DatasetName = 'voc' | 'coco';

/** Everything a run needs to know, defaults filled in. */
export interface Settings extends TrainingSettings {
  /** Name in the zoo. */
  readonly model: string;
  readonly width: number;
  readonly batchNorm: boolean;
  readonly priors: Partial<SsdPriors>;
  /** Height and width of the network's input. */
  readonly size: readonly [height: number, width: number];
  readonly dataset: DatasetName;
  /** Folder or archive of the data. */
  readonly data: string;
  readonly trainSplit: string;
  readonly testSplit: string;
  readonly augment: DetectionAugmentation;
  readonly selection: SelectionOptions;
  readonly pictures: string | undefined;
  readonly pictureCount: number;
  readonly floatWeights: string | undefined;
  /** The configuration of the compression; undefined where there is none. */
  readonly compression: NncfConfig | undefined;
}

/** Names of NNCF's samples, which leave the size to `sample_size`. */
const ALIASES: Readonly<Record<string, string>> = { ssd_vgg: 'vgg', ssd_mobilenet: 'mobilenet_v1' };
const SPLITS: Readonly<Record<DatasetName, readonly [train: string, test: string]>> = {
  voc: ['trainval', 'test'],
  coco: ['train2017', 'val2017'],
};
/** TensorFlow's detection zoo suppresses at 0.6, SSD's publication at 0.45. */
const SIGMOID_OVERLAP = 0.6;
const BATCH_SIZE = 8;
const PICTURE_COUNT = 6;
const CHANNELS = 3;

/**
 * Joins the configuration file and the command line.
 * @throws NncfError of the file (`FILE_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_UNKNOWN_KEY`, `CONFIG_INVALID`), or `CONFIG_INVALID` when model or data are missing
 */
export async function resolveSettings(flags: Flags): Promise<Settings> {
  const config = await readConfig(flags.config);
  const { sections, inputInfo } = parseConfig(config);
  const program = validate(programSchema, config, '');
  const network = networkOf(flags, program, inputInfo);
  const data = dataOf(flags, program);
  const common = { batch_size: BATCH_SIZE, ...program };
  return {
    ...trainingSettings(flags, common, `runs/${network.model}_${data.dataset}`),
    ...network,
    ...data,
    augment: { ...ssdAugmentation, ...defined(program.preprocessing ?? {}) },
    pictures: flags.pictures,
    pictureCount: flags.pictureCount ?? PICTURE_COUNT,
    floatWeights: flags.floatWeights,
    compression: sections.length === 0 ? undefined : config,
  };
}

type Network = Pick<Settings, 'model' | 'width' | 'batchNorm' | 'priors' | 'size' | 'selection'>;

function networkOf(flags: Flags, program: ProgramConfig, inputInfo: readonly InputInfo[]): Network {
  const wanted = required('model', flags.model ?? program.model);
  const asked = inputInfo[0] === undefined ? undefined : sizeOf(inputInfo[0]);
  const family = ALIASES[wanted];
  const model = family === undefined ? wanted : `ssd${asked?.[0] === 512 ? 512 : 300}_${family}`;
  const side = model.startsWith('ssd512') ? 512 : 300;
  const { width, batch_norm: batchNorm = true } = program.model_params ?? {};
  return {
    model,
    width: flags.width ?? width ?? 1,
    batchNorm,
    priors: priorsOf(program.ssd_params),
    size: asked ?? [side, side],
    selection: selectionOf(program.ssd_params, model),
  };
}

function priorsOf({
  steps,
  min_sizes: minSizes,
  max_sizes: maxSizes,
  aspect_ratios: aspectRatios,
  clip,
}: SsdSection = {}): Partial<SsdPriors> {
  return defined({ steps, minSizes, maxSizes, aspectRatios, clip });
}

function selectionOf(
  { top_k: limit, score_threshold: score, overlap_threshold: overlap }: SsdSection = {},
  model: string,
): SelectionOptions {
  const usual = model.includes('mobilenet') ? SIGMOID_OVERLAP : undefined;
  return defined({ limit, scoreThreshold: score, overlapThreshold: overlap ?? usual });
}

type Data = Pick<Settings, 'dataset' | 'data' | 'trainSplit' | 'testSplit'>;

function dataOf(flags: Flags, program: ProgramConfig): Data {
  const dataset = required('dataset', flags.dataset ?? program.dataset);
  if (dataset !== 'voc' && dataset !== 'coco')
    throw badSetting(`the dataset ${dataset} is not known`, 'Known are voc and coco: layouts of a folder or of a tar archive.');
  const section = typeof program.data === 'string' ? { path: program.data } : (program.data ?? {});
  const [train, test] = SPLITS[dataset];
  return {
    dataset,
    data: required('data', flags.data ?? section.path),
    trainSplit: flags.trainSplit ?? section.train ?? train,
    testSplit: flags.testSplit ?? section.test ?? test,
  };
}

/** Height and width of `sample_size`, in TensorFlow's order or in PyTorch's, where the three channels come first. */
function sizeOf({ sample_size: size }: InputInfo): readonly [number, number] {
  const [, first = 0, second = 0, third = 0] = size;
  if (size.length === 4 && third === CHANNELS) return [first, second];
  if (size.length === 4 && first === CHANNELS) return [second, third];
  throw badSetting(`sample_size [${size.join(', ')}] is no picture`, 'Give [1, height, width, 3].');
}

/** Without the keys that have no value. */
function defined<T extends object>(values: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}
