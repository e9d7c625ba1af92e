import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { oneShape, oneTensor } from '../custom-layers.ts';

type Inputs = tf.Tensor | tf.Tensor[];
type Shapes = tfl.Shape | tfl.Shape[];
type Config = tf.serialization.ConfigDict;
type Initializer = ReturnType<typeof tfl.initializers.zeros>;

/** How a layer is called; Keras's way of naming layers where it is not. */
interface Named {
  readonly name?: string;
}

/** Constant that keeps the deviation above zero. */
interface LayerNormConfig extends Named {
  readonly epsilon: number;
}

/**
 * (x − μ) / √(σ² + ε) · γ + β with mean and variance over the last axis (Ba et al. 2016, arXiv 1607.06450). The built-in layer first copies
 * mean, variance, γ and β to the size of x.
 */
class LayerNorm extends tfl.layers.Layer {
  static className = 'LayerNorm';
  readonly #epsilon: number;
  #gamma: tfl.LayerVariable | undefined;
  #beta: tfl.LayerVariable | undefined;

  constructor(config: LayerNormConfig) {
    super(named(config));
    this.#epsilon = config.epsilon;
  }

  override build(inputShape: Shapes): void {
    const width = lastSize(inputShape);
    this.#gamma = this.addWeight('gamma', [width], 'float32', tfl.initializers.ones());
    this.#beta = this.addWeight('beta', [width], 'float32', tfl.initializers.zeros());
    this.built = true;
  }

  override computeOutputShape(inputShape: Shapes): tfl.Shape {
    return oneShape(inputShape);
  }

