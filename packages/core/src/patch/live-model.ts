import { tidy, type Tensor } from '@tensorflow/tfjs-core';
import type { NodeObserver } from '../algorithm/definition.ts';
import type { TensorOperator } from '../algorithm/operator.ts';
import { activeTape, contentsOf, intercept, liftTo, scopeDepth, type OperationCall, type OperationHandler } from '../engine/interceptor.ts';
import { NncfError } from '../errors.ts';
import { canonicalOp, canonicalSteps } from '../graph/canonical.ts';
import { nodeNamed, type ModelGraph } from '../graph/model-graph.ts';
import type { ModelAdapter } from '../graph/model-adapter.ts';
import { ScopeTracker } from '../graph/scope-tracker.ts';
import type { CompressionPlan, InsertionPoint } from '../plan/compression-plan.ts';
import { checkSteps, stepProducts, type StepProducts } from './recurrent-steps.ts';

/** An operator at work; several operands may share it. */
interface Hook {
  readonly name: string;
  readonly operator: TensorOperator;
  readonly shared: boolean;
}

/** Hooks of one node in order of application, by port. */
interface NodeHooks {
  readonly operand: Map<number, Hook[]>;
  readonly result: Map<number, Hook[]>;
}

/** A result that is still good for the same tensor. */
interface Memo {
  readonly result: Tensor;
  readonly source: Tensor;
  /** The tape that it is on, whose owner frees it. */
  readonly tape: object | null;
  readonly stamp: readonly (object | number | boolean | null)[];
}

/** Carries a plan out in a running model. */
export class LiveModel {
  private readonly adapter: ModelAdapter;
  private readonly hooks = new Map<string, NodeHooks>();
  private readonly hooksByScope = new Map<string, number>();
  private readonly graph: ModelGraph;
  private readonly steps: StepProducts;
  private readonly observers = new Map<string, NodeObserver[]>();
  private observedScopes: ReadonlySet<string> = new Set();
  private readonly tracker: ScopeTracker;
  private readonly handler: OperationHandler;
  private readonly memos = new Map<string, Memo>();
  private restore: (() => void) | undefined;
  private onStep: (() => void) | undefined;
  private training = false;
  private outerDepth = 0;
  private fired = 0;
  /** Of the operation that runs now. */
  private address = '';

  constructor(
    adapter: ModelAdapter,
    plan: CompressionPlan,
    graph: ModelGraph,
    operators: ReadonlyMap<string, TensorOperator>,
    scopeCalls: ReadonlyMap<string, number>,
  ) {
    this.adapter = adapter;
    this.graph = graph;
    this.steps = stepProducts(graph);
    this.tracker = new ScopeTracker(scopeCalls);
    this.handler = { before: (call) => this.before(call), after: (call, outputs) => this.after(call, outputs) };
    for (const command of plan.commands) {
      const operator = operators.get(command.operator);
      if (operator === undefined) throw missingOperator(command.algorithm, command.operator);
      const hook: Hook = { name: command.operator, operator, shared: command.points.length > 1 };
      for (const point of command.points) this.addHook(point, hook);
    }
  }

  /** Puts the operators to work. Calling it twice does nothing. */
  attach(): void {
    this.restore ??= this.adapter.instrument(
      (scope, training, run) => this.around(scope, training, run),
      () => this.tracker.startPass(),
    );
  }

  /** Leaves the model as it was. */
  detach(): void {
    this.restore?.();
    this.restore = undefined;
    for (const memo of this.memos.values()) free(memo);
    this.memos.clear();
  }

  /** Lets observers look on until the returned function is called. Those of nodes that cannot be reached see nothing. */
  observe(observers: readonly NodeObserver[]): () => void {
    this.observers.clear();
    for (const observer of observers) this.observers.set(observer.node, [...(this.observers.get(observer.node) ?? []), observer]);
    this.observedScopes = new Set(observers.map(({ node }) => this.scopeOf(node)));
    return () => {
      this.observers.clear();
      this.observedScopes = new Set();
    };
  }

  /** Tells of every part of the model that runs while gradients are recorded. */
  watchSteps(onStep: () => void): void {
    this.onStep = onStep;
  }

  private scopeOf(node: string): string {
    return nodeNamed(this.graph, node)?.scope ?? '';
  }

  private addHook(point: InsertionPoint, hook: Hook): void {
    const node = this.hooks.get(point.node) ?? { operand: new Map<number, Hook[]>(), result: new Map<number, Hook[]>() };
    this.hooks.set(point.node, node);
    const ports = node[point.side ?? 'operand'];
    const scope = this.scopeOf(point.node);
    if (ports.size === 0) this.hooksByScope.set(scope, (this.hooksByScope.get(scope) ?? 0) + 1);
    ports.set(point.port, [...(ports.get(point.port) ?? []), hook]);
  }

