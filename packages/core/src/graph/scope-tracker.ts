/** One scope that the model is in: a layer, or a named part of functional code. */
export interface ScopeFrame {
  /** `encoder/conv1#1`. */
  readonly path: string;
  readonly operations: Map<string, number>;
  readonly children: Map<string, number>;
}

const newFrame = (path: string): ScopeFrame => ({
  path,
  operations: new Map(),
  children: new Map(),
});

function countUp(counts: Map<string, number>, key: string): number {
  const count = counts.get(key) ?? 0;
  counts.set(key, count + 1);
  return count;
}

/** Path of a scope below another: `parent/name`, `#k` for the k-th further time. */
function childPath(parent: string, name: string, index: number): string {
  const own = index === 0 ? name : `${name}#${index}`;
  return parent === '' ? own : `${parent}/${own}`;
}

/** Gives scopes and operations their addresses while a model runs. */
export class ScopeTracker {
  private readonly stack: ScopeFrame[] = [newFrame('')];
  /** How often each outermost scope is entered in one forward pass; unknown before the first trace. */
  private readonly calls: ReadonlyMap<string, number>;

  constructor(calls: ReadonlyMap<string, number> = new Map()) {
    this.calls = calls;
  }

  get frame(): ScopeFrame {
    return this.stack[this.stack.length - 1] as ScopeFrame;
  }

  /** Counts of the outermost scopes since the start. */
  get outermost(): ReadonlyMap<string, number> {
    return (this.stack[0] as ScopeFrame).children;
  }

  /** Runs `f` within a scope. A throw restarts the counting, since the rest of the forward pass will not come. */
  within<T>(name: string, f: (frame: ScopeFrame) => T): T {
    const frame = newFrame(this.nextPath(name));
    this.stack.push(frame);
    try {
      return f(frame);
    } catch (error) {
      this.stack[0]?.children.clear();
      throw error;
    } finally {
      this.stack.pop();
    }
  }

  /** Runs `f` as one whole forward pass. */
  wholePass<T>(f: () => T): T {
    if (this.stack.length > 1) return f();
    this.stack[0] = newFrame('');
    try {
      return f();
    } finally {
      this.stack[0] = newFrame('');
    }
  }

  /** Forgets what was counted before: by a pass that broke off, or by another model that shares layers. Not within a scope. */
  startPass(): void {
    if (this.stack.length === 1) this.stack[0] = newFrame('');
  }

  /** Address of the next operation of this kind in the present scope. */
  nextOperation(op: string): string {
    const { path, operations } = this.frame;
    const name = `${op}_${countUp(operations, op)}`;
    return path === '' ? name : `${path}/${name}`;
  }

  private nextPath(name: string): string {
    const parent = this.frame;
    const count = countUp(parent.children, name);
    // Another model may share the layer and run alone: after as many calls as the trace counted its next pass begins.
    const index = this.stack.length === 1 ? count % (this.calls.get(name) ?? Infinity) : count;
    return childPath(parent.path, name, index);
  }
}
