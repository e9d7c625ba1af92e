import type { JsonObject } from '../json.ts';

/** One input of the model. */
export interface InputInfo {
  /** Sizes with the batch first, as the model's input has them (a NCHW `sample_size` is recognised and turned). */
  readonly sample_size: readonly number[];
  /** Element type: `float` or `float32`, `long` or `int32`. @default what the model declares, else `float32` */
  readonly type?: 'float' | 'float32' | 'long' | 'int32' | undefined;
  /** What the trace feeds; `random` whole numbers are 0 and 1. @default `zeros` for whole numbers and for what an Embedding looks up, else `random` */
  readonly filler?: 'ones' | 'zeros' | 'random' | undefined;
  /** Name of the input; without one the entries follow the order of the inputs. */
  readonly keyword?: string | undefined;
}

/** Sections of all known algorithms by name; an algorithm's package adds its own by declaration merging. */
export interface AlgorithmConfigs {}

/** One section below `compression` for an algorithm whose package is imported. */
export type TypedAlgorithmConfig = {
  [Name in keyof AlgorithmConfigs]: { readonly algorithm: Name } & AlgorithmConfigs[Name];
}[keyof AlgorithmConfigs];

/** One section below `compression`. */
export type AlgorithmConfig = TypedAlgorithmConfig | ({ readonly algorithm: string } & JsonObject);

/** A configuration as users write it: JSON with snake_case keys, as the paper's. */
export interface NncfConfig {
  readonly input_info?: InputInfo | readonly InputInfo[] | undefined;
  readonly compression?: AlgorithmConfig | readonly AlgorithmConfig[] | undefined;
  readonly target_device?: string | undefined;
  /** Packages that may be imported because of this configuration. */
  readonly plugins?: readonly string[] | undefined;
  /** Keys that a training program reads: `model`, `batch_size`, `optimizer`, … */
  readonly [key: string]: unknown;
}

/** A configuration after parsing. */
export interface ParsedConfig {
  readonly inputInfo: readonly InputInfo[];
  readonly sections: readonly AlgorithmSection[];
  readonly targetDevice: string;
  readonly plugins: readonly string[];
  /** Planned length of the training, where the configuration says it. */
  readonly epochs?: number | undefined;
}

/** One algorithm's section, its own keys not looked at yet. */
export interface AlgorithmSection {
  readonly algorithm: string;
  /** JSON pointer of the section. */
  readonly pointer: string;
  readonly options: JsonObject;
}
