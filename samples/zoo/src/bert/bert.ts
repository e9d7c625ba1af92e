import * as tfl from '@tensorflow/tfjs-layers';
import {
  attentionContext,
  attentionMask,
  attentionScores,
  firstToken,
  gelu,
  layerNorm,
  positionEmbedding,
  seededDropout,
  tokenLogit,
} from './layers.ts';

/** What a BERT can be asked for; the defaults are BERT-base, uncased. */
export interface BertOptions {
  /** Number of encoder layers. @default 12 */
  readonly layers?: number;
  /** Width of a token's vector. @default 768 */
  readonly width?: number;
  /** Heads of attention; they share the width. @default 12 */
  readonly heads?: number;
  /** Width between the two dense layers of an encoder layer. @default four times the width */
  readonly intermediate?: number;
  /** Word pieces. @default 30522 */
  readonly vocabulary?: number;
  /** Rows of the table of positions: the longest text. @default 512 */
  readonly positions?: number;
  /** Tokens of a text; `null` leaves it open. @default 128 */
  readonly length?: number | null;
  /**
   * What the model gives: `classification`: logits [batch, classes]; `answer`: logits of the first and of the last token of the answer, two times
   * [batch, length]; `none`: vectors of all tokens [batch, length, width] and the pooled one [batch, width]. @default 'classification'
   */
  readonly head?: 'classification' | 'answer' | 'none';
  /** @default 2 */
  readonly classes?: number;
  /** Share that dropout zeroes behind embeddings, attention and dense layers. @default 0.1 */
  readonly dropout?: number;
  /** Seed of initial weights and dropout. @default 0 */
  readonly seed?: number;
  /** `zeros` builds at once: for a model whose weights are loaded next. @default 'random' */
  readonly initial?: 'random' | 'zeros';
}

type Symbolic = tfl.SymbolicTensor;
type Initializer = ReturnType<typeof tfl.initializers.zeros>;

/** Number in every normalization of BERT. */
const EPSILON = 1e-12;
/** Deviation of initial weights (Devlin et al. 2018, as its authors' code has it). */
const DEVIATION = 0.02;
/** First and second text of a pair. */
const TOKEN_TYPES = 2;

interface Context extends Required<Omit<BertOptions, 'seed' | 'initial'>> {
  readonly weights: () => Initializer;
  /** A seed that no layer has. */
  readonly draw: () => number;
}

/**
 * BERT (Devlin et al. 2018, arXiv 1810.04805): inputs `input_ids`, `attention_mask` (1 for a token, 0 for padding) and `token_type_ids` (0 for
 * the first text of a pair, 1 for the second), whole numbers [batch, length]. Layers are named as in the published weights
 * (`encoder.layer.0.attention.self.query`).
 */
export function bert(options: BertOptions = {}): tfl.LayersModel {
  const context = contextOf(options);
  const [ids, mask, types] = (['input_ids', 'attention_mask', 'token_type_ids'] as const).map((name) =>
    tfl.input({ shape: [context.length], dtype: 'int32', name }),
  ) as [Symbolic, Symbolic, Symbolic];
  const added = apply(attentionMask({ name: 'encoder.mask' }), mask);
  let x = embeddings(context, ids, types);
  for (let i = 0; i < context.layers; i++) x = encoderLayer(context, `encoder.layer.${i}`, x, added);
  return tfl.model({ name: 'bert', inputs: [ids, mask, types], outputs: headOf(context, x) });
}

/**
 * Sizes of published models by the name that a command line uses: base and large (Devlin et al. 2018, arXiv 1810.04805), tiny (Turc et al. 2019,
 * arXiv 1908.08962), and the three-layer one that `paraphrase-MiniLM-L3-v2` is (Reimers and Gurevych 2019, arXiv 1908.10084).
 */
export const bertSizes: Readonly<Record<string, Required<Pick<BertOptions, 'layers' | 'width' | 'heads'>>>> = {
  bert_base: { layers: 12, width: 768, heads: 12 },
  bert_large: { layers: 24, width: 1024, heads: 16 },
  bert_tiny: { layers: 2, width: 128, heads: 2 },
  bert_minilm_l3: { layers: 3, width: 384, heads: 12 },
};

/** BERT-base: 109,482,240 parameters without the head. */
export function bertBase(options: BertOptions = {}): tfl.LayersModel {
  return bert({ ...bertSizes['bert_base'], ...options });
}

/** BERT-tiny: 4,385,920 parameters without the head. */
export function bertTiny(options: BertOptions = {}): tfl.LayersModel {
  return bert({ ...bertSizes['bert_tiny'], ...options });
}

/** The three-layer BERT of MiniLM's width: 17,389,824 parameters without the head. */
export function bertMiniLmL3(options: BertOptions = {}): tfl.LayersModel {
  return bert({ ...bertSizes['bert_minilm_l3'], ...options });
}

