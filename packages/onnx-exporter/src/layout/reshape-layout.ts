import { isWide, plainLayout, sameLayout, wideAxes, type Layout, type Sizes } from './layout.ts';

/** Axes before a reshape that become axes after it; the products of their sizes are equal. */
interface AxisGroup {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** A shape whose sizes are known at one batch size. */
export interface TracedShape {
  readonly sizes: Sizes;
  /** Sizes at batch size `batch`. */
  readonly traced: readonly number[];
}

/** How a reshape is done in the file. */
export type ReshapePlan =
  /** The elements stay, axes get new names; `squeeze` are axes of size 1 to drop first. */
  | { readonly kind: 'relabel'; readonly squeeze: readonly number[]; readonly layout: Layout }
  /** A real reshape of the tensor in the layout `from` to the axes of `layout`. */
  | { readonly kind: 'reshape'; readonly from: Layout; readonly layout: Layout };

/**
 * Finds the cheapest way to reshape a tensor that lies in a layout: none at all when only axes of size 1 come and go, a
 * reshape in place when every group of axes lies together, else a reshape of the plain layout.
 */
export function planReshape(layout: Layout, before: TracedShape, after: TracedShape): ReshapePlan {
  const groups = axisGroups(before, after);
  const wide = wideAxes(layout, before.sizes);
  const ordered = groupsInOrder(groups, wide);
  if (ordered === undefined)
    return {
      kind: 'reshape',
      from: plainLayout(before.sizes.length),
      layout: plainLayout(after.sizes.length),
    };
  if (groups.every(({ from, to }) => from.length === 1 && to.length === 1)) return relabel(layout, groups, before.sizes, after.sizes);
  return { kind: 'reshape', from: layout, layout: withOnes(ordered, after.sizes) };
}

/** The layout of the result, with its axes of size 1 where the order is the plain one anyway. */
function withOnes(groups: readonly AxisGroup[], sizes: Sizes): Layout {
  const layout = groups.flatMap(({ to }) => to);
  const plain = plainLayout(sizes.length);
  return sameLayout(layout, wideAxes(plain, sizes)) ? plain : layout;
}

/** Groups in the order of the layout; undefined when a group's axes do not lie together in order. */
function groupsInOrder(groups: readonly AxisGroup[], wide: Layout): AxisGroup[] | undefined {
  const ordered = groups.toSorted((a, b) => wide.indexOf(a.from[0] ?? -1) - wide.indexOf(b.from[0] ?? -1));
  return sameLayout(
    ordered.flatMap(({ from }) => from),
    wide,
  )
    ? ordered
    : undefined;
}

function relabel(layout: Layout, groups: readonly AxisGroup[], before: Sizes, after: Sizes): ReshapePlan {
  const names = new Map(groups.map(({ from, to }) => [from[0] ?? -1, to[0] ?? -1]));
  for (const [axis, name] of matchingOnes(before, after)) names.set(axis, name);
  return {
    kind: 'relabel',
    squeeze: layout.flatMap((axis, i) => (names.has(axis) ? [] : [i])),
    layout: layout.flatMap((axis) => names.get(axis) ?? []),
  };
}

/** Pairs axes of size 1 that stand between the same other axes before and after. */
function matchingOnes(before: Sizes, after: Sizes): readonly (readonly [number, number])[] {
  const free = onesByGap(after);
  return onesByGap(before).flatMap(({ axis, gap }) => {
    const at = free.findIndex((one) => one.gap === gap);
    const [one] = at < 0 ? [] : free.splice(at, 1);
    return one === undefined ? [] : [[axis, one.axis] as const];
  });
}

function onesByGap(sizes: Sizes): { axis: number; gap: number }[] {
  return sizes.flatMap((_, axis) => (isWide(sizes, axis) ? [] : [{ axis, gap: wideAxes(plainLayout(axis), sizes).length }]));
}

/** Product of sizes: a number, and how often the batch size is a factor. */
interface Product {
  readonly number: number;
  readonly batches: number;
}

function axisGroups(before: TracedShape, after: TracedShape): readonly AxisGroup[] {
  let sources = wideAxes(plainLayout(before.sizes.length), before.sizes);
  let targets = wideAxes(plainLayout(after.sizes.length), after.sizes);
  const groups: AxisGroup[] = [];
  while (sources.length > 0 || targets.length > 0) {
    const [left, right] = firstGroup(sources, targets, before, after);
    groups.push({ from: sources.slice(0, left), to: targets.slice(0, right) });
    sources = sources.slice(left);
    targets = targets.slice(right);
  }
  return groups;
}

/** How many axes of either side make the first group: the fewest whose products are equal. */
function firstGroup(sources: Layout, targets: Layout, before: TracedShape, after: TracedShape): readonly [number, number] {
  let [left, right] = [1, 1];
  while (left < sources.length || right < targets.length) {
    const a = productOf(sources.slice(0, left), before);
    const b = productOf(targets.slice(0, right), after);
    if (a.number === b.number && a.batches === b.batches) break;
    if (right >= targets.length || (left < sources.length && isBehind(a, b))) left++;
    else right++;
  }
  return [left, right];
}

function isBehind(a: Product, b: Product): boolean {
  return a.batches === b.batches ? a.number < b.number : a.batches < b.batches;
}

// The batch's own factor in the trace cancels: both sides have it equally often once their products agree.
function productOf(axes: readonly number[], { sizes, traced }: TracedShape): Product {
  return {
    number: axes.reduce((product, axis) => product * (traced[axis] ?? 1), 1),
    batches: axes.filter((axis) => sizes[axis] === null).length,
  };
}
