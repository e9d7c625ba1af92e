/**
 * The only file that touches the TensorFlow.js engine. It replaces `engine().runKernel` and `engine().customGrad` while a
 * function runs and puts them back afterwards, whatever happens. The double casts here reach fields that TensorFlow.js
 * keeps private; they are the reason for this file.
 */
import { engine, reshape, type Tensor } from '@tensorflow/tfjs-core';

/** One operation of the model on its way to the backend. */
export interface OperationCall {
  /** Kernel as it will run: `FusedConv2D`. Inside a fused operation's custom gradient known only in `after`. */
  readonly kernel: string;
  /** Operands in the kernel's order, implicit reshapes undone; absent ones left out. */
  readonly operands: readonly Tensor[];
  /** Name of each operand: `x`, `filter`; `0`, `1`, … for a list. */
  readonly names: readonly string[];
  readonly attrs: Readonly<Record<string, unknown>>;
  /** False inside a custom gradient that is not one of TensorFlow.js's fused operations. */
  readonly insertable: boolean;
}

/** What happens around each operation. */
export interface OperationHandler {
  /** Returns the operands to use, position by position; the same tensors where nothing changes. */
  before?(call: OperationCall): readonly Tensor[];
  /** Sees the results; may return others of the same shapes to be used in their place. */
  after?(call: OperationCall, outputs: readonly Tensor[]): readonly Tensor[] | undefined;
  /** An operation's result was reshaped without a change of meaning: `result` stands for `source` from now on. */
  renamed?(source: Tensor, result: Tensor): void;
}

type Inputs = Record<string, Tensor | undefined>;
type Attributes = Record<string, unknown>;
type RunKernel = (kernel: string, inputs: Inputs, attrs?: Attributes) => Tensor | Tensor[];
type CustomGradientFunction = (...inputs: unknown[]) => unknown;
type CustomGrad = (f: CustomGradientFunction) => (...inputs: Tensor[]) => Tensor;

interface EngineScope {
  readonly id: number;
  readonly name: string;
  readonly track: Tensor[];
}

interface OpenEngine {
  runKernel: RunKernel;
  customGrad: CustomGrad;
  readonly state: {
    /** Above zero inside a kernel or a custom gradient: nothing there reaches the tape. */
    readonly kernelDepth: number;
    readonly scopeStack: EngineScope[];
    readonly activeScope: EngineScope | null;
    /** Undefined before the first tape. */
    readonly activeTape: unknown[] | null | undefined;
  };
}

/** A fused operation whose kernel has yet to run inside its custom gradient. */
interface FusedFrame {
  readonly swaps: ReadonlyMap<Tensor, Tensor>;
  call?: OperationCall;
}

const open = (): OpenEngine => engine() as unknown as OpenEngine;

/** Custom gradients of TensorFlow.js that hold one fused kernel, and the kernel. */
const FUSED: Readonly<Record<string, string>> = {
  fusedConv2d__op: 'FusedConv2D',
  fusedDepthwiseConv2d__op: 'FusedDepthwiseConv2D',
  fusedMatMul__op: '_FusedMatMul',
};

/** Operations that reshape their operands to the kernel's rank and the result back. */
const RESHAPING: ReadonlySet<string> = new Set([
  'fusedConv2d__op',
  'conv2d__op',
  'fusedDepthwiseConv2d__op',
  'depthwiseConv2d__op',
  'conv2DBackpropInput__op',
  'fusedMatMul__op',
  'matMul__op',
  'batchNorm__op',
  'maxPool__op',
  'avgPool__op',
  'resizeBilinear__op',
  'resizeNearestNeighbor__op',
]);

let current: Interception | undefined;

/** Runs `f` with every operation of it passing the handler. The innermost handler alone sees an operation. */
export function intercept<T>(handler: OperationHandler, f: () => T): T {
  const interception = (current ??= new Interception());
  interception.enter(handler);
  try {
    return f();
  } finally {
    if (interception.leave()) current = undefined;
  }
}

/** Identity of the gradient tape that records now; null when none does. */
export function activeTape(): object | null {
  return open().state.activeTape ?? null;
}

/** How many memory scopes (`tf.tidy`) are open. */
export function scopeDepth(): number {
  return open().state.scopeStack.length;
}

/**
 * Moves a tensor from the innermost memory scope to the one at `depth` (as {@link scopeDepth} counts), so that it lives
 * as long as that scope. Does nothing when there is no such scope or the tensor is not the innermost scope's.
 */
