import { existsSync } from 'node:fs';
import { readFileBytes, readSafetensors } from '@nncf/core';
import { badSetting } from '@nncf/sample-training';
import { bert, bertEncoder, bertSizes, loadWeights, weightNames } from '@nncf/zoo';
import type * as tfl from '@tensorflow/tfjs-layers';
import { weightsMissing } from '../errors.ts';
import type { Settings } from '../settings/settings.ts';
import { MINILM, miniLmFiles } from '../weights/minilm.ts';
import type { Data } from './data.ts';

/**
 * Builds a BERT for the data and loads the given weights: `paraphrase-MiniLM-L3-v2` from the cache, or a file, of the whole network or of its
 * encoder alone; the rest then starts at random.
 * @throws NncfError `CONFIG_INVALID` for an unknown model, `WEIGHTS_MISSING`; those of `loadWeights`
 */
export async function openModel(settings: Settings, { problem, wordPiece }: Data): Promise<tfl.LayersModel> {
  const { model: name, network, weights, seed, open, length } = settings;
  const size = Object.hasOwn(bertSizes, name) ? bertSizes[name] : undefined;
  if (size === undefined) throw badSetting(`there is no model called ${name}`, `Known are ${Object.keys(bertSizes).join(', ')}.`);
  const { head, classes } = problem;
  const vocabulary = wordPiece.size;
  const model = bert({ ...size, vocabulary, ...network, seed, head, classes, length: open ? null : length });
  if (weights !== undefined) await load(model, fileOf(weights));
  for (const layer of model.layers) if (settings.frozen.some((prefix) => layer.name.startsWith(prefix))) layer.trainable = false;
  return model;
}

function fileOf(weights: string): string {
  if (weights !== MINILM || existsSync(weights)) return weights;
  const { safetensors } = miniLmFiles();
  if (!existsSync(safetensors)) throw weightsMissing(MINILM, safetensors);
  return safetensors;
}

async function load(model: tfl.LayersModel, file: string): Promise<void> {
  const { tensors } = readSafetensors(await readFileBytes(file));
  const isWhole = weightNames(model).every((name) => tensors.has(name));
  await (isWhole ? loadWeights(model, file) : loadWeights(bertEncoder(model), file, { allowExtra: true }));
}
