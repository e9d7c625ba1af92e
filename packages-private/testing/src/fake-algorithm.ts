import {
  constantScheduler,
  defineAlgorithm,
  NncfError,
  operandValue,
  weightUses,
  type AlgorithmDefinition,
  type AlgorithmState,
  type CompressionAlgorithm,
  type CreateContext,
  type ModelGraph,
  type PlanCommand,
  type TensorOperator,
} from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';

/** Options of the fake algorithm. */
export interface FakeConfig {
  /** Factor that every operand of a convolution or product is multiplied by at the start. */
  readonly factor: number;
  /** Whether training without `initialize` starts from a guess. */
  readonly guesses: boolean;
}

/** What a fake algorithm saw, newest last. */
export interface FakeLog {
  readonly applied: { readonly operator: string; readonly training: boolean }[];
}

/**
 * A whole compression method in its simplest form: multiplies operands by one trained factor. It records what runs, so
 * that tests see order and mode.
 */
export function fakeAlgorithm(name: string, log: FakeLog = { applied: [] }): AlgorithmDefinition<FakeConfig> {
  return defineAlgorithm<FakeConfig>({
    name,
    schema: z.strictObject({ factor: z.number().default(1), guesses: z.boolean().default(false) }),
    plan: (graph) => planProducts(name, graph),
    create: (context) => new FakeController(name, context, log),
  });
}

/** One operator a weight, one an input of a product. */
function planProducts(name: string, graph: ModelGraph): PlanCommand[] {
  return weightUses(graph).flatMap(({ variable, points, products }) => {
    const common = { algorithm: name, transform: 'mask', description: 'times a factor', spec: {} } as const;
    const weight = points.map(({ node, port }) => ({ node: node.name, port }));
    const inputs = products.map((product): PlanCommand => {
      const value = operandValue(graph, product, 0).name;
      return {
        ...common,
        operator: `${name}/${product.name}`,
        target: 'activation',
        points: [{ node: product.name, port: 0 }],
        values: [value],
      };
    });
    return [{ ...common, operator: `${name}/${variable.name}`, target: 'weight', points: weight, values: [variable.name] }, ...inputs];
  });
}

class FakeController implements CompressionAlgorithm {
  readonly name: string;
  readonly stateVersion = 1;
  readonly operators: ReadonlyMap<string, TensorOperator>;
  readonly scheduler = constantScheduler;
  readonly needsInitialization: boolean;
  private readonly factor: tf.Variable;

  constructor(name: string, context: CreateContext<FakeConfig>, log: FakeLog) {
    this.name = name;
    this.needsInitialization = context.config.guesses;
    const factor = tf.tidy(() => tf.variable(tf.scalar(context.config.factor)));
    this.factor = factor;
    const operator = (id: string): TensorOperator => ({
      kind: 'fake',
      parameters: [factor],
      apply: (x, { training }) => (log.applied.push({ operator: id, training }), tf.mul(x, factor)),
    });
    this.operators = new Map(context.commands.map((command) => [command.operator, operator(command.operator)]));
  }

  get parameters(): CompressionAlgorithm['parameters'] {
    return [{ name: 'factor', variable: this.factor }];
  }

  async initialize(): Promise<void> {}

  stage(): 'FULLY_COMPRESSED' {
    return 'FULLY_COMPRESSED';
  }

  statistics(): ReturnType<CompressionAlgorithm['statistics']> {
    return { values: { factor: this.factor.dataSync()[0] ?? 0 }, tables: [] };
  }

  state(): AlgorithmState {
    return {
      json: { operators: [...this.operators.keys()] },
      tensors: { factor: { shape: [], dtype: 'float32', data: Float32Array.from(this.factor.dataSync()) } },
    };
  }

  loadState(state: AlgorithmState): void {
    const data = state.tensors['factor']?.data;
    const sameModel = JSON.stringify(state.json['operators']) === JSON.stringify([...this.operators.keys()]);
    if (data === undefined || !sameModel) throw new NncfError({ code: 'STATE_MISMATCH', message: 'The state is of another model.' });
    tf.tidy(() => this.factor.assign(tf.scalar(data[0] ?? 0)));
  }

  dispose(): void {
    this.factor.dispose();
  }
}