export function liftTo(tensor: Tensor, depth: number): void {
  const { scopeStack, activeScope } = open().state;
  const target = scopeStack[depth - 1];
  const index = activeScope?.track.lastIndexOf(tensor) ?? -1;
  if (target === undefined || activeScope === null || index < 0) return;
  activeScope.track.splice(index, 1);
  target.track.push(tensor);
  (tensor as unknown as { scopeId: number }).scopeId = target.id;
}

/** Identity of a tensor's contents: changes when a variable is assigned. */
export function contentsOf(tensor: Tensor): object {
  return (tensor as unknown as { dataId: object }).dataId;
}

class Interception {
  private readonly handlers: OperationHandler[] = [];
  private readonly engine: OpenEngine = open();
  private readonly ownRunKernel: boolean = Object.hasOwn(this.engine, 'runKernel');
  private readonly ownCustomGrad: boolean = Object.hasOwn(this.engine, 'customGrad');
  private readonly runKernel: RunKernel = this.engine.runKernel;
  private readonly customGrad: CustomGrad = this.engine.customGrad;
  /** Reshaped operand to what it was. */
  private readonly aliases = new WeakMap<Tensor, Tensor>();
  /** Result of the last operation and the memory scope that it came from. */
  private last: { readonly tensor: Tensor; readonly scope: number } | undefined;
  private fused: FusedFrame | undefined;
  /** Above zero inside a kernel and inside the handler: what runs there is not the model's. */
  private nested = 0;

  enter(handler: OperationHandler): void {
    this.handlers.push(handler);
    if (this.handlers.length > 1) return;
    this.engine.runKernel = (kernel, inputs, attrs) => this.onKernel(kernel, inputs, attrs);
    this.engine.customGrad = (f) => this.onCustomGrad(f);
  }

  /** Returns true when the engine is as it was. */
  leave(): boolean {
    this.handlers.pop();
    if (this.handlers.length > 0) return false;
    restore(this.engine, 'runKernel', this.ownRunKernel ? this.runKernel : undefined);
    restore(this.engine, 'customGrad', this.ownCustomGrad ? this.customGrad : undefined);
    return true;
  }

  private get handler(): OperationHandler {
    return this.handlers.at(-1) ?? {};
  }

  private get reachesTape(): boolean {
    return this.engine.state.kernelDepth === 0;
  }

  private original(kernel: string, inputs: Inputs, attrs?: Attributes): Tensor | Tensor[] {
    return this.runKernel.call(this.engine, kernel, inputs, attrs);
  }

  /** Runs `f` with all operations passed straight through. */
  private silently<T>(f: () => T): T {
    this.nested++;
    try {
      return f();
    } finally {
      this.nested--;
    }
  }

  private onKernel(kernel: string, inputs: Inputs, attrs: Attributes = {}): Tensor | Tensor[] {
    if (this.fused !== undefined) return this.onFusedKernel(this.fused, kernel, inputs, attrs);
    if (this.nested > 0) return this.original(kernel, inputs, attrs);
    if (kernel === 'Reshape' && this.isImplicit()) return this.onImplicitReshape(inputs, attrs);
    const call = this.describe(kernel, inputs, attrs, this.reachesTape);
    const replaced = call.insertable ? this.replace(call) : undefined;
    const run = replaced === undefined ? inputs : withOperands(inputs, call.names, replaced, this.aliases);
    const out = this.silently(() => this.original(kernel, run, attrs));
    return this.finish(call, out);
  }

  private describe(kernel: string, inputs: Inputs, attrs: Attributes, insertable: boolean): OperationCall {
    const names = Object.keys(inputs).filter((name) => inputs[name] !== undefined && inputs[name] !== null);
    const operands = names.map((name) => this.resolve(inputs[name] as Tensor));
    return { kernel, operands, names, attrs, insertable };
  }

  private resolve(tensor: Tensor): Tensor {
    return this.aliases.get(tensor) ?? tensor;
  }

  /** The handler's operands, or undefined when it changes nothing. */
  private replace(call: OperationCall): readonly Tensor[] | undefined {
    const { handler } = this;
    if (handler.before === undefined) return undefined;
    const replaced = this.silently(() => handler.before?.(call) ?? call.operands);
    return replaced.some((tensor, i) => tensor !== call.operands[i]) ? replaced : undefined;
  }

