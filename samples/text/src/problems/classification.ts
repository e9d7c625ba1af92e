import { encodeTexts, type TextDataset, type WordPiece } from '@nncf/datasets';
import { percent } from '@nncf/sample-training';
import * as tf from '@tensorflow/tfjs-core';
import type { Problem, Score, TextOutputs } from './problem.ts';

/**
 * Texts, or pairs, of one class each; the score is the share of right classes.
 * @param length of the longest text in word pieces; more is cut off
 */
export function classification(train: TextDataset | undefined, test: TextDataset, wordPiece: WordPiece, length: number): Problem {
  const { classNames } = test;
  const labels = Int32Array.from(train?.examples ?? [], ({ label }) => label);
  const parts = [train, test].flatMap((part) => (part === undefined ? [] : [`${part.name}: ${part.examples.length} texts`]));
  return {
    head: 'classification',
    classes: classNames.length,
    train: train && encodeTexts(train.examples, wordPiece, length),
    test: encodeTexts(test.examples, wordPiece, length),
    note: parts.join(', '),
    targets: (indices) =>
      tf.tidy(() =>
        // WebAssembly's one-hot makes whole numbers whatever type is asked for.
        tf.cast(
          tf.oneHot(
            [...indices].map((place) => labels[place]!),
            classNames.length,
          ),
          'float32',
        ),
      ),
    loss: (targets, [logits]) => tf.reshape(tf.losses.softmaxCrossEntropy(targets, logits!), []),
    hits: (targets, [logits]) => tf.tidy(() => tf.sum(tf.cast(tf.equal(tf.argMax(logits!, -1), tf.argMax(targets, -1)), 'float32'))),
    score: (outputs) => accuracy(outputs, test),
  };
}

function accuracy(outputs: readonly TextOutputs[], { examples, classNames }: TextDataset): Score {
  const found = outputs.map(([logits]) => logits!.indexOf(Math.max(...logits!)));
  const right = examples.filter(({ label }, i) => label === found[i]).length;
  const main = right / examples.length;
  return {
    main,
    text: `accuracy ${percent(main)} of ${examples.length} texts`,
    predictions: found.map((label) => classNames[label] ?? ''),
  };
}
