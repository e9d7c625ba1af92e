import * as speechCommands from '@tensorflow-models/speech-commands';
import { baseMetadata, baseModel } from './base-model.ts';
import { spokenTones } from './spoken-tones.ts';
import { accuracyOf } from './recognizer.ts';

/** Teaches new words to a recognizer as the package's own guide does; share of right answers on words that were not heard in training. */
export async function teach(): Promise<number> {
  const recognizer = speechCommands.create('BROWSER_FFT', undefined, await baseModel(), baseMetadata);
  await recognizer.ensureModelLoaded();
  const transfer = recognizer.createTransfer('tones');
  transfer.loadExamples(spokenTones(40, 1).serialize());
  await transfer.train({ epochs: 15, optimizer: 'adam' });
  await transfer.train({ epochs: 1, fineTuningEpochs: 4, optimizer: 'adam', fineTuningOptimizer: 'adam' });
  return accuracyOf(transfer, spokenTones(20, 2));
}
