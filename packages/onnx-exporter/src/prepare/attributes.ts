import type { GraphNode, JsonValue } from '@nncf/core';
import { badAttribute } from '../errors.ts';

/** A number among a node's attributes. @param fallback used where the attribute is absent */
export function numberAttribute(node: GraphNode, key: string, fallback?: number): number {
  const value = node.attrs[key] ?? fallback;
  if (typeof value !== 'number') throw badAttribute(node, key, 'a number');
  return value;
}

/** A truth value among a node's attributes, false where it is absent. */
export function booleanAttribute(node: GraphNode, key: string): boolean {
  const value = node.attrs[key] ?? false;
  if (typeof value !== 'boolean') throw badAttribute(node, key, 'true or false');
  return value;
}

/** A string among a node's attributes. @param fallback used where the attribute is absent */
export function stringAttribute(node: GraphNode, key: string, fallback?: string): string {
  const value = node.attrs[key] ?? fallback;
  if (typeof value !== 'string') throw badAttribute(node, key, 'a string');
  return value;
}

/** Numbers among a node's attributes; a single number counts as a list of one. */
export function numbersAttribute(node: GraphNode, key: string, fallback?: readonly number[]): readonly number[] {
  const value = node.attrs[key] ?? fallback;
  const list = typeof value === 'number' ? [value] : value;
  if (!isNumbers(list)) throw badAttribute(node, key, 'numbers');
  return list;
}

/** One number for each of `count` axes; a single number stands for all of them. */
export function perAxisAttribute(node: GraphNode, key: string, count: number, fallback?: readonly number[]): readonly number[] {
  const list = numbersAttribute(node, key, fallback);
  const spread = list.length === 1 ? Array.from({ length: count }, () => list[0] ?? 1) : list;
  if (spread.length !== count) throw badAttribute(node, key, `${count} numbers`);
  return spread;
}

/** Pairs of numbers among a node's attributes, such as paddings. */
export function pairsAttribute(node: GraphNode, key: string): readonly (readonly [number, number])[] {
  const value: unknown = node.attrs[key];
  if (!Array.isArray(value)) throw badAttribute(node, key, 'pairs of numbers');
  return value.map((pair: unknown) => {
    if (!isNumbers(pair) || pair.length !== 2) throw badAttribute(node, key, 'pairs of numbers');
    return [pair[0] ?? 0, pair[1] ?? 0] as const;
  });
}

/** An axis, counted from the front. */
export function frontAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Names of the operands in order, as the kernel calls them. */
export function operandNames(node: GraphNode): readonly string[] {
  const names: JsonValue | undefined = node.attrs['inputNames'];
  return Array.isArray(names) ? names.map(String) : [];
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}
