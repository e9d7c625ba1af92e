import type { OnnxGraph, OnnxInitializer, OnnxNode } from '../../emit/onnx-graph.ts';
import type { GraphEdit } from '../graph-edit.ts';
import { ChannelRegistry } from './channel-registry.ts';

/** Where the channels of a value are. */
export interface ChannelView {
  readonly channels: readonly number[];
  readonly axis: number;
  readonly rank: number;
  /**
   * The axis also holds the places of a picture: `major` with the channels as the outer part, `minor` as the inner one.
   */
  readonly flat?: 'major' | 'minor' | undefined;
}

/** An axis of a stored tensor that a node reads, and the channel at each position. */
export interface ChannelSlice {
  readonly node: OnnxNode;
  readonly port: number;
  readonly axis: number;
  readonly channels: readonly number[];
}

/** Follows channels through a file. What the handlers of the operations work with. */
export class ChannelFlow {
  readonly registry: ChannelRegistry = new ChannelRegistry();
  readonly slices: ChannelSlice[] = [];
  /** Convolutions with a group for each of these channels. */
  readonly groups: Map<OnnxNode, readonly number[]> = new Map();
  /** Reshapes whose last size is a multiple of the number of these channels. */
  readonly reshapes: Map<OnnxNode, readonly number[]> = new Map();
  private readonly edit: GraphEdit;
  private readonly views = new Map<string, ChannelView>();

  constructor(edit: GraphEdit) {
    this.edit = edit;
  }

  view(name: string | undefined): ChannelView | undefined {
    return name === undefined ? undefined : this.views.get(name);
  }

  constant(name: string | undefined): OnnxInitializer | undefined {
    return this.edit.constant(name);
  }

  producer(name: string): OnnxNode | undefined {
    return this.edit.uses.producer(name);
  }

  setView(name: string, view: ChannelView): void {
    this.views.set(name, view);
  }

  /** Says which channels an axis of a stored tensor belongs to; the tensor of a node that is read twice has them all in common. */
  slice(slice: ChannelSlice): void {
    const before = this.slices.find(({ node, port, axis }) => node === slice.node && port === slice.port && axis === slice.axis);
    if (before === undefined) this.slices.push(slice);
    else if (before.channels.length === slice.channels.length) this.registry.join(before.channels, slice.channels);
    else this.registry.keep([...before.channels, ...slice.channels]);
  }

  /** The channels of these values stay. */
  keep(names: Iterable<string>): void {
    for (const name of names) this.registry.keep(this.views.get(name)?.channels ?? []);
  }
}

/** The channels at an output of a node, or undefined when they cannot be followed. */
export type ChannelHandler = (flow: ChannelFlow, node: OnnxNode) => ChannelView | undefined;

/** Follows the channels of a whole file. Those that reach an output of the file, or a node without a handler, stay. */
export function followChannels(graph: OnnxGraph, edit: GraphEdit, handlers: Readonly<Record<string, ChannelHandler>>): ChannelFlow {
  const flow = new ChannelFlow(edit);
  for (const node of graph.nodes) {
    const view = node.outputs.length === 1 ? handlers[node.op]?.(flow, node) : undefined;
    if (view === undefined) flow.keep(node.inputs);
    else flow.setView(node.outputs[0] ?? '', view);
  }
  flow.keep(graph.outputs.map(({ name }) => name));
  return flow;
}