  private finish(call: OperationCall, out: Tensor | Tensor[]): Tensor | Tensor[] {
    const outputs = Array.isArray(out) ? out : [out];
    const replaced = this.silently(() => this.handler.after?.(call, outputs) ?? outputs);
    const [first] = replaced;
    const scope = this.engine.state.activeScope;
    this.last = Array.isArray(out) || first === undefined || scope === null ? undefined : { tensor: first, scope: scope.id };
    return Array.isArray(out) ? [...replaced] : (first ?? out);
  }

  private isImplicit(): boolean {
    const { scopeStack } = this.engine.state;
    return scopeStack.at(-1)?.name === 'reshape__op' && RESHAPING.has(scopeStack.at(-2)?.name ?? '');
  }

  private onImplicitReshape(inputs: Inputs, attrs: Attributes): Tensor | Tensor[] {
    const out = this.silently(() => this.original('Reshape', inputs, attrs));
    const source = inputs['x'];
    if (source === undefined || Array.isArray(out)) return out;
    if (this.isResult(source)) this.handler.renamed?.(source, out);
    else this.aliases.set(out, this.resolve(source));
    return out;
  }

  /** Whether the tensor is the result of the operation that reshapes it now. */
  private isResult(source: Tensor): boolean {
    return this.last?.tensor === source && this.last.scope === this.engine.state.scopeStack.at(-2)?.id;
  }

  private onCustomGrad(f: CustomGradientFunction): (...inputs: Tensor[]) => Tensor {
    const kernel = FUSED[this.engine.state.activeScope?.name ?? ''];
    const run = this.customGrad.call(this.engine, f);
    if (this.nested > 0 || this.fused !== undefined) return run;
    return kernel === undefined ? run : (...inputs) => this.onFused(kernel, run, inputs);
  }

  private onFused(kernel: string, run: (...inputs: Tensor[]) => Tensor, inputs: Tensor[]): Tensor {
    const names = kernel === '_FusedMatMul' ? ['a', 'b', 'bias'] : ['x', 'filter', 'bias'];
    const operands = inputs.map((input) => this.resolve(input));
    const call: OperationCall = {
      kernel,
      operands,
      names: names.slice(0, inputs.length),
      attrs: {},
      insertable: this.reachesTape,
    };
    const replaced = call.insertable ? this.replace(call) : undefined;
    const used = replaced === undefined ? inputs : inputs.map((input, i) => substitute(input, operands[i], replaced[i]));
    const frame: FusedFrame = {
      swaps: new Map(inputs.map((input, i) => [input, used[i] ?? input])),
    };
    const out = this.inFused(frame, () => run(...used));
    return frame.call === undefined ? out : (this.finish(frame.call, out) as Tensor);
  }

  private inFused<T>(frame: FusedFrame, f: () => T): T {
    this.fused = frame;
    try {
      return f();
    } finally {
      this.fused = undefined;
    }
  }

  /** The kernel of a fused operation gets the operands that the custom gradient got. */
  private onFusedKernel(frame: FusedFrame, kernel: string, inputs: Inputs, attrs: Attributes): Tensor | Tensor[] {
    if (frame.call !== undefined) return this.original(kernel, inputs, attrs);
    frame.call = this.describe(kernel, inputs, attrs, true);
    const swapped = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input && (frame.swaps.get(input) ?? input)]));
    return this.original(kernel, swapped, attrs);
  }
}

function restore(target: OpenEngine, method: 'runKernel' | 'customGrad', own: RunKernel | CustomGrad | undefined): void {
  if (own === undefined) Reflect.deleteProperty(target, method);
  else Reflect.set(target, method, own);
}

/** `replacement` in the shape that the kernel asked for. */
function substitute(input: Tensor, operand: Tensor | undefined, replacement: Tensor | undefined): Tensor {
  if (replacement === undefined || replacement === operand) return input;
  return operand === input ? replacement : reshape(replacement, input.shape);
}

function withOperands(inputs: Inputs, names: readonly string[], replaced: readonly Tensor[], aliases: WeakMap<Tensor, Tensor>): Inputs {
  const entries = names.map((name, i) => {
    const input = inputs[name] as Tensor;
    return [name, substitute(input, aliases.get(input) ?? input, replaced[i])] as const;
  });
  // A list of tensors must stay a list: `Concat` and `Pack` read it as an array.
  return Array.isArray(inputs) ? (entries.map(([, tensor]) => tensor) as unknown as Inputs) : { ...inputs, ...Object.fromEntries(entries) };
}
