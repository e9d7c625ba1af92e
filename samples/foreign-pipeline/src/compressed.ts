import * as speechCommands from '@tensorflow-models/speech-commands';
import { createCompressionAlgorithm } from '@nncf/core';
import '@nncf/onnx-exporter';
import '@nncf/quantization';
import { baseMetadata, baseModel } from './base-model.ts';
import { spokenTones } from './spoken-tones.ts';
import { accuracyOf, modelOf, spectrogramsOf } from './recognizer.ts';

/** Teaches new words to a recognizer as the package's own guide does; share of right answers on words that were not heard in training. */
export async function teach(file: string): Promise<number> {
  const recognizer = speechCommands.create('BROWSER_FFT', undefined, await baseModel(), baseMetadata);
  await recognizer.ensureModelLoaded();
  const transfer = recognizer.createTransfer('tones');
  transfer.loadExamples(spokenTones(40, 1).serialize());
  await transfer.train({ epochs: 15, optimizer: 'adam' });
  const algo = await createCompressionAlgorithm(modelOf(transfer), { compression: { algorithm: 'quantization' } });
  await algo.initialize(spectrogramsOf(spokenTones(40, 1)));
  await transfer.train({ epochs: 1, fineTuningEpochs: 4, optimizer: 'adam', fineTuningOptimizer: 'adam' });
  await algo.exportModel(file);
  return accuracyOf(transfer, spokenTones(20, 2));
}
