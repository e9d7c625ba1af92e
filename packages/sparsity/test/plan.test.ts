import { printPlan, traceModel, type InputInfo, type PlanCommand, type Scoping } from '@nncf/core';
import { planMasks } from '@nncf/sparsity';
import { branchedModel, functionalModel, sharedModel, smallSequential } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import { expect, test } from 'vitest';

function plan(
  model: unknown,
  scoping: Scoping = {},
  inputs: readonly InputInfo[] = [],
): { commands: readonly PlanCommand[]; warnings: string[] } {
  const warnings: string[] = [];
  const { graph } = traceModel(model, inputs);
  const options = {
    algorithm: 'sparse',
    pointer: '/compression',
    scoping,
    description: 'a mask',
    warn: (message: string) => warnings.push(message),
  };
  return { commands: planMasks(graph, options), warnings };
}

const names = (commands: readonly PlanCommand[]): string[] => commands.flatMap(({ values }) => values);

describeBackends('planMasks', () => {
  test('one mask for each weight of a convolution or a product', () => {
    const { commands, warnings } = plan(smallSequential());
    expect(printPlan({ commands })).toMatchInlineSnapshot(`
      "# 3 operators: 3 on weights, 0 on activations
      weight mask sparse/conv1/kernel | a mask | conv1/Conv2D_0[1]
      weight mask sparse/conv2/kernel | a mask | conv2/Conv2D_0[1]
      weight mask sparse/dense/kernel | a mask | dense/MatMul_0[1]
      "
    `);
    expect(names(commands)).toEqual(['conv1/kernel', 'conv2/kernel', 'dense/kernel']);
    expect(commands[1]?.spec).toEqual({ shape: [3, 3, 4, 4] });
    expect(warnings).toEqual([]);
  });

  test('a shared weight has one mask, at every use', () => {
    const { commands } = plan(sharedModel());
    expect(commands).toHaveLength(1);
    expect(commands[0]?.points).toHaveLength(4);
  });

  test('functional code and branches', () => {
    expect(names(plan(functionalModel(), {}, [{ sample_size: [1, 8, 8, 3] }]).commands)).toEqual(['kernel', 'head']);
    expect(names(plan(branchedModel()).commands)).toHaveLength(4);
  });

  test.each<[Scoping, string[]]>([
    [{ ignored_scopes: ['conv1', 'dense'] }, ['conv2/kernel']],
    [{ ignored_scopes: '{re}^conv' }, ['dense/kernel']],
    [{ target_scopes: 'conv2' }, ['conv2/kernel']],
    [{ target_scopes: '{re}conv', ignored_scopes: 'conv1/Conv2D_0' }, ['conv2/kernel']],
  ])('%j', (scoping, expected) => {
    expect(names(plan(smallSequential(), scoping).commands)).toEqual(expected);
  });

  test('no weight left is a warning, an address of nothing an error', () => {
    const { commands, warnings } = plan(smallSequential(), { ignored_scopes: '{re}.' });
    expect(commands).toEqual([]);
    expect(warnings).toEqual(['The section at /compression leaves no weight of a convolution or a product to sparse.']);
    expect(() => plan(smallSequential(), { target_scopes: ['conv2', 'conv9'] })).toThrow(
      expect.objectContaining({ code: 'SCOPE_UNMATCHED' }),
    );
    expect(() => plan(smallSequential(), { target_scopes: ['conv2', 'conv9'] })).toThrow('/compression/target_scopes/1');
  });
});
