/** A word, and where it stands in its text. */
export interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Punctuation and ideographs are words of their own, as BERT splits text; everything else goes on until a space, one of them, or the end. */
const SINGLE = String.raw`!-/:-@\[-${'`'}{-~\p{P}\p{Unified_Ideograph}`;
const WORDS = new RegExp(String.raw`[${SINGLE}]|[^\s${SINGLE}]+`, 'gu');

/** The words of a text as BERT's tokenizer tells them apart, with the characters at which they begin and end. */
export function wordsOf(text: string): readonly Word[] {
  return [...text.matchAll(WORDS)].map(({ 0: word, index }) => ({ text: word, start: index, end: index + word.length }));
}
