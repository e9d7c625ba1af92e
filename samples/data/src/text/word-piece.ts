import { Tokenizer } from '@huggingface/tokenizers';
import { corruptFile } from '../errors.ts';
import { readTextFile } from './source.ts';

/** Turns text into numbers of word pieces. */
export interface WordPiece {
  /** Number of word pieces. */
  readonly size: number;
  /** Padding, start of a text, end of a text, and what is in no vocabulary. */
  readonly special: { readonly pad: number; readonly cls: number; readonly sep: number; readonly unk: number };
  /** Numbers of a text's pieces, without start and end. */
  pieces(text: string): number[];
}

/** How text is prepared. */
export interface WordPieceOptions {
  /** Small letters without accents, as uncased vocabularies want it. @default true */
  readonly lowerCase?: boolean;
}

const SPECIAL = { pad: '[PAD]', cls: '[CLS]', sep: '[SEP]', unk: '[UNK]' } as const;
/** Longer words are unknown, as BERT's authors have it. */
const LONGEST_WORD = 100;

/**
 * WordPiece as in BERT (Devlin et al. 2018, arXiv 1810.04805): text is split at spaces, at punctuation and around ideographs, and each word into the
 * longest pieces of the vocabulary from the left.
 * @param vocabulary a piece a line in its file; the line is its number
 * @throws NncfError `CORRUPT_FILE` when one of [PAD], [CLS], [SEP] and [UNK] is missing
 */
export function createWordPiece(vocabulary: readonly string[], options: WordPieceOptions = {}, file = 'the vocabulary'): WordPiece {
  const numbers = new Map(vocabulary.map((piece, number) => [piece, number]));
  const numberOf = (piece: string): number => {
    const number = numbers.get(piece);
    if (number === undefined) throw corruptFile(file, `it has no line ${piece}`);
    return number;
  };
  const special = { pad: numberOf(SPECIAL.pad), cls: numberOf(SPECIAL.cls), sep: numberOf(SPECIAL.sep), unk: numberOf(SPECIAL.unk) };
  const tokenizer = new Tokenizer(descriptionOf(numbers, options.lowerCase ?? true), {});
  return {
    size: vocabulary.length,
    special,
    pieces: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
  };
}

/**
 * WordPiece over a vocabulary file.
 * @param source folder or tar file
 * @param path of the vocabulary in it
 * @throws NncfError `DATASET_MISSING`, `CORRUPT_FILE`
 */
export async function loadWordPiece(
  source: string,
  path = 'vocab/bert-base-uncased.txt',
  options: WordPieceOptions = {},
): Promise<WordPiece> {
  const { name, text } = await readTextFile(source, [path]);
  return createWordPiece(text.replace(/\r?\n$/, '').split(/\r?\n/), options, name);
}

/** What the tokenizer package wants to know, as a `tokenizer.json` says it. Special pieces are none in a text: whoever writes [SEP] means brackets. */
function descriptionOf(numbers: ReadonlyMap<string, number>, lowerCase: boolean): object {
  return {
    added_tokens: [],
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: lowerCase },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: null,
    decoder: null,
    model: {
      type: 'WordPiece',
      unk_token: SPECIAL.unk,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: LONGEST_WORD,
      vocab: Object.fromEntries(numbers),
    },
  };
}