/**
 * The part of a model of {@link bert} that gives the vectors of all tokens, [batch, length, width], by the same layers: what is loaded into it is in
 * the model too.
 */
export function bertEncoder(model: tfl.LayersModel): tfl.LayersModel {
  const last = model.layers.findLast(({ name }) => /^encoder\.layer\.\d+\.output\.LayerNorm$/.test(name));
  const output = last ?? model.getLayer('embeddings.LayerNorm');
  return tfl.model({ name: 'bert_encoder', inputs: model.inputs, outputs: output.output as Symbolic });
}

function contextOf(options: BertOptions): Context {
  const { layers = 12, width = 768, heads = 12, intermediate = 4 * width, vocabulary = 30_522, positions = 512, length = 128 } = options;
  const { head = 'classification', classes = 2, dropout = 0.1, seed = 0, initial = 'random' } = options;
  let draws = seed * 10_000;
  const draw = (): number => ++draws;
  const normal = (): Initializer => tfl.initializers.truncatedNormal({ mean: 0, stddev: DEVIATION, seed: draw() });
  const weights = initial === 'zeros' ? (): Initializer => tfl.initializers.zeros() : normal;
  return { layers, width, heads, intermediate, vocabulary, positions, length, head, classes, dropout, weights, draw };
}

function embeddings(context: Context, ids: Symbolic, types: Symbolic): Symbolic {
  const { vocabulary, positions, weights } = context;
  const table = (name: string, inputDim: number, x: Symbolic): Symbolic =>
    apply(tfl.layers.embedding({ name, inputDim, outputDim: context.width, embeddingsInitializer: weights() }), x);
  const words = table('embeddings.word_embeddings', vocabulary, ids);
  const kinds = table('embeddings.token_type_embeddings', TOKEN_TYPES, types);
  const sum = apply(tfl.layers.add({ name: 'embeddings.add' }), [words, kinds]);
  const placed = apply(positionEmbedding({ name: 'embeddings.position_embeddings', positions, initializer: weights() }), sum);
  return dropped(context, 'embeddings.dropout', normalized('embeddings.LayerNorm', placed));
}

/** Attention and two dense layers, each with its residual sum and normalization (figure 1 of arXiv 1706.03762, left). */
function encoderLayer(context: Context, name: string, x: Symbolic, mask: Symbolic): Symbolic {
  const attended = residual(context, `${name}.attention.output`, attention(context, `${name}.attention.self`, x, mask), x);
  const wide = dense(context, `${name}.intermediate.dense`, context.intermediate, attended);
  return residual(context, `${name}.output`, apply(gelu({ name: `${name}.intermediate.gelu` }), wide), attended);
}

function attention(context: Context, name: string, x: Symbolic, mask: Symbolic): Symbolic {
  const { heads, width } = context;
  const [query, key, value] = ['query', 'key', 'value'].map((part) => dense(context, `${name}.${part}`, width, x));
  const scores = apply(attentionScores({ name: `${name}.scores`, heads }), [query!, key!, mask]);
  return apply(attentionContext({ name: `${name}.context`, heads }), [dropped(context, `${name}.dropout`, scores), value!]);
}

function residual(context: Context, name: string, branch: Symbolic, x: Symbolic): Symbolic {
  const projected = dropped(context, `${name}.dropout`, dense(context, `${name}.dense`, context.width, branch));
  return normalized(`${name}.LayerNorm`, apply(tfl.layers.add({ name: `${name}.add` }), [projected, x]));
}

function headOf(context: Context, x: Symbolic): Symbolic[] {
  if (context.head === 'answer') {
    const logits = dense(context, 'qa_outputs', 2, x);
    return ['start_logits', 'end_logits'].map((name, index) => apply(tokenLogit({ name, index }), logits));
  }
  const pooled = apply(pooler(context), apply(firstToken({ name: 'pooler.first' }), x));
  if (context.head === 'none') return [x, pooled];
  return [dense(context, 'classifier', context.classes, dropped(context, 'classifier.dropout', pooled))];
}

function pooler({ width, weights }: Context): tfl.layers.Layer {
  return tfl.layers.dense({ name: 'pooler.dense', units: width, activation: 'tanh', kernelInitializer: weights() });
}

function dense({ weights }: Context, name: string, units: number, x: Symbolic): Symbolic {
  return apply(tfl.layers.dense({ name, units, kernelInitializer: weights() }), x);
}

function normalized(name: string, x: Symbolic): Symbolic {
  return apply(layerNorm({ name, epsilon: EPSILON }), x);
}

function dropped({ dropout, draw }: Context, name: string, x: Symbolic): Symbolic {
  return dropout === 0 ? x : apply(seededDropout({ name, rate: dropout, seed: draw() }), x);
}

function apply(layer: tfl.layers.Layer, x: Symbolic | Symbolic[]): Symbolic {
  return layer.apply(x) as Symbolic;
}
