import { trainingShape, type TrainingSection } from '@nncf/sample-training';
import { z, type ZodType } from 'zod';

const positive = z.number().positive();
const share = z.number().min(0).max(1);

/** A configuration's keys for this program, validated. */
export interface ProgramConfig extends TrainingSection {
  readonly model?: string | undefined;
  readonly model_params?: { readonly width?: number | undefined; readonly batch_norm?: boolean | undefined } | undefined;
  readonly ssd_params?: SsdSection | undefined;
  readonly dataset?: string | undefined;
  readonly data?: string | DataSection | undefined;
  readonly preprocessing?: PreprocessingSection | undefined;
}

/** Where the data are and which parts of them are used. */
export interface DataSection {
  readonly path?: string | undefined;
  /** Split that is trained on. */
  readonly train?: string | undefined;
  /** Split that is evaluated on. */
  readonly test?: string | undefined;
}

/** Section `ssd_params`: anchors in pixels of the input, as NNCF's samples have it, and what becomes of boxes. */
export interface SsdSection {
  readonly steps?: readonly number[] | undefined;
  readonly min_sizes?: readonly number[] | undefined;
  readonly max_sizes?: readonly number[] | undefined;
  readonly aspect_ratios?: readonly (readonly number[])[] | undefined;
  readonly clip?: boolean | undefined;
  /** Boxes of a picture that are kept. */
  readonly top_k?: number | undefined;
  readonly score_threshold?: number | undefined;
  readonly overlap_threshold?: number | undefined;
}

/** Section `preprocessing`: random changes of training pictures; all of SSD's unless told otherwise. */
export interface PreprocessingSection {
  readonly photometric?: boolean | undefined;
  /** Largest factor on height and width. */
  readonly expand?: number | undefined;
  readonly crop?: boolean | undefined;
  readonly flip?: boolean | undefined;
}

const ssdSchema = z.strictObject({
  steps: z.array(positive).optional(),
  min_sizes: z.array(positive).optional(),
  max_sizes: z.array(positive).optional(),
  aspect_ratios: z.array(z.array(positive)).optional(),
  clip: z.boolean().optional(),
  top_k: z.int().positive().optional(),
  score_threshold: share.optional(),
  overlap_threshold: share.optional(),
  // Keys of NNCF's samples of which only the usual values are known here.
  variance: z.tuple([z.literal(0.1), z.literal(0.1), z.literal(0.2), z.literal(0.2)]).optional(),
  flip: z.literal(true).optional(),
});

/** Keys of a configuration that this program reads; those of the compression are the library's business. */
export const programSchema: ZodType<ProgramConfig> = z.object({
  ...trainingShape,
  model: z.string().min(1).optional(),
  model_params: z.strictObject({ width: positive.optional(), batch_norm: z.boolean().optional() }).optional(),
  ssd_params: ssdSchema.optional(),
  dataset: z.string().min(1).optional(),
  data: z
    .union([
      z.string().min(1),
      z.strictObject({ path: z.string().min(1).optional(), train: z.string().min(1).optional(), test: z.string().min(1).optional() }),
    ])
    .optional(),
  preprocessing: z
    .strictObject({
      photometric: z.boolean().optional(),
      expand: z.number().min(1).optional(),
      crop: z.boolean().optional(),
      flip: z.boolean().optional(),
    })
    .optional(),
});
