import { z, type ZodType } from 'zod';
import { reportOnce, type Report } from '../detection/images.ts';
import { corruptFile } from '../errors.ts';
import type { TextOptions } from './pairs.ts';
import { readTextFile } from './source.ts';

/** An answer, and the character of the context at which it begins. */
export interface Answer {
  readonly text: string;
  readonly start: number;
}

/** A question about a passage of text. */
export interface Question {
  readonly id: string;
  readonly question: string;
  readonly context: string;
  /** What people answered; empty for a question that the context does not answer. */
  readonly answers: readonly Answer[];
}

/** Questions with their passages. */
export interface QuestionDataset {
  readonly name: string;
  readonly questions: readonly Question[];
}

interface RawQuestion {
  readonly id: string;
  readonly question: string;
  readonly answers: readonly { readonly text: string; readonly answer_start: number }[];
}

const questionSchema: ZodType<RawQuestion> = z.object({
  id: z.string().min(1),
  question: z.string().min(1),
  answers: z.array(z.object({ text: z.string().min(1), answer_start: z.int().min(0) })),
});
const paragraphSchema = z.object({ context: z.string().min(1), qas: z.array(z.unknown()) });
const fileSchema = z.object({ data: z.array(z.object({ paragraphs: z.array(z.unknown()) })) });

/**
 * Questions of SQuAD (Rajpurkar et al. 2016, arXiv 1606.05250): `<split>-v1.1.json` as published, or `<split>.json`. Questions and paragraphs
 * that are not as described are reported by file and JSON pointer and left out, and so are answers that do not stand where they say.
 * @param source folder or tar file
 * @throws NncfError `DATASET_MISSING`, `CORRUPT_FILE`
 */
export async function squad(source: string, split: 'train' | 'dev', { onProblem }: TextOptions = {}): Promise<QuestionDataset> {
  const report = reportOnce(onProblem);
  const file = await readTextFile(source, [`${split}-v1.1.json`, `squad/${split}-v1.1.json`, `${split}.json`]);
  const { data } = parse(file.text, file.name);
  const questions = data.flatMap(({ paragraphs }, topic) =>
    paragraphs.flatMap((paragraph, i) => questionsOf(paragraph, `${file.name}#/data/${topic}/paragraphs/${i}`, report)),
  );
  if (questions.length === 0) throw corruptFile(file.name, 'it has no question that can be used');
  return { name: `squad ${split}`, questions };
}

function parse(text: string, file: string): z.infer<typeof fileSchema> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw corruptFile(file, 'it is no JSON', cause);
  }
  const { data, error } = fileSchema.safeParse(content);
  if (data === undefined) throw corruptFile(file, reasonOf(error));
  return data;
}

function questionsOf(raw: unknown, at: string, report: Report): Question[] {
  const { data: paragraph, error } = paragraphSchema.safeParse(raw);
  if (paragraph === undefined) {
    report(at, `${reasonOf(error)}; the paragraph is left out`);
    return [];
  }
  return paragraph.qas.flatMap((question, i) => questionOf(question, paragraph.context, `${at}/qas/${i}`, report) ?? []);
}

function questionOf(raw: unknown, context: string, at: string, report: Report): Question | undefined {
  const { data, error } = questionSchema.safeParse(raw);
  if (data === undefined) {
    report(at, `${reasonOf(error)}; the question is left out`);
    return undefined;
  }
  const answers = data.answers.map(({ text, answer_start: start }) => ({ text, start }));
  const found = answers.filter(({ text, start }) => context.startsWith(text, start));
  for (const { text, start } of answers)
    if (!context.startsWith(text, start)) report(at, `"${text}" does not stand at character ${start}; the answer is left out`);
  return answers.length > 0 && found.length === 0 ? undefined : { id: data.id, question: data.question, context, answers: found };
}

function reasonOf(error: z.ZodError | undefined): string {
  const [issue] = error?.issues ?? [];
  return issue === undefined ? 'it is not as SQuAD has it' : `/${issue.path.join('/')}: ${issue.message}`;
}
