import { invalidArgument } from '../errors.ts';
import { encodePieces, type EncodedText } from './encode.ts';
import type { Answer, Question } from './squad.ts';
import { wordsOf, type Word } from './words.ts';
import type { WordPiece } from './word-piece.ts';

/** How questions are cut into pieces for a network. */
export interface WindowOptions {
  /** Pieces of question and window together. @default 384 */
  readonly length?: number;
  /** Pieces from one window to the next. @default 128 */
  readonly stride?: number;
  /** Pieces of the question. @default 64 */
  readonly questionLength?: number;
}

/** A question with a window of its context. */
export interface QuestionWindow extends EncodedText {
  /** Place of the question in the list. */
  readonly question: number;
  /** First character of the word that a piece is of, and the one behind its last; −1 for pieces that are not of the context. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** 1 for a piece whose surroundings no other window shows better: answers begin only there. */
  readonly best: Uint8Array;
  /** First and last piece of the answer; 0, the window's start, when it is not in the window. */
  readonly answer: readonly [first: number, last: number];
}

interface Piece {
  readonly id: number;
  readonly word: number;
}

interface Context {
  readonly words: readonly Word[];
  readonly pieces: readonly Piece[];
}

/**
 * Windows over the contexts of questions, as BERT's authors have them (Devlin et al. 2018, arXiv 1810.04805, section 4.2): a context that is too
 * long is shown in parts that overlap.
 * @throws NncfError `INVALID_ARGUMENT` when no room is left for the context
 */
export function questionWindows(
  questions: readonly Question[],
  wordPiece: WordPiece,
  options: WindowOptions = {},
): readonly QuestionWindow[] {
  const { length = 384, stride = 128, questionLength = 64 } = options;
  if (stride < 1 || length < questionLength + 4)
    throw invalidArgument(`windows of ${length} with a question of ${questionLength} and stride ${stride}`);
  return questions.flatMap(({ question, context, answers }, place) => {
    const asked = wordPiece.pieces(question).slice(0, questionLength);
    const shown = contextOf(context, wordPiece);
    const answer = answerPieces(shown, answers[0], wordPiece);
    const room = length - asked.length - 3;
    const spans = spansOf(shown.pieces.length, room, stride);
    return spans.map((span, i) => windowOf({ wordPiece, asked, shown, place, answer }, spans, i, span));
  });
}

interface Span {
  readonly start: number;
  readonly count: number;
}

function contextOf(text: string, wordPiece: WordPiece): Context {
  const words = wordsOf(text);
  return { words, pieces: words.flatMap((word, index) => wordPiece.pieces(word.text).map((id) => ({ id, word: index }))) };
}

function spansOf(pieces: number, room: number, stride: number): readonly Span[] {
  const spans: Span[] = [];
  for (let start = 0; ; start += Math.min(room, stride)) {
    spans.push({ start, count: Math.min(room, pieces - start) });
    if (start + room >= pieces) return spans;
  }
}

interface Shown {
  readonly wordPiece: WordPiece;
  readonly asked: readonly number[];
  readonly shown: Context;
  readonly place: number;
  readonly answer: readonly [number, number] | undefined;
}

function windowOf({ wordPiece, asked, shown, place, answer }: Shown, spans: readonly Span[], index: number, span: Span): QuestionWindow {
  const pieces = shown.pieces.slice(span.start, span.start + span.count);
  const ids = pieces.map(({ id }) => id);
  const text = encodePieces(wordPiece, asked, ids, asked.length + ids.length + 3);
  const front = asked.length + 2;
  const starts = new Int32Array(text.ids.length).fill(-1);
  const ends = new Int32Array(text.ids.length).fill(-1);
  const best = new Uint8Array(text.ids.length);
  pieces.forEach(({ word }, i) => {
    starts[front + i] = shown.words[word]!.start;
    ends[front + i] = shown.words[word]!.end;
    best[front + i] = Number(bestSpan(spans, span.start + i) === index);
  });
  return { ...text, question: place, starts, ends, best, answer: within(answer, span, front) };
}

/** The window in which a piece has most around it: the smaller side counts, and a longer window a little. */
function bestSpan(spans: readonly Span[], piece: number): number {
  const scores = spans.map(({ start, count }) => {
    const [left, right] = [piece - start, start + count - 1 - piece];
    return left < 0 || right < 0 ? -1 : Math.min(left, right) + 0.01 * count;
  });
  return scores.indexOf(Math.max(...scores));
}

function within(answer: readonly [number, number] | undefined, { start, count }: Span, front: number): readonly [number, number] {
  if (answer === undefined || answer[0] < start || answer[1] >= start + count) return [0, 0];
  return [answer[0] - start + front, answer[1] - start + front];
}

/** First and last piece of an answer in its context: of its words, narrowed to the pieces that the answer itself has, where they stand among them. */
function answerPieces({ words, pieces }: Context, answer: Answer | undefined, wordPiece: WordPiece): readonly [number, number] | undefined {
  if (answer === undefined) return undefined;
  const [from, to] = [answer.start, answer.start + answer.text.length];
  const touches = ({ word }: Piece): boolean => words[word]!.end > from && words[word]!.start < to;
  const [first, last] = [pieces.findIndex(touches), pieces.findLastIndex(touches)];
  if (first < 0) return undefined;
  const own = wordPiece.pieces(answer.text);
  for (let start = first; start + own.length - 1 <= last; start++)
    if (own.length > 0 && own.every((id, i) => pieces[start + i]?.id === id)) return [start, start + own.length - 1];
  return [first, last];
}
