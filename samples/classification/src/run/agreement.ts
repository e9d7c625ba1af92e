import { agreement, type ClassificationScore } from '@nncf/datasets';
import { percent } from '@nncf/sample-training';

/** How often two runtimes agree, as an end of a sentence; empty when one of them did not run. */
export function agreementOf(first: ClassificationScore | undefined, second: ClassificationScore): string {
  return first === undefined ? '' : `, the same class as TensorFlow.js on ${percent(agreement(first.predictions, second.predictions))}`;
}