  private around<T>(scope: string | undefined, training: boolean | undefined, run: () => T): T {
    if (activeTape() !== null) this.onStep?.();
    const outer = this.training;
    this.training = training ?? outer;
    try {
      if (scope !== undefined) return this.tracker.within(scope, (frame) => this.inScope(frame.path, run));
      return this.tracker.wholePass(() => this.inScope('', run));
    } finally {
      this.training = outer;
      this.dropStale();
    }
  }

  private inScope<T>(path: string, run: () => T): T {
    const expected = this.hooksByScope.get(path) ?? 0;
    if (expected === 0 && !this.observedScopes.has(path)) return run();
    const [depth, fired] = [this.outerDepth, this.fired];
    this.outerDepth = scopeDepth();
    this.fired = 0;
    try {
      const result = intercept(this.handler, run);
      checkSteps(this.steps, path, this.tracker.frame.operations);
      if (this.fired !== expected) throw missedHooks(path, expected, this.fired);
      return result;
    } finally {
      [this.outerDepth, this.fired] = [depth, fired];
    }
  }

  private before(call: OperationCall): readonly Tensor[] {
    this.address = this.tracker.nextOperation(canonicalOp(call.kernel));
    const operands = this.applyAll(this.hooks.get(this.address)?.operand, call.operands, (hook, x) =>
      hook.shared || isVariable(x) ? this.once(hook, x) : this.run(hook, x),
    );
    for (const observer of this.observers.get(this.address) ?? []) observer.see(operands);
    return operands;
  }

  /** Counts the parts of a fused kernel after the first, which `before` counted; the results are those of the last. */
  private after(call: OperationCall, outputs: readonly Tensor[]): readonly Tensor[] {
    if (!call.insertable) this.address = this.tracker.nextOperation(canonicalOp(call.kernel));
    for (const step of canonicalSteps(call.kernel, call.names, call.attrs).slice(1)) this.address = this.tracker.nextOperation(step.op);
    // Results are handed out, it may be to the caller: not to be kept, nor freed, here.
    return this.applyAll(this.hooks.get(this.address)?.result, outputs, (hook, x) => this.run(hook, x));
  }

  private applyAll(
    ports: ReadonlyMap<number, readonly Hook[]> | undefined,
    tensors: readonly Tensor[],
    apply: (hook: Hook, x: Tensor) => Tensor,
  ): readonly Tensor[] {
    if (ports === undefined || ports.size === 0) return tensors;
    this.fired++;
    return tensors.map((tensor, port) => (ports.get(port) ?? []).reduce((x, hook) => apply(hook, x), tensor));
  }

  private run(hook: Hook, x: Tensor): Tensor {
    return tidy(() => hook.operator.apply(x, { training: this.training }));
  }

  /** One result for all operands that read it: some of them stand outside the layer whose memory scope would free it. */
  private once(hook: Hook, x: Tensor): Tensor {
    const memo = this.memos.get(memoKey(hook, x));
    const tape = activeTape();
    if (memo?.tape === tape && !memo.result.isDisposed && sameStamp(memo.stamp, this.stamp(hook, x))) return memo.result;
    const result = this.run(hook, x);
    if (result === x) return x;
    liftTo(result, this.outerDepth);
    if (memo !== undefined) free(memo);
    this.memos.set(memoKey(hook, x), { result, source: x, tape, stamp: this.stamp(hook, x) });
    return result;
  }

  /** What the result depends on besides the tensor's identity. */
  private stamp(hook: Hook, x: Tensor): Memo['stamp'] {
    const parameters = hook.operator.parameters.map(contentsOf);
    return [contentsOf(x), this.training, hook.operator.revision ?? 0, ...parameters];
  }

  /** Frees results whose source is gone, and forgets what is freed. */
  private dropStale(): void {
    for (const [key, memo] of this.memos) {
      if (!memo.result.isDisposed && !memo.source.isDisposed) continue;
      free(memo);
      if (memo.result.isDisposed) this.memos.delete(key);
    }
  }
}

/** Frees a result that no tape needs: the tape that records now may. */
function free({ result, tape }: Memo): void {
  if (!result.isDisposed && (tape === null || tape !== activeTape())) result.dispose();
}

const isVariable = (x: Tensor): boolean => 'assign' in x;
const memoKey = (hook: Hook, x: Tensor): string => `${hook.name} ${x.id}`;

function sameStamp(a: Memo['stamp'], b: Memo['stamp']): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}

function missingOperator(algorithm: string, operator: string): NncfError {
  return new NncfError({
    code: 'PLAN_INVALID',
    source: algorithm,
    message: `The plan names the operator ${operator}, but the algorithm made none of that name.`,
    hint: '`create` must return an operator for every command it was given.',
  });
}

function missedHooks(scope: string, expected: number, fired: number): NncfError {
  return new NncfError({
    code: 'GRAPH_UNSTABLE',
    message: `The scope "${scope || 'of the whole model'}" ran ${fired} of its ${expected} compressed operations: it does not run what was traced.`,
    hint: 'Training and prediction must run the same convolutions and products. In functional code put each part into scope(name, fn).',
  });
}
