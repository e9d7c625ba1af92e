import { traceModel, type InputInfo } from '@nncf/core';
import { branchedModel, functionalModel, sharedModel, smallSequential } from '@nncf/testing';
import { mobileNetV2, resnet18, resnet20 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { channelFlow } from '../src/channel-flow.ts';
import { pruningSpace, type Cluster } from '../src/clusters.ts';
import type { FilterPruningConfig } from '../src/config.ts';
import { multiplyAdds } from '../src/multiply-adds.ts';
import { readSettings } from '../src/settings.ts';

beforeAll(() => tf.setBackend('cpu'));

function clusters(model: unknown, config: FilterPruningConfig = {}, inputs: readonly InputInfo[] = []): readonly Cluster[] {
  const { graph } = traceModel(model, inputs);
  return pruningSpace(channelFlow(graph), graph, readSettings(config), config).clusters;
}

/** Weights of each cluster with the number of classes that may go. */
const summary = (found: readonly Cluster[]): string[] =>
  found.map(({ classes, filters }) => `${filters.map(({ weight }) => weight.replace('/kernel', '')).join('+')}: ${classes.length}`);

const all: FilterPruningConfig = { params: { prune_first_conv: true, prune_downsample_convs: true } };

describe('clusters', () => {
  test('a chain: every convolution but the first, and but the last when its channels are an output', () => {
    expect(summary(clusters(smallSequential()))).toEqual(['conv2: 4']);
    expect(summary(clusters(smallSequential(), all))).toEqual(['conv1: 4', 'conv2: 4']);
  });

  test('scopes choose the convolutions', () => {
    expect(summary(clusters(smallSequential(), { ...all, ignored_scopes: 'conv1' }))).toEqual(['conv2: 4']);
    expect(summary(clusters(smallSequential(), { ...all, target_scopes: 'conv1' }))).toEqual(['conv1: 4']);
  });

  test('an addition joins convolutions, a concatenation does not', () => {
    expect(summary(clusters(branchedModel(), all))).toEqual(['left+right: 4']);
  });

  test('a convolution that reads its own result has its channels in common with the input', () => {
    expect(summary(clusters(sharedModel(), all))).toEqual([]);
  });

  test('functional code', () => {
    expect(summary(clusters(functionalModel(), all, [{ sample_size: [1, 8, 8, 3] }]))).toEqual(['kernel: 4']);
  });

  test('residual networks: the inner convolution of each block, and with shortcuts the streams', () => {
    const inner = summary(clusters(resnet18({ classes: 10, inputShape: [32, 32, 3] })));
    expect(inner).toHaveLength(8);
    expect(inner[0]).toMatch(/: 64$/u);
    const streams = summary(clusters(resnet18({ classes: 10, inputShape: [32, 32, 3] }), all));
    expect(streams).toHaveLength(12);
    expect(streams.filter((cluster) => cluster.includes('+')).map((cluster) => cluster.split('+').length)).toEqual([3, 3, 3, 3]);
  });

  test('shortcuts that pad channels leave the inner convolutions', () => {
    const found = summary(clusters(resnet20()));
    expect(found.map((cluster) => Number(cluster.split(': ')[1])).sort((a, b) => a - b)).toEqual([16, 16, 16, 32, 32, 32, 64, 64, 64]);
  });

  test('inverted residuals: expansion and depthwise filters are one', () => {
    const found = clusters(mobileNetV2({ classes: 10, inputShape: [32, 32, 3] }));
    const expansions = found.filter(({ filters }) => filters.length === 1);
    expect(expansions.length).toBeGreaterThanOrEqual(16);
  });
});

describe('multiplyAdds', () => {
  test('of a chain, whole and without channels, by hand', () => {
    const { graph } = traceModel(smallSequential());
    const flow = channelFlow(graph);
    const { clusters: found } = pruningSpace(flow, graph, readSettings(all), {});
    const whole = 36 * 9 * 3 * 4 + 4 * 9 * 4 * 4 + 16 * 5;
    expect(multiplyAdds(flow, graph, new Set())).toBe(whole);
    const [first, second] = found.map(({ classes }) => classes) as [readonly number[], readonly number[]];
    const pruned = new Set([first[0] as number, second[0] as number, second[1] as number]);
    expect(multiplyAdds(flow, graph, pruned)).toBe(36 * 9 * 3 * 3 + 4 * 9 * 3 * 2 + 8 * 5);
  });

  test('ResNet-20 takes 40.6 million', () => {
    const { graph } = traceModel(resnet20());
    expect(multiplyAdds(channelFlow(graph), graph, new Set()) / 1e6).toBeCloseTo(40.55, 1);
  });
});
