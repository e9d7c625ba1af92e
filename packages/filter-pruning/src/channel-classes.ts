/**
 * Channels that live and die together, as classes of a union-find structure. A channel is a number.
 */
export class ChannelClasses {
  private readonly parents: number[] = [];
  private readonly pinned = new Set<number>();

  /** New channels, each a class of its own. */
  create(count: number): number[] {
    const first = this.parents.length;
    const channels = Array.from({ length: count }, (_, i) => first + i);
    this.parents.push(...channels);
    return channels;
  }

  /** New channels that must stay. */
  createPinned(count: number): number[] {
    const channels = this.create(count);
    this.pin(channels);
    return channels;
  }

  /** The class of a channel, named by one of its members. */
  classOf(channel: number): number {
    let root = channel;
    while (this.parents[root] !== root) root = this.parents[root] as number;
    for (let each = channel; each !== root;) {
      const next = this.parents[each] as number;
      this.parents[each] = root;
      each = next;
    }
    return root;
  }

  /** Makes two lists of channels the same, position by position. Lists of different lengths must all stay. */
  join(a: readonly number[], b: readonly number[]): void {
    if (a.length !== b.length) return this.pin([...a, ...b]);
    a.forEach((channel, i) => this.joinTwo(channel, b[i] as number));
  }

  /** These channels must stay. */
  pin(channels: Iterable<number>): void {
    for (const channel of channels) this.pinned.add(this.classOf(channel));
  }

  /** Whether a channel's class must stay. */
  isPinned(channel: number): boolean {
    return this.pinned.has(this.classOf(channel));
  }

  private joinTwo(a: number, b: number): void {
    const [root, other] = [this.classOf(a), this.classOf(b)];
    if (root === other) return;
    this.parents[other] = root;
    if (this.pinned.has(other)) this.pinned.add(root);
  }
}
