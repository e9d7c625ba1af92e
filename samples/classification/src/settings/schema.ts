import { trainingShape, type TrainingSection } from '@nncf/sample-training';
import { z, type ZodType } from 'zod';

const positive = z.number().positive();
const share = z.number().min(0).max(1);

/** Section `distillation`: the network learns from its floating-point self, or from other weights of it. */
export interface DistillationSection {
  readonly type?: 'softmax' | 'mse' | undefined;
  readonly temperature?: number | undefined;
  /** Factor on the loss. */
  readonly weight?: number | undefined;
  /** Those of the teacher; by default those that training starts from. */
  readonly weights?: string | undefined;
}

const distillationSchema = z.strictObject({
  type: z.enum(['softmax', 'mse']).optional(),
  temperature: positive.optional(),
  weight: z.number().min(0).optional(),
  weights: z.string().min(1).optional(),
});

/** A configuration's keys for this program, validated. */
export interface ProgramConfig extends TrainingSection {
  readonly model?: string | undefined;
  readonly model_params?: { readonly width?: number | undefined } | undefined;
  /** Outputs of the network, where they are not the dataset's classes. */
  readonly num_classes?: number | undefined;
  readonly dataset?: string | undefined;
  readonly data?: string | undefined;
  /** Side in pixels to which a folder's pictures are cut. */
  readonly image_size?: number | undefined;
  readonly criterion?: { readonly label_smoothing?: number | undefined } | undefined;
  readonly distillation?: DistillationSection | undefined;
  readonly preprocessing?: PreprocessingSection | undefined;
}

/** Augmentation of training pictures. */
export interface PreprocessingSection {
  /** Pixels of black border from which a window is cut. */
  readonly pad?: number | undefined;
  /** Mirror every second picture, by chance. */
  readonly flip?: boolean | undefined;
  /** Change the colours, by factors of 1 − x … 1 + x. */
  readonly colour?:
    | { readonly brightness?: number | undefined; readonly contrast?: number | undefined; readonly saturation?: number | undefined }
    | undefined;
  /** Cut out random parts, by share of the area and width by height. */
  readonly resized_crop?:
    | { readonly scale?: readonly [number, number] | undefined; readonly ratio?: readonly [number, number] | undefined }
    | undefined;
  /** Train on parts of the pictures in the first epochs. */
  readonly window?: { readonly size: number; readonly epochs: number } | undefined;
}

/** Keys of a configuration that this program reads; those of the compression are the library's business. */
export const programSchema: ZodType<ProgramConfig> = z.object({
  ...trainingShape,
  model: z.string().min(1).optional(),
  model_params: z.strictObject({ width: positive.optional() }).optional(),
  num_classes: z.int().min(2).optional(),
  dataset: z.string().min(1).optional(),
  data: z.string().min(1).optional(),
  image_size: z.int().positive().optional(),
  criterion: z.strictObject({ label_smoothing: share.optional() }).optional(),
  distillation: distillationSchema.optional(),
  preprocessing: z
    .strictObject({
      pad: z.int().min(0).optional(),
      flip: z.boolean().optional(),
      colour: z.strictObject({ brightness: share.optional(), contrast: share.optional(), saturation: share.optional() }).optional(),
      resized_crop: z
        .strictObject({ scale: z.tuple([positive, positive]).optional(), ratio: z.tuple([positive, positive]).optional() })
        .optional(),
      window: z.strictObject({ size: z.int().positive(), epochs: positive }).optional(),
    })
    .optional(),
});