  override call(inputs: Inputs): tf.Tensor {
    return tf.tidy(() => {
      const x = oneTensor(inputs);
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const variance = tf.mean(tf.square(centred), -1, true);
      const normal = tf.div(centred, tf.sqrt(tf.add(variance, this.#epsilon)));
      return tf.add(tf.mul(normal, this.#gamma!.read()), this.#beta!.read());
    });
  }

  override getConfig(): Config {
    return { ...super.getConfig(), epsilon: this.#epsilon };
  }
}

/** Size of the table of positions. */
interface PositionEmbeddingConfig extends Named {
  readonly positions: number;
  /** @default zeros */
  readonly initializer?: Initializer;
}

/** Adds to every token the vector of its place: rows 0 … length − 1 of a table [positions, width]. */
class PositionEmbedding extends tfl.layers.Layer {
  static className = 'PositionEmbedding';
  readonly #positions: number;
  readonly #initializer: Initializer;
  #table: tfl.LayerVariable | undefined;

  constructor(config: PositionEmbeddingConfig) {
    super(named(config));
    this.#positions = config.positions;
    this.#initializer = config.initializer ?? tfl.initializers.zeros();
  }

  override build(inputShape: Shapes): void {
    this.#table = this.addWeight('embeddings', [this.#positions, lastSize(inputShape)], 'float32', this.#initializer);
    this.built = true;
  }

  override computeOutputShape(inputShape: Shapes): tfl.Shape {
    return oneShape(inputShape);
  }

  override call(inputs: Inputs): tf.Tensor {
    return tf.tidy(() => {
      const x = oneTensor(inputs);
      return tf.add(x, tf.slice(this.#table!.read(), [0, 0], [x.shape[1]!, -1]));
    });
  }

  override getConfig(): Config {
    return { ...super.getConfig(), positions: this.#positions };
  }
}

/** What a place that is padding adds to its score: exp of it is 0 in 32-bit numbers. */
const MASKED = -10_000;

/** From a mask [batch, length] of whole numbers, 1 for a token and 0 for padding, to what is added to scores: [batch, 1, 1, length]. */
class AttentionMask extends tfl.layers.Layer {
  static className = 'AttentionMask';

  override computeOutputShape(inputShape: Shapes): tfl.Shape {
    const [batch = null, length = null] = oneShape(inputShape);
    return [batch, 1, 1, length];
  }

  override call(inputs: Inputs): tf.Tensor {
    return tf.tidy(() => {
      const mask = oneTensor(inputs);
      const padding = tf.mul(tf.sub(1, tf.cast(mask, 'float32')), MASKED);
      return tf.reshape(padding, [-1, 1, 1, mask.shape[1]!]);
    });
  }
}

/** Number of heads that share the width. */
interface HeadsConfig extends Named {
  readonly heads: number;
}

/** A layer that works on the heads of its inputs. */
abstract class Heads extends tfl.layers.Layer {
  protected readonly heads: number;

  constructor(config: HeadsConfig) {
    super(named(config));
    this.heads = config.heads;
  }

  override getConfig(): Config {
    return { ...super.getConfig(), heads: this.heads };
  }

  /** From [batch, length, width] to [batch, heads, length, width / heads]. */
  protected split(x: tf.Tensor): tf.Tensor {
    const [, length = 0, width = 0] = x.shape;
    return tf.transpose(tf.reshape(x, [-1, length, this.heads, width / this.heads]), [0, 2, 1, 3]);
  }
}

/**
 * Weights of attention, softmax(q·kᵀ / √depth + mask), [batch, heads, length, length] (Vaswani et al. 2017, arXiv 1706.03762, equation 1),
 * from queries and keys [batch, length, width] and what {@link attentionMask} gives.
 */
class AttentionScores extends Heads {
  static className = 'AttentionScores';

  override computeOutputShape(inputShape: Shapes): tfl.Shape {
    const [batch = null, length = null] = (inputShape as tfl.Shape[])[0]!;
    return [batch, this.heads, length, length];
  }

  override call(inputs: Inputs): tf.Tensor {
    return tf.tidy(() => {
      const [query, key, mask] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor];
      const scores = tf.matMul(this.split(query), this.split(key), false, true);
      return tf.softmax(tf.add(tf.div(scores, Math.sqrt(query.shape[2]! / this.heads)), mask));
    });
  }
}

/** The values [batch, length, width], mixed head by head by the weights of attention. */
class AttentionContext extends Heads {
  static className = 'AttentionContext';

  override computeOutputShape(inputShape: Shapes): tfl.Shape {
    return (inputShape as tfl.Shape[])[1]!;
  }

  override call(inputs: Inputs): tf.Tensor {
    return tf.tidy(() => {
      const [weights, values] = inputs as [tf.Tensor, tf.Tensor];
      const mixed = tf.transpose(tf.matMul(weights, this.split(values)), [0, 2, 1, 3]);
      return tf.reshape(mixed, [-1, values.shape[1]!, values.shape[2]!]);
    });
  }
}

/** x · ½ · (1 + erf(x / √2)) (Hendrycks and Gimpel 2016, arXiv 1606.08415), exact as in BERT, not by tanh. */
class Gelu extends tfl.layers.Layer {
  static className = 'Gelu';

  override computeOutputShape(inputShape: Shapes): tfl.Shape {
    return oneShape(inputShape);
  }

  override call(inputs: Inputs): tf.Tensor {
    return tf.tidy(() => {
      const x = oneTensor(inputs);
      return tf.mul(x, tf.mul(tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1), 0.5));
    });
  }
}

/** The first token's vector, [batch, width], of [batch, length, width]. */
class FirstToken extends tfl.layers.Layer {
  static className = 'FirstToken';

  override computeOutputShape(inputShape: Shapes): tfl.Shape {
    const shape = oneShape(inputShape);
    return [shape[0] ?? null, shape[2] ?? null];
  }

  override call(inputs: Inputs): tf.Tensor {
    return tf.tidy(() => {
      const x = oneTensor(inputs);
      return tf.reshape(tf.slice(x, [0, 0, 0], [-1, 1, -1]), [-1, x.shape[2]!]);
    });
  }
}

/** Share of zeros, and where the random numbers start. */
interface DropoutConfig extends Named {
  readonly rate: number;
  /** @default 0 */
  readonly seed?: number;
}

/**
 * In training zeroes a share of the numbers and scales the others up (Srivastava et al. 2014). Every call draws anew, the same in every run; the
 * built-in layer with a seed zeroes the same places for ever.
 */
class SeededDropout extends tfl.layers.Layer {
  static className = 'SeededDropout';
  readonly #rate: number;
  readonly #seed: number;
  #calls = 0;

  constructor(config: DropoutConfig) {
    super(named(config));
    this.#rate = config.rate;
    this.#seed = config.seed ?? 0;
  }

  override computeOutputShape(inputShape: Shapes): tfl.Shape {
    return oneShape(inputShape);
  }

  override call(inputs: Inputs, kwargs: { readonly training?: boolean }): tf.Tensor {
    const x = oneTensor(inputs);
    return kwargs.training === true ? tf.dropout(x, this.#rate, undefined, this.#draw()) : tf.clone(x);
  }

  /** Goes on as after so many calls. */
  restart(calls: number): void {
    this.#calls = calls;
  }

  #draw(): number {
    return this.#seed + FAR * this.#calls++;
  }

  override getConfig(): Config {
    return { ...super.getConfig(), rate: this.#rate, seed: this.#seed };
  }
}

/** More than the layers of a model: no two draw the same. */
const FAR = 100_003;
/** More than the steps of an epoch. */
const EPOCH = 1_000_000;

/** Lets all dropout of a model draw what is drawn from an epoch on, counted from 0: a training run that goes on ends like one that never stopped. */
export function restartDropout(model: tfl.LayersModel, epoch: number): void {
  for (const layer of model.layers) if (layer instanceof SeededDropout) layer.restart(epoch * EPOCH);
}

/** Which number of every token. */
interface TokenLogitConfig extends Named {
  readonly index: number;
}

/** One number of every token, [batch, length], of [batch, length, numbers]. */
class TokenLogit extends tfl.layers.Layer {
  static className = 'TokenLogit';
  readonly #index: number;

  constructor(config: TokenLogitConfig) {
    super(named(config));
    this.#index = config.index;
  }

  override computeOutputShape(inputShape: Shapes): tfl.Shape {
    return oneShape(inputShape).slice(0, 2);
  }

  override call(inputs: Inputs): tf.Tensor {
    return tf.tidy(() => {
      const x = oneTensor(inputs);
      return tf.reshape(tf.slice(x, [0, 0, this.#index], [-1, -1, 1]), [-1, x.shape[1]!]);
    });
  }

  override getConfig(): Config {
    return { ...super.getConfig(), index: this.#index };
  }
}

for (const layer of [
  LayerNorm,
  PositionEmbedding,
  AttentionMask,
  AttentionScores,
  AttentionContext,
  Gelu,
  SeededDropout,
  FirstToken,
  TokenLogit,
])
  tf.serialization.registerClass(layer);

/** Layer normalization over the last axis. */
export const layerNorm = (config: LayerNormConfig): tfl.layers.Layer => new LayerNorm(config);
/** Adds learned vectors of the places 0, 1, … */
export const positionEmbedding = (config: PositionEmbeddingConfig): tfl.layers.Layer => new PositionEmbedding(config);
/** What is added to scores of attention: 0 for a token, −10,000 for padding. */
export const attentionMask = (config: Named): tfl.layers.Layer => new AttentionMask(named(config));
/** Weights of attention, of [queries, keys, mask]. */
export const attentionScores = (config: HeadsConfig): tfl.layers.Layer => new AttentionScores(config);
/** Attended values, of [weights, values]. */
export const attentionContext = (config: HeadsConfig): tfl.layers.Layer => new AttentionContext(config);
/** Exact GELU. */
export const gelu = (config: Named): tfl.layers.Layer => new Gelu(named(config));
/** Dropout that draws anew at every call and the same in every run. */
export const seededDropout = (config: DropoutConfig): tfl.layers.Layer => new SeededDropout(config);
/** The vector of the first token. */
export const firstToken = (config: Named): tfl.layers.Layer => new FirstToken(named(config));
/** One of several numbers that every token has. */
export const tokenLogit = (config: TokenLogitConfig): tfl.layers.Layer => new TokenLogit(config);

function named({ name }: Named): { name?: string } {
  return name === undefined ? {} : { name };
}

function lastSize(shape: Shapes): number {
  return oneShape(shape).at(-1) ?? 0;
}
