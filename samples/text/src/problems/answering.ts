import { questionWindows, type QuestionDataset, type QuestionWindow, type WindowOptions, type WordPiece } from '@nncf/datasets';
import { percent } from '@nncf/sample-training';
import * as tf from '@tensorflow/tfjs-core';
import { bestAnswers, type WindowLogits } from '../metrics/best-answers.ts';
import { scoreAnswers } from '../metrics/squad.ts';
import type { Problem, Score } from './problem.ts';

/**
 * Questions whose answers are parts of a passage (Devlin et al. 2018, arXiv 1810.04805, section 4.2): a network gives every token a logit to be the
 * answer's first, and one to be its last; the score is F1.
 */
export function answering(
  train: QuestionDataset | undefined,
  test: QuestionDataset,
  wordPiece: WordPiece,
  options: WindowOptions,
): Problem {
  const shown = train && questionWindows(train.questions, wordPiece, options);
  const asked = questionWindows(test.questions, wordPiece, options);
  const parts = [train, test].flatMap((part) => (part === undefined ? [] : [`${part.name}: ${part.questions.length} questions`]));
  return {
    head: 'answer',
    classes: 2,
    train: shown,
    test: asked,
    note: `${parts.join(', ')}, in ${(shown?.length ?? 0) + asked.length} windows`,
    targets: (indices) => answersOf(shown ?? [], indices),
    loss: (targets, outputs) => tf.mean(tf.stack(outputs.map((logits, side) => sideLoss(targets, logits, side)))),
    hits: (targets, outputs) => tf.tidy(() => tf.sum(tf.cast(isRight(targets, outputs), 'float32'))),
    score: (outputs) => scoreOf(test, asked, outputs as readonly WindowLogits[]),
  };
}

/** First and last token of the answer in each window, int32 `[windows, 2]`. */
function answersOf(windows: readonly QuestionWindow[], indices: Int32Array): tf.Tensor {
  const ends = [...indices].flatMap((place) => windows[place]!.answer);
  return tf.tensor2d(ends, [indices.length, 2], 'int32');
}

/** Cross entropy of the first (side 0) or last tokens. */
function sideLoss(targets: tf.Tensor, logits: tf.Tensor, side: number): tf.Tensor {
  // WebAssembly's one-hot makes whole numbers whatever type is asked for.
  const places = tf.cast(tf.oneHot(sideOf(targets, side), logits.shape[1]!), 'float32');
  return tf.reshape(tf.losses.softmaxCrossEntropy(places, logits), []);
}

/** Whether both ends of an answer have the highest logits, bool `[windows]`. */
function isRight(targets: tf.Tensor, outputs: readonly tf.Tensor[]): tf.Tensor {
  const sides = outputs.map((logits, side) => tf.equal(tf.argMax(logits, -1), sideOf(targets, side)));
  return sides.reduce((a, b) => tf.logicalAnd(a, b));
}

function sideOf(targets: tf.Tensor, side: number): tf.Tensor1D {
  return tf.reshape(tf.slice(targets, [0, side], [-1, 1]), [-1]);
}

function scoreOf(test: QuestionDataset, windows: readonly QuestionWindow[], logits: readonly WindowLogits[]): Score {
  const answers = bestAnswers(test.questions, windows, logits);
  const { exactMatch, f1 } = scoreAnswers(answers, test.questions);
  return {
    main: f1,
    text: `F1 ${percent(f1)}, exact match ${percent(exactMatch)} of ${test.questions.length} questions`,
    predictions: answers.map((answer) => answer ?? ''),
  };
}
