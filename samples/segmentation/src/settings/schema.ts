import { trainingShape, type TrainingSection } from '@nncf/sample-training';
import { z, type ZodType } from 'zod';

const positive = z.number().positive();

/** Ways to weigh classes by how rare they are. */
export type ClassWeighting = 'none' | 'median_frequency' | 'enet';

/** A configuration's keys for this program, validated. */
export interface ProgramConfig extends TrainingSection {
  readonly model?: string | undefined;
  readonly model_params?: { readonly width?: number | undefined; readonly depth?: number | undefined } | undefined;
  readonly dataset?: string | undefined;
  readonly data?: string | undefined;
  readonly criterion?: CriterionSection | undefined;
  readonly preprocessing?: PreprocessingSection | undefined;
}

/** Section `criterion`: the loss. */
export interface CriterionSection {
  readonly class_weights?: ClassWeighting | undefined;
  /** Shares of ICNet's outputs at an eighth and a sixteenth of the size. */
  readonly auxiliary?: readonly number[] | undefined;
}

/** Section `preprocessing`: random changes of training pictures. */
export interface PreprocessingSection {
  /** Smallest and largest factor; what is seen keeps its size. */
  readonly scale?: readonly [number, number] | undefined;
  readonly flip?: boolean | undefined;
}

/** Keys of a configuration that this program reads; those of the compression are the library's business. */
export const programSchema: ZodType<ProgramConfig> = z.object({
  ...trainingShape,
  model: z.string().min(1).optional(),
  model_params: z.strictObject({ width: positive.optional(), depth: z.int().min(2).optional() }).optional(),
  dataset: z.string().min(1).optional(),
  data: z.string().min(1).optional(),
  criterion: z
    .strictObject({
      class_weights: z.enum(['none', 'median_frequency', 'enet']).optional(),
      auxiliary: z.array(z.number().min(0)).optional(),
    })
    .optional(),
  preprocessing: z.strictObject({ scale: z.tuple([positive, positive]).optional(), flip: z.boolean().optional() }).optional(),
});
