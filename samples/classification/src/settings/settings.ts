import { parseConfig, validate, type NncfConfig } from '@nncf/core';
import type { Augmentation } from '@nncf/datasets';
import { readConfig, required, trainingSettings, type TrainingFlags, type TrainingSettings } from '@nncf/sample-training';
import type { WindowOptions } from '../train/window.ts';
import { programSchema, type DistillationSection, type ProgramConfig } from './schema.ts';

/** What the command line may set; every flag wins over the configuration. */
export interface Flags extends TrainingFlags {
  readonly model?: string;
  readonly width?: number;
  readonly dataset?: string;
  readonly data?: string;
  readonly labelSmoothing?: number;
}

/** Everything a run needs to know, defaults filled in. */
export interface Settings extends TrainingSettings {
  readonly model: string;
  readonly width: number;
  readonly dataset: string;
  /** Folder of the data; what it means depends on the dataset. */
  readonly data: string | undefined;
  /** Side of the pictures that a folder's are cut to. */
  readonly imageSize: number;
  readonly classes: number | undefined;
  readonly labelSmoothing: number;
  readonly distillation: DistillationSection | undefined;
  readonly augment: Augmentation | undefined;
  /** Train on parts of the pictures at first. */
  readonly window: WindowOptions | undefined;
  /** The configuration of the compression; undefined where there is none. */
  readonly compression: NncfConfig | undefined;
}

/**
 * Joins the configuration file and the command line.
 * @throws NncfError of the file (`FILE_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_UNKNOWN_KEY`, `CONFIG_INVALID`), or `CONFIG_INVALID` when model or dataset are missing
 */
export async function resolveSettings(flags: Flags): Promise<Settings> {
  const config = await readConfig(flags.config);
  const { sections } = parseConfig(config);
  const program = validate(programSchema, config, '');
  const model = required('model', flags.model ?? program.model);
  const dataset = required('dataset', flags.dataset ?? program.dataset);
  return {
    ...trainingSettings(flags, program, `runs/${model}_${dataset}`),
    ...pictures(flags, program),
    model,
    dataset,
    labelSmoothing: flags.labelSmoothing ?? program.criterion?.label_smoothing ?? 0,
    distillation: program.distillation,
    compression: sections.length === 0 ? undefined : config,
  };
}

function pictures(flags: Flags, program: ProgramConfig): Pick<Settings, 'width' | 'data' | 'imageSize' | 'classes' | 'augment' | 'window'> {
  return {
    width: flags.width ?? program.model_params?.width ?? 1,
    data: flags.data ?? program.data,
    imageSize: program.image_size ?? 224,
    classes: program.num_classes,
    augment: augmentationOf(program),
    window: program.preprocessing?.window,
  };
}

function augmentationOf({ preprocessing }: ProgramConfig): Augmentation | undefined {
  if (preprocessing === undefined) return undefined;
  const { pad = 0, flip = false, colour, resized_crop: resizedCrop } = preprocessing;
  return { pad, flip, ...defined({ colour: colour && defined(colour), resizedCrop: resizedCrop && defined(resizedCrop) }) };
}

/** An object without the keys that have no value. */
function defined<Values extends object>(values: Values): { [Key in keyof Values]?: Exclude<Values[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Values]?: Exclude<Values[Key], undefined>;
  };
}
