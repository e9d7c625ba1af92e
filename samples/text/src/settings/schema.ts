import { trainingShape, type TrainingSection } from '@nncf/sample-training';
import { z, type ZodType } from 'zod';

const size = z.int().positive();

/** Section `model_params`: sizes that differ from the model's own. */
export interface ModelSection {
  readonly layers?: number | undefined;
  readonly width?: number | undefined;
  readonly heads?: number | undefined;
  readonly intermediate?: number | undefined;
  readonly positions?: number | undefined;
  readonly dropout?: number | undefined;
  /** Beginnings of the names of layers that are not trained. */
  readonly frozen?: readonly string[] | undefined;
}

/** Section `preprocessing`: how texts become numbers. */
export interface PreprocessingSection {
  /** Word pieces of the longest text; of question and window together. */
  readonly max_length?: number | undefined;
  /** Pad every batch to that length, or to its longest text. */
  readonly pad_to?: 'length' | 'longest' | undefined;
  /** File of the vocabulary, by its path or within the data. */
  readonly vocabulary?: string | undefined;
  readonly lower_case?: boolean | undefined;
  /** Of XNLI. */
  readonly language?: string | undefined;
  /** Word pieces from one window of a passage to the next. */
  readonly stride?: number | undefined;
  readonly question_length?: number | undefined;
}

/** A configuration's keys for this program, validated. */
export interface ProgramConfig extends TrainingSection {
  readonly model?: string | undefined;
  readonly model_params?: ModelSection | undefined;
  readonly dataset?: string | undefined;
  readonly data?: string | undefined;
  readonly preprocessing?: PreprocessingSection | undefined;
}

/** Keys of a configuration that this program reads; those of the compression are the library's business. */
export const programSchema: ZodType<ProgramConfig> = z.object({
  ...trainingShape,
  model: z.string().min(1).optional(),
  model_params: z
    .strictObject({
      layers: z.int().min(0).optional(),
      width: size.optional(),
      heads: size.optional(),
      intermediate: size.optional(),
      positions: size.optional(),
      dropout: z.number().min(0).max(1).optional(),
      frozen: z.array(z.string().min(1)).optional(),
    })
    .optional(),
  dataset: z.string().min(1).optional(),
  data: z.string().min(1).optional(),
  preprocessing: z
    .strictObject({
      max_length: z.int().min(8).optional(),
      pad_to: z.enum(['length', 'longest']).optional(),
      vocabulary: z.string().min(1).optional(),
      lower_case: z.boolean().optional(),
      language: z.string().min(1).optional(),
      stride: size.optional(),
      question_length: size.optional(),
    })
    .optional(),
});
