import type { TextExample } from './pairs.ts';
import type { WordPiece } from './word-piece.ts';

/** A text, or a pair, as numbers of word pieces with start and ends: [CLS] first [SEP], or [CLS] first [SEP] second [SEP]. */
export interface EncodedText {
  readonly ids: Int32Array;
  /** 0 for the first text with its start and end, 1 for the second with its end. */
  readonly types: Int32Array;
}

/** Encodes texts; what is longer than `length` pieces loses its end, the longer text of a pair first. */
export function encodeTexts(examples: readonly TextExample[], wordPiece: WordPiece, length: number): readonly EncodedText[] {
  return examples.map(({ first, second }) => {
    const a = wordPiece.pieces(first);
    return second === undefined
      ? encodePieces(wordPiece, a, undefined, length)
      : encodePieces(wordPiece, a, wordPiece.pieces(second), length);
  });
}

/** Puts start and ends around the pieces of one or two texts. */
export function encodePieces(
  { special }: WordPiece,
  first: readonly number[],
  second: readonly number[] | undefined,
  length: number,
): EncodedText {
  const [a, b] = shortened(first, second ?? [], length - (second === undefined ? 2 : 3));
  const front = [special.cls, ...a, special.sep];
  const back = second === undefined ? [] : [...b, special.sep];
  const types = new Int32Array(front.length + back.length).fill(1, front.length);
  return { ids: Int32Array.from([...front, ...back]), types };
}

/** As much of two texts as fits: piece by piece the longer one loses its last. */
function shortened(a: readonly number[], b: readonly number[], room: number): [readonly number[], readonly number[]] {
  const excess = Math.max(0, a.length + b.length - room);
  const gap = a.length - b.length;
  // First the longer one alone, down to the other's length, then both in turn, the second first where they are equal.
  const fromLonger = Math.min(excess, Math.abs(gap));
  const each = (excess - fromLonger) / 2;
  const [offA, offB] = [(gap > 0 ? fromLonger : 0) + Math.floor(each), (gap > 0 ? 0 : fromLonger) + Math.ceil(each)];
  return [a.slice(0, a.length - offA), b.slice(0, b.length - offB)];
}
