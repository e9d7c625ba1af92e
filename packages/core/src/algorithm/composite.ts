import { addN, scalar, tidy, type Scalar } from '@tensorflow/tfjs-core';
import type { JsonObject } from '../json.ts';
import type { AlgorithmState, CompressionAlgorithm, CompressionParameter, InitializeContext } from './definition.ts';
import type { TensorOperator } from './operator.ts';
import type { CompressionScheduler } from './scheduler.ts';
import { combineStages, type CompressionStage } from './stage.ts';
import type { Statistics } from './statistics.ts';

/**
 * Several methods in one model. Losses add, schedulers step in order, the stage is the common one or
 * partial, statistics stand side by side by name (section 3 of arXiv 2002.08679).
 */
export class CompositeAlgorithm {
  readonly members: readonly CompressionAlgorithm[];
  readonly scheduler: CompressionScheduler;

  constructor(members: readonly CompressionAlgorithm[]) {
    this.members = members;
    this.scheduler = compositeScheduler(members);
  }

  get operators(): ReadonlyMap<string, TensorOperator> {
    return new Map(this.members.flatMap((member) => [...member.operators]));
  }

  /** Trained parameters, named `<algorithm>/<parameter>`. */
  get parameters(): readonly CompressionParameter[] {
    return this.members.flatMap((member) => member.parameters.map((each) => ({ ...each, name: `${member.name}/${each.name}` })));
  }

  async initialize(context: InitializeContext): Promise<void> {
    for (const member of this.members) await member.initialize(context);
  }

  /** Whether any member has a loss term. */
  get hasLoss(): boolean {
    return this.members.some((member) => member.loss !== undefined);
  }

  /** Sum of the members' terms; 0 where there is none. */
  loss(): Scalar {
    return tidy(() => {
      const terms = this.members.flatMap((member) => (member.loss === undefined ? [] : [member.loss()]));
      return terms.length === 0 ? scalar(0) : addN(terms);
    });
  }

  stage(): CompressionStage {
    return combineStages(this.members.map((member) => member.stage()));
  }

  statistics(): Statistics {
    return Object.fromEntries(this.members.map((member) => [member.name, member.statistics()]));
  }

  state(): Readonly<Record<string, AlgorithmState>> {
    return Object.fromEntries(this.members.map((member) => [member.name, member.state()]));
  }

  dispose(): void {
    for (const member of this.members) member.dispose();
  }
}

function compositeScheduler(members: readonly CompressionAlgorithm[]): CompressionScheduler {
  return {
    step: () => members.forEach((member) => member.scheduler.step()),
    epochStep: (completed) => members.forEach((member) => member.scheduler.epochStep(completed)),
    // Where several methods prescribe, the one that stands first in the configuration has its way.
    hyperparameters: () => members.map((member) => member.scheduler.hyperparameters?.()).find((wish) => wish !== undefined),
    state: () => Object.fromEntries(members.map((member) => [member.name, member.scheduler.state()])),
    loadState: (state: JsonObject) => members.forEach((member) => member.scheduler.loadState((state[member.name] ?? {}) as JsonObject)),
  };
}
