import type { SpeechCommandRecognizerMetadata } from '@tensorflow-models/speech-commands';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { FRAMES, FREQUENCIES } from './spoken-tones.ts';

/** Words of the base model, which nobody asks it for. */
const BASE_WORDS = ['_background_noise_', 'yes', 'no'];

/** What the package would download: a recognizer of the shape that it trains upon, here small and with random weights. */
export async function baseModel(): Promise<tf.io.ModelArtifacts> {
  const seeded = (seed: number): object => ({ kernelInitializer: tfl.initializers.heNormal({ seed }) });
  const model = tfl.sequential({
    layers: [
      tfl.layers.conv2d({ inputShape: [FRAMES, FREQUENCIES, 1], filters: 8, kernelSize: [2, 8], activation: 'relu', ...seeded(1) }),
      tfl.layers.maxPooling2d({ poolSize: [2, 2] }),
      tfl.layers.conv2d({ filters: 16, kernelSize: [2, 4], activation: 'relu', ...seeded(2) }),
      tfl.layers.maxPooling2d({ poolSize: [2, 2] }),
      tfl.layers.flatten(),
      tfl.layers.dense({ units: 64, activation: 'relu', ...seeded(3) }),
      tfl.layers.dropout({ rate: 0.25, seed: 4 }),
      tfl.layers.dense({ units: BASE_WORDS.length, activation: 'softmax', ...seeded(5) }),
    ],
  });
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (saved) => {
      artifacts = saved;
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(saved) };
    }),
  );
  model.dispose();
  return artifacts!;
}

/** Belongs to {@link baseModel}. */
export const baseMetadata: SpeechCommandRecognizerMetadata = {
  tfjsSpeechCommandsVersion: '0.5.4',
  modelName: 'tones',
  wordLabels: BASE_WORDS,
};
