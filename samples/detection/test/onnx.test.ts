import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import { cocoDataset, detectionBatches, sharedFile } from '@nncf/datasets';
import { onnxBytes } from '@nncf/onnx-exporter';
import { createDetector, loadSsdMobileNetCoco, ssdMobileNetV1, type Detector } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { pythonEnv } from '../../../scripts/python-env.mjs';
import { appendDetection } from '../src/onnx/append-detection.ts';
import { overlap } from '../src/ssd/boxes.ts';
import { detect } from '../src/ssd/detect.ts';
import type { Detections, SelectionOptions } from '../src/ssd/selection.ts';

beforeAll(async () => {
  await useBackend({ quiet: true });
});

/** A detector whose predictors are large enough to be sure of something. */
async function loudDetector(scoring: 'softmax' | 'sigmoid'): Promise<Detector> {
  const detector = ssdMobileNetV1({ inputShape: [96, 96, 3], width: 0.125, classes: 4, seed: 5 });
  for (const layer of detector.model.layers.filter(({ name }) => name.endsWith('.classes') && name.startsWith('head'))) {
    const [kernel, bias] = layer.getWeights() as [tf.Tensor, tf.Tensor];
    layer.setWeights([tf.mul(kernel, scoring === 'softmax' ? 60 : 20), bias]);
  }
  return { ...detector, scoring };
}

async function runFile(bytes: Uint8Array, xs: tf.Tensor): Promise<Detections> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const pixels = new ort.Tensor('float32', (await xs.data()) as Float32Array, xs.shape);
  const { boxes, scores, labels } = await session.run({ [session.inputNames[0]!]: pixels });
  await session.release();
  return {
    boxes: boxes!.data as Float32Array,
    scores: scores!.data as Float32Array,
    labels: Int32Array.from(labels!.data as BigInt64Array, Number),
  };
}

function bytesOf(detector: Detector, options: SelectionOptions): Uint8Array {
  return appendDetection(onnxBytes(detector.model, { batchSize: 1, outputNames: ['encodings', 'logits'] }), detector, options);
}

describe('the exported file', () => {
  it.each(['softmax', 'sigmoid'] as const)('finds what TensorFlow.js finds (%s)', async (scoring) => {
    const detector = await loudDetector(scoring);
    const options = { scoreThreshold: 0.3, overlapThreshold: 0.5, limit: 20 };
    const xs = tf.randomUniform([1, 96, 96, 3], -1, 1, 'float32', 2);
    const [expected] = await detect(detector, xs, options);
    const found = await runFile(bytesOf(detector, options), xs);
    expect(expected!.labels).toHaveLength(20);
    expect(expected!.scores[0]).toBeGreaterThan(0.5);
    expect(found.labels).toEqual(expected!.labels);
    found.scores.forEach((score, place) => expect(score).toBeCloseTo(expected!.scores[place]!, 4));
    found.labels.forEach((_, place) => expect(overlap(found.boxes, place, expected!.boxes, place)).toBeGreaterThan(0.999));
    detector.model.dispose();
  });

  it(
    'passes the checker of the standard',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'nncf-detection-'));
      const files = ['ssd300_vgg', 'ssd300_mobilenet_v1'].map((name) => {
        const detector = createDetector(name, { width: 0.0625, classes: 3, initial: 'zeros' });
        writeFileSync(join(folder, `${name}.onnx`), bytesOf(detector, {}));
        detector.model.dispose();
        return join(folder, `${name}.onnx`);
      });
      const program = 'import onnx, sys\nfor path in sys.argv[1:]: onnx.checker.check_model(path, full_check=True)';
      const { status, stderr } = spawnSync(pythonEnv(), ['-c', program, ...files], { encoding: 'utf8' });
      rmSync(folder, { recursive: true });
      expect([status, stderr]).toEqual([0, '']);
    },
    // The environment is made when it is not there.
    15 * 60_000,
  );

  it('finds nothing where nothing is sure enough', async () => {
    const detector = await loudDetector('sigmoid');
    const xs = tf.zeros([1, 96, 96, 3]);
    const found = await runFile(bytesOf(detector, { scoreThreshold: 1 }), xs);
    expect([found.boxes.length, found.scores.length, found.labels.length]).toEqual([0, 0, 0]);
    detector.model.dispose();
  });

  it('of the published SSD finds in a picture of COCO what TensorFlow.js finds (needs the shared folders)', async (context) => {
    const [weights, pack] = [sharedFile('weights/ssd_mobilenet_v1_0.75_300_coco.safetensors'), sharedFile('data/coco-mini.tar')];
    if (weights === undefined || pack === undefined) return context.skip('the shared folders are not there');
    const detector = await loadSsdMobileNetCoco(weights);
    const options = { overlapThreshold: 0.6 };
    const bytes = bytesOf(detector, options);
    const normalization = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
    let sure = 0;
    for await (const { xs, objects } of detectionBatches(await cocoDataset(pack, 'val2017'), {
      batchSize: 1,
      size: [300, 300],
      normalization,
    })) {
      if (objects[0]!.index === 4) break;
      const [expected] = await detect(detector, xs, options);
      const found = await runFile(bytes, xs);
      expected!.scores.forEach((score, place) => {
        if (score < 0.5) return;
        sure += 1;
        expect(found.labels[place]).toBe(expected!.labels[place]);
        expect(overlap(found.boxes, place, expected!.boxes, place)).toBeGreaterThan(0.99);
      });
    }
    expect(sure).toBeGreaterThan(5);
    detector.model.dispose();
  });
});
