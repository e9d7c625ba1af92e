/** Sets that grow together: names that were ever joined belong to one set. */
export interface Groups {
  /** A fresh name in a set of its own. */
  create(): number;
  join(a: number, b: number): void;
  /** One name that stands for the whole set. */
  rootOf(name: number): number;
}

/** Disjoint sets. */
export function createGroups(): Groups {
  const parents: number[] = [];
  const rootOf = (name: number): number => {
    const parent = parents[name] ?? name;
    return parent === name ? name : (parents[name] = rootOf(parent));
  };
  return {
    create: () => parents.push(parents.length) - 1,
    join: (a, b) => {
      parents[rootOf(a)] = rootOf(b);
    },
    rootOf,
  };
}
