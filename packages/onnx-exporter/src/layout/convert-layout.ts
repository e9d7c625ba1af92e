import { sameLayout, wideAxes, type Layout, type Sizes } from './layout.ts';

/** What turns one layout into another, in this order. Numbers are ONNX axes. */
export interface LayoutSteps {
  /** Axes to drop, counted before. */
  readonly squeeze: readonly number[];
  readonly transpose: readonly number[] | undefined;
  /** Axes to add, counted after. */
  readonly unsqueeze: readonly number[];
}

/**
 * Steps from one layout of a tensor to another. Axes of size 1 are dropped and put back where that saves a transpose.
 * Both layouts must hold every axis whose size is not 1.
 */
export function layoutSteps(from: Layout, to: Layout, sizes: Sizes): LayoutSteps {
  const inOrder = sameLayout(wideAxes(from, sizes), wideAxes(to, sizes));
  const kept = from.filter((axis) => to.includes(axis));
  const ordered = to.filter((axis) => from.includes(axis));
  const shared = inOrder && !sameLayout(kept, ordered) ? wideAxes(kept, sizes) : kept;
  return {
    squeeze: positions(from, (axis) => !shared.includes(axis)),
    transpose: transposition(
      shared,
      ordered.filter((axis) => shared.includes(axis)),
    ),
    unsqueeze: positions(to, (axis) => !shared.includes(axis)),
  };
}

/** Whether the steps move elements in memory. */
export function needsTranspose(from: Layout, to: Layout, sizes: Sizes): boolean {
  return !sameLayout(wideAxes(from, sizes), wideAxes(to, sizes));
}

function positions(layout: Layout, isWanted: (axis: number) => boolean): readonly number[] {
  return layout.flatMap((axis, i) => (isWanted(axis) ? [i] : []));
}

function transposition(from: Layout, to: Layout): readonly number[] | undefined {
  return sameLayout(from, to) ? undefined : to.map((axis) => from.indexOf(axis));
}
