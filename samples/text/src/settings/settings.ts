import { parseConfig, validate, type InputInfo, type NncfConfig } from '@nncf/core';
import type { WindowOptions } from '@nncf/datasets';
import { readConfig, required, trainingSettings, type TrainingFlags, type TrainingSettings } from '@nncf/sample-training';
import type { BertOptions } from '@nncf/zoo';
import { programSchema, type ModelSection, type ProgramConfig } from './schema.ts';

/** What the command line may set; every flag wins over the configuration. */
export interface Flags extends TrainingFlags {
  readonly model?: string;
  readonly dataset?: string;
  readonly data?: string;
  readonly vocabulary?: string;
  readonly maxLength?: number;
  readonly split?: 'dev' | 'test';
  readonly trainSize?: number;
  readonly testSize?: number;
}

/** Everything a run needs to know, defaults filled in. */
export interface Settings extends TrainingSettings {
  readonly model: string;
  /** Sizes that differ from the model's own. */
  readonly network: BertOptions;
  readonly frozen: readonly string[];
  readonly dataset: string;
  /** Folder or archive of the data. */
  readonly data: string | undefined;
  /** Path of the vocabulary's file, or its path within the data. */
  readonly vocabulary: string | undefined;
  readonly lowerCase: boolean;
  readonly language: string;
  /** Word pieces of the longest text. */
  readonly length: number;
  /** Whether batches are as long as their longest text. */
  readonly open: boolean;
  readonly windows: WindowOptions;
  /** Part that is evaluated, where that is not the usual one. */
  readonly split: 'dev' | 'test' | undefined;
  /** Texts of the training and of the test part that are used; all by default. */
  readonly trainSize: number | undefined;
  readonly testSize: number | undefined;
  /** What the model's inputs are, for a trace. */
  readonly inputInfo: readonly InputInfo[];
  /** The configuration of the compression; undefined where there is none. */
  readonly compression: NncfConfig | undefined;
}

/** Inputs of a BERT. */
const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids'] as const;
/** As BERT's authors have it: pairs, and passages. */
const LENGTH = 128;
const WINDOW_LENGTH = 384;

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
  const texts = textSettings(flags, program, dataset);
  const inputInfo = INPUTS.map((keyword): InputInfo => ({ sample_size: [1, texts.length], type: 'long', filler: 'ones', keyword }));
  return {
    ...trainingSettings(flags, program, `runs/${model}_${dataset}`),
    ...texts,
    model,
    dataset,
    network: sizesOf(program.model_params),
    frozen: program.model_params?.frozen ?? [],
    split: flags.split,
    trainSize: flags.trainSize,
    testSize: flags.testSize,
    inputInfo,
    compression: sections.length === 0 ? undefined : { input_info: inputInfo, ...config },
  };
}

/** Sizes that are given. */
function sizesOf(section: ModelSection = {}): BertOptions {
  const { frozen: _, ...sizes } = section;
  return Object.fromEntries(Object.entries(sizes).filter(([, value]) => value !== undefined));
}

type Texts = Pick<Settings, 'data' | 'vocabulary' | 'lowerCase' | 'language' | 'length' | 'open' | 'windows'>;

function textSettings(flags: Flags, program: ProgramConfig, dataset: string): Texts {
  const { preprocessing = {} } = program;
  const length = flags.maxLength ?? preprocessing.max_length ?? (dataset === 'squad' ? WINDOW_LENGTH : LENGTH);
  const { stride = Math.ceil(length / 3), question_length: questionLength = Math.floor(length / 6) } = preprocessing;
  return {
    data: flags.data ?? program.data,
    vocabulary: flags.vocabulary ?? preprocessing.vocabulary,
    lowerCase: preprocessing.lower_case ?? true,
    language: preprocessing.language ?? 'zh',
    length,
    open: preprocessing.pad_to === 'longest',
    windows: { length, stride, questionLength },
  };
}
