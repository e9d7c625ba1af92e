import { BACKGROUND_NOISE_TAG, Dataset, type Example } from '@tensorflow-models/speech-commands';

/** Frames and frequencies of a spectrogram. */
export const FRAMES = 24;
export const FREQUENCIES = 40;

/** What is "said": where a tone is loud, over the frames of a spectrogram. */
const WORDS: Readonly<Record<string, (progress: number) => number>> = {
  low: () => 0.25,
  high: () => 0.75,
  rising: (progress) => 0.2 + 0.6 * progress,
  falling: (progress) => 0.8 - 0.6 * progress,
};

/**
 * Spectrograms of tones, in decibels, in place of recordings: four words and background noise.
 *
 * @param count examples of each
 */
export function spokenTones(count: number, seed: number): Dataset {
  const random = noise(seed);
  const dataset = new Dataset();
  for (let i = 0; i < count; i++) {
    for (const [label, pitch] of Object.entries(WORDS)) dataset.addExample(example(label, pitch, random));
    dataset.addExample(example(BACKGROUND_NOISE_TAG, undefined, random));
  }
  return dataset;
}

function example(label: string, pitch: ((progress: number) => number) | undefined, random: () => number): Example {
  const shift = 0.1 * (random() - 0.5);
  const data = Float32Array.from({ length: FRAMES * FREQUENCIES }, (_, place) => {
    const [frame, frequency] = [Math.floor(place / FREQUENCIES) / FRAMES, (place % FREQUENCIES) / FREQUENCIES];
    const distance = pitch === undefined ? Infinity : Math.abs(frequency - pitch(frame) - shift);
    return -80 + 12 * random() + 40 * Math.exp(-((distance / 0.08) ** 2));
  });
  return { label, spectrogram: { data, frameSize: FREQUENCIES } };
}

/** Seeded uniform numbers (a linear congruence; Numerical Recipes' constants). */
function noise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
