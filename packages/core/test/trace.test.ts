import { scope, traceModel, type ModelGraph } from '@nncf/core';
import { branchedModel, functionalModel, sharedModel, smallSequential } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';

const names = (graph: ModelGraph): string[] => graph.nodes.map((node) => node.name);

describeBackends('trace', () => {
  it('writes fused kernels as their parts and drops copies', () => {
    const { graph } = traceModel(smallSequential());
    expect(names(graph)).toEqual([
      'conv1/Conv2D_0',
      'conv1/Add_0',
      'conv1/Relu_0',
      'bn/FusedBatchNorm_0',
      'conv2/Conv2D_0',
      'conv2/Add_0',
      'flatten/Reshape_0',
      'dense/MatMul_0',
      'dense/Add_0',
      'dense/Softmax_0',
    ]);
    const kinds = graph.nodes.map((node) => node.inputs.map((id) => graph.values[id]?.name));
    expect(kinds[3]?.slice(1)).toEqual(['bn/gamma', 'bn/beta', 'bn/moving_mean', 'bn/moving_variance']);
    expect(kinds[7]).toEqual(['flatten/Reshape_0:0', 'dense/kernel']);
  });

  it('marks what follows the batch', () => {
    const { graph } = traceModel(smallSequential());
    const reshape = graph.nodes.find((node) => node.op === 'Reshape');
    expect(reshape?.batchAttrs).toEqual({ shape: [0] });
    expect(graph.values[reshape?.outputs[0] ?? -1]?.shape).toEqual([null, 16]);
    expect(graph.outputs.map((id) => graph.values[id]?.shape)).toEqual([[null, 5]]);
  });

  it('follows several inputs and outputs', () => {
    const { graph } = traceModel(branchedModel());
    expect(graph.inputs.map((id) => graph.values[id]?.name)).toEqual(['a', 'b']);
    expect(graph.outputs.map((id) => graph.values[id]?.shape)).toEqual([
      [null, 8, 8, 4],
      [null, 3],
    ]);
    const concat = graph.nodes.find((node) => node.op === 'Concat');
    expect(concat?.inputs.map((id) => graph.values[id]?.name)).toEqual(['sum/Add_0:0', 'left/Relu_0:0']);
  });

  it('tells the calls of a shared layer apart and keeps its variable one', () => {
    const { graph } = traceModel(sharedModel());
    const convolutions = graph.nodes.filter((node) => node.op === 'Conv2D');
    expect(convolutions.map((node) => node.scope)).toEqual(['nested/shared', 'nested/shared#1', 'nested#1/shared', 'nested#1/shared#1']);
    expect(new Set(convolutions.map((node) => node.inputs[1])).size).toBe(1);
  });

  it('reads functional code by its scopes', () => {
    const { graph } = traceModel(functionalModel(), [{ sample_size: [1, 8, 8, 3] }]);
    expect(names(graph)).toEqual(['stem/Conv2D_0', 'stem/Relu_0', 'head/Mean_0', 'head/MatMul_0']);
    expect(graph.values.filter((value) => value.kind === 'variable').map((value) => value.name)).toEqual(['kernel', 'head']);
  });

  it('keeps the contents of constants', () => {
    const model = tfl.sequential({ layers: [tfl.layers.dense({ units: 2, inputShape: [3], activation: 'hardSigmoid', name: 'd' })] });
    const { graph } = traceModel(model);
    const constants = graph.values.filter((value) => value.kind === 'constant').map((value) => value.data?.data[0]);
    expect(constants[0]).toBeCloseTo(0.2);
    expect(constants[1]).toBeCloseTo(0.5);
  });

  it('marks the inside of a custom gradient as closed', () => {
    const square = tf.customGrad((x, save) => {
      (save as tf.GradSaveFunc)([x as tf.Tensor]);
      return { value: tf.square(x as tf.Tensor), gradFunc: (dy, saved) => tf.mul(dy, saved[0] as tf.Tensor) };
    });
    const model = { variables: {}, call: (x: tf.Tensor) => tf.relu(square(x)) };
    const { graph } = traceModel(model, [{ sample_size: [1, 4] }]);
    expect(graph.nodes.map((node) => [node.op, node.insertable])).toEqual([
      ['Square', false],
      ['Relu', true],
    ]);
  });

  it('refuses a model whose operations depend on the batch, and leaves the engine whole', () => {
    const model = { variables: {}, call: (x: tf.Tensor) => ((x.shape[0] ?? 0) > 2 ? tf.relu(x) : tf.abs(x)) };
    expect(() => traceModel(model, [{ sample_size: [1, 4] }])).toThrow(/GRAPH_UNSTABLE|other operations at batch/u);
    expect(Object.hasOwn(tf.engine(), 'runKernel')).toBe(false);
  });

  it('names the reader of a tensor that bypasses the operations, and refuses a frozen model', () => {
    const call = (x: tf.Tensor): tf.Tensor => scope('head', () => tf.relu(tf.tensor(x.dataSync(), x.shape)));
    expect(() => traceModel({ variables: {}, call }, [{ sample_size: [1, 4] }])).toThrow(/shape \[2, 4\], which head\/Relu_0 reads/u);
    expect(() => traceModel(Object.freeze({ variables: {}, call }), [{ sample_size: [1, 4] }])).toThrow(/is frozen/u);
  });

  it('follows broadcasts along the batch', () => {
    const model = { variables: {}, call: (x: tf.Tensor) => tf.where(tf.greater(x, 0), x, tf.broadcastTo(tf.zeros([1, 4]), x.shape)) };
    const { graph } = traceModel(model, [{ sample_size: [1, 4] }]);
    expect(graph.outputs.map((id) => graph.values[id]?.shape)).toEqual([[null, 4]]);
  });

  it('names the input of a model that was not used yet as after its use', () => {
    const model = smallSequential();
    const fresh = traceModel(model).graph.values[0]?.name;
    model.predict(tf.zeros([1, 8, 8, 3]));
    expect(traceModel(model).graph.values[0]?.name).toBe(fresh);
  });

  it('refuses what is no model, and a functional model of unknown input', () => {
    expect(() => traceModel({})).toThrow(/neither a tf.LayersModel/u);
    expect(() => traceModel(functionalModel())).toThrow(/input_info/u);
  });

  it('takes a channels-first sample size for a model that leaves its size open', () => {
    const model = tfl.sequential({ layers: [tfl.layers.conv2d({ filters: 2, kernelSize: 3, inputShape: [null, null, 3], name: 'c' })] });
    expect(() => traceModel(model)).toThrow(/leaves sizes open: \[\?, \?, \?, 3\]/u);
    expect(traceModel(model, [{ sample_size: [1, 3, 10, 12] }]).graph.values[0]?.shape).toEqual([null, 10, 12, 3]);
  });

  it('leaves no tensor behind', () => {
    const model = smallSequential();
    const before = tf.memory().numTensors;
    traceModel(model);
    expect(tf.memory().numTensors).toBe(before);
  });
});
