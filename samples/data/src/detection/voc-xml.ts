import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { z } from 'zod';

/** An object as a Pascal VOC file has it: pixels counted from 1, the last ones in the box. */
export interface VocObject {
  readonly name: string;
  readonly difficult: boolean;
  readonly xmin: number;
  readonly ymin: number;
  readonly xmax: number;
  readonly ymax: number;
}

/** A file of Pascal VOC. */
export interface VocAnnotation {
  readonly filename: string | undefined;
  readonly width: number;
  readonly height: number;
  readonly objects: readonly VocObject[];
}

const number = z.string().transform(Number).pipe(z.number());
const size = number.pipe(z.number().positive());

const schema = z.object({
  annotation: z.object({
    filename: z.string().min(1).optional(),
    size: z.object({ width: size, height: size }),
    object: z
      .array(
        z.object({
          name: z.string().min(1),
          difficult: z.string().optional(),
          bndbox: z.object({ xmin: number, ymin: number, xmax: number, ymax: number }),
        }),
      )
      .default([]),
  }),
});

/** Numbers stay text until the schema reads them: a class may be called 7. */
const parser = new XMLParser({ parseTagValue: false, isArray: (tag) => tag === 'object' });

/** @throws Error that says what is wrong with the text */
export function parseVocXml(text: string): VocAnnotation {
  if (text.trim() === '') throw new Error('the annotation is empty');
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new Error(`line ${valid.err.line} is no XML: ${valid.err.msg}`);
  const result = schema.safeParse(parser.parse(text));
  if (!result.success) throw new Error(`the annotation is not as Pascal VOC has it: ${z.prettifyError(result.error)}`);
  const { filename, size: pixels, object } = result.data.annotation;
  return {
    filename,
    ...pixels,
    objects: object.map(({ name, difficult, bndbox }) => ({ name, difficult: difficult?.trim() === '1', ...bndbox })),
  };
}
