import { parseConfig, validate, type InputInfo, type NncfConfig } from '@nncf/core';
import type { PictureSize, SegmentationAugmentation } from '@nncf/datasets';
import { badSetting, readConfig, required, trainingSettings, type TrainingFlags, type TrainingSettings } from '@nncf/sample-training';
import { icnetAuxiliary } from '../train/loss.ts';
import { programSchema, type ClassWeighting, type ProgramConfig } from './schema.ts';

/** What the command line may set; every flag wins over the configuration. */
export interface Flags extends TrainingFlags {
  readonly model?: string;
  readonly width?: number;
  readonly dataset?: string;
  readonly data?: string;
  /** Folder for pictures of masks, and how many. */
  readonly pictures?: string;
  readonly pictureCount?: number;
  /** Weights of the uncompressed network, to be shown beside the compressed one. */
  readonly floatWeights?: string;
}

/** Everything a run needs to know, defaults filled in. */
export interface Settings extends TrainingSettings {
  readonly model: string;
  readonly width: number;
  /** Levels of a UNet. */
  readonly depth: number | undefined;
  readonly dataset: string;
  /** Folder or archive of the data. */
  readonly data: string | undefined;
  /** Height and width at which the network sees pictures. */
  readonly pictureSize: PictureSize;
  readonly classWeights: ClassWeighting;
  readonly auxiliary: readonly number[];
  readonly augment: SegmentationAugmentation | undefined;
  readonly pictures: string | undefined;
  readonly pictureCount: number;
  readonly floatWeights: string | undefined;
  /** The configuration of the compression; undefined where there is none. */
  readonly compression: NncfConfig | undefined;
}

/** CamVid's 360 × 480, cut down to what networks that halve it five times take. */
const PICTURE_SIZE: PictureSize = [352, 480];
const PICTURE_COUNT = 6;
const CHANNELS = 3;

/**
 * Joins the configuration file and the command line.
 * @throws NncfError of the file (`FILE_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_UNKNOWN_KEY`, `CONFIG_INVALID`), or `CONFIG_INVALID` when no model is given
 */
export async function resolveSettings(flags: Flags): Promise<Settings> {
  const config = await readConfig(flags.config);
  const { sections, inputInfo } = parseConfig(config);
  const program = validate(programSchema, config, '');
  const model = required('model', flags.model ?? program.model);
  const dataset = flags.dataset ?? program.dataset ?? 'camvid';
  return {
    ...trainingSettings(flags, program, `runs/${model}_${dataset}`),
    ...network(flags, program, inputInfo),
    model,
    dataset,
    data: flags.data ?? program.data,
    classWeights: program.criterion?.class_weights ?? 'none',
    auxiliary: program.criterion?.auxiliary ?? icnetAuxiliary,
    pictures: flags.pictures,
    pictureCount: flags.pictureCount ?? PICTURE_COUNT,
    floatWeights: flags.floatWeights,
    compression: sections.length === 0 ? undefined : config,
  };
}

function network(
  flags: Flags,
  program: ProgramConfig,
  inputInfo: readonly InputInfo[],
): Pick<Settings, 'width' | 'depth' | 'pictureSize' | 'augment'> {
  const { model_params: params, preprocessing } = program;
  const pictureSize = inputInfo[0] === undefined ? PICTURE_SIZE : sizeOf(inputInfo[0]);
  return {
    width: flags.width ?? params?.width ?? 1,
    depth: params?.depth,
    pictureSize,
    augment: preprocessing && { crop: pictureSize, scale: preprocessing.scale, flip: preprocessing.flip },
  };
}

/** Height and width of `sample_size`, in TensorFlow's order or in PyTorch's, where the three channels come first. */
function sizeOf({ sample_size: size }: InputInfo): PictureSize {
  const [, first = 0, second = 0, third = 0] = size;
  if (size.length === 4 && third === CHANNELS) return [first, second];
  if (size.length === 4 && first === CHANNELS) return [second, third];
  throw badSetting(`sample_size [${size.join(', ')}] is no picture`, 'Give [1, height, width, 3].');
}
