/** Enters a named scope and runs a function in it. */
export type EnterScope = <T>(name: string, f: () => T) => T;

let active: EnterScope | undefined;

/**
 * Names a part of a functional model, so that its operations have stable addresses: `scope('conv1', () => …)`. Scopes
 * nest. Outside a compressed or traced model it just calls `f`.
 */
export function scope<T>(name: string, f: () => T): T {
  return active === undefined ? f() : active(name, f);
}

/** Runs `f` with {@link scope} reporting to `enter`. */
export function withScopes<T>(enter: EnterScope, f: () => T): T {
  const outer = active;
  active = enter;
  try {
    return f();
  } finally {
    active = outer;
  }
}
