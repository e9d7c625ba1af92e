import { checkPlan, combineStages, mergePlan, printPlan, traceModel, type ModelGraph, type PlanCommand } from '@nncf/core';
import { smallSequential } from '@nncf/testing';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';

const graph: ModelGraph = traceModel(smallSequential()).graph;

const command = (over: Partial<PlanCommand>): PlanCommand => ({
  algorithm: 'a',
  operator: 'a/conv1/kernel',
  target: 'weight',
  transform: 'discretize',
  points: [{ node: 'conv1/Conv2D_0', port: 1 }],
  values: ['conv1/kernel'],
  description: 'int8',
  spec: {},
  ...over,
});

describe('plan', () => {
  it('puts masks before grids and keeps the order of the configuration otherwise', () => {
    const merged = mergePlan([
      command({ operator: 'q1' }),
      command({ operator: 'm1', transform: 'mask' }),
      command({ operator: 'q2' }),
      command({ operator: 'm2', transform: 'mask' }),
    ]);
    expect(merged.commands.map((each) => each.operator)).toEqual(['m1', 'm2', 'q1', 'q2']);
  });

  it('prints one line an operator', () => {
    expect(
      printPlan(
        mergePlan([
          command({}),
          command({
            operator: 'a/x',
            target: 'activation',
            points: [
              { node: 'n', port: 0 },
              { node: 'm', port: 1 },
            ],
          }),
        ]),
      ),
    ).toBe(
      [
        '# 2 operators: 1 on weights, 1 on activations',
        'weight discretize a/conv1/kernel | int8 | conv1/Conv2D_0[1]',
        'activation discretize a/x | int8 | n[0] m[1]',
        '',
      ].join('\n'),
    );
  });

  it('accepts what can be carried out', () => {
    expect(() => checkPlan({ commands: [command({}), command({ operator: 'mask', transform: 'mask' })] }, graph)).not.toThrow();
  });

  it.each([
    ['an address that is not there', { points: [{ node: 'conv9/Conv2D_0', port: 1 }] }, /conv9\/Conv2D_0, which is not in the model/u],
    ['an operand that is not there', { points: [{ node: 'conv1/Conv2D_0', port: 2 }] }, /operand 2 of conv1\/Conv2D_0, which has 2/u],
    ['the inside of a fused kernel', { points: [{ node: 'conv1/Relu_0', port: 0 }] }, /nothing can be inserted/u],
  ])('refuses %s', (_, over, message) => {
    expect(() => checkPlan({ commands: [command(over)] }, graph)).toThrow(message);
  });

  it('refuses two operators of one name and two grids on one operand', () => {
    expect(() => checkPlan({ commands: [command({}), command({ transform: 'mask' })] }, graph)).toThrow(/name of another operator/u);
    expect(() => checkPlan({ commands: [command({}), command({ algorithm: 'b', operator: 'b/conv1' })] }, graph)).toThrow(
      /both move operand 1 of conv1\/Conv2D_0/u,
    );
  });
});

describe('stage of a composite', () => {
  it.each([
    [[], 'FULLY_COMPRESSED'],
    [['UNCOMPRESSED', 'UNCOMPRESSED'], 'UNCOMPRESSED'],
    [['UNCOMPRESSED', 'FULLY_COMPRESSED'], 'PARTIALLY_COMPRESSED'],
    [['PARTIALLY_COMPRESSED', 'PARTIALLY_COMPRESSED'], 'PARTIALLY_COMPRESSED'],
    [['FULLY_COMPRESSED', 'FULLY_COMPRESSED'], 'FULLY_COMPRESSED'],
  ] as const)('%j is %s', (stages, expected) => {
    expect(combineStages(stages)).toBe(expected);
  });
});
