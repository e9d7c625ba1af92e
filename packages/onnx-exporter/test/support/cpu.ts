import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

/** Chooses the JavaScript backend, which every machine has. */
export async function useCpu(): Promise<void> {
  const backend: unknown = tf.findBackend('cpu');
  // On first use it would advise to install another one, in the middle of a test's output.
  if (typeof backend === 'object' && backend !== null && 'firstUse' in backend) backend.firstUse = false;
  await tf.setBackend('cpu');
}
